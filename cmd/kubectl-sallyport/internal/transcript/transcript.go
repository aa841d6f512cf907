// Package transcript turns the records of a session into lines: what was typed and what was shown, each with its
// time and its subject.
//
// Records hold whatever bytes one read gave; a line may be spread over many of them. An entry has the time of
// its first byte and comes when its line is complete, so entries of different streams may be out of order by the
// time a line took. Each forwarded connection has lines of its own, in both directions. A line end is LF; in
// stdin also CR, which is what the Enter key sends. Bytes are kept as they are, but for the line end.
package transcript

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/sallyport-dev/sallyport/internal/archive"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// MaxLine is the number of bytes after which a line is cut, against a stream without line ends.
const MaxLine = 64 << 10

// Entry is one line.
type Entry struct {
	Time   time.Time // of its first byte, UTC
	By     string
	Stream recording.Stream
	// Connection is the number of the forwarded connection; 0 for none.
	Connection uint64
	Text       []byte // valid until the next entry
}

// Source names the stream, and the connection that it is of.
func (e Entry) Source() string {
	if e.Connection == 0 {
		return string(e.Stream)
	}
	return fmt.Sprintf("%s/%d", e.Stream, e.Connection)
}

// source is one stream, of one connection where there are many.
type source struct {
	stream     recording.Stream
	connection uint64
}

// Entries yields the lines of records. A stream that is an archive has no lines: its members are told. After an error it yields nothing more.
func Entries(open *recording.Open, records iter.Seq2[recording.Record, error]) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		lines := map[source]*line{
			{stream: recording.Stdin}:  {ends: "\r\n"},
			{stream: recording.Stdout}: {ends: "\n"},
			{stream: recording.Stderr}: {ends: "\n"},
		}
		for rec, err := range records {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if open.Archive != nil && rec.Stream == open.Archive.Stream {
				continue
			}
			if !next(lines, rec, yield) {
				return
			}
		}
		flush(lines, yield)
	}
}

// next yields what a record completes.
func next(lines map[source]*line, rec recording.Record, yield func(Entry, error) bool) bool {
	from := source{rec.Stream, rec.Connection}
	if lines[from] == nil && (rec.Stream == recording.ForwardIn || rec.Stream == recording.ForwardOut) {
		lines[from] = &line{ends: "\n"}
	}
	if l := lines[from]; l != nil {
		return l.add(rec, yield)
	}
	if rec.Stream == recording.Ended && !flush(lines, yield) {
		return false
	}
	// At its end nothing more comes of a connection; at its beginning nothing has come yet.
	for _, s := range []recording.Stream{recording.ForwardIn, recording.ForwardOut} {
		if rec.Stream == recording.Forward && !flushOne(lines, source{s, rec.Connection}, yield) {
			return false
		}
	}
	return yield(Entry{Time: rec.Time, By: rec.By, Stream: rec.Stream, Connection: rec.Connection, Text: event(rec)}, nil)
}

// flush yields what has no line end yet.
func flush(lines map[source]*line, yield func(Entry, error) bool) bool {
	order := func(x, y source) int {
		return cmp.Or(cmp.Compare(rank(x.stream), rank(y.stream)), cmp.Compare(x.connection, y.connection))
	}
	for _, from := range slices.SortedFunc(maps.Keys(lines), order) {
		if !flushOne(lines, from, yield) {
			return false
		}
	}
	return true
}

func rank(s recording.Stream) int {
	return slices.Index([]recording.Stream{recording.Stdin, recording.Stdout, recording.Stderr, recording.ForwardIn, recording.ForwardOut}, s)
}

// flushOne also forgets the connection.
func flushOne(lines map[source]*line, from source, yield func(Entry, error) bool) bool {
	l := lines[from]
	if from.connection > 0 {
		delete(lines, from)
	}
	return l == nil || len(l.entry.Text) == 0 || l.emit(yield)
}

// line collects one stream.
type line struct {
	ends  string
	entry Entry
}

func (l *line) add(rec recording.Record, yield func(Entry, error) bool) bool {
	data := rec.Data
	for len(data) > 0 {
		if len(l.entry.Text) == 0 {
			l.entry = Entry{Time: rec.Time, By: rec.By, Stream: rec.Stream, Connection: rec.Connection, Text: l.entry.Text}
		}
		end := bytes.IndexAny(data, l.ends)
		room := MaxLine - len(l.entry.Text)
		switch {
		case end >= 0 && end <= room:
			l.entry.Text = append(l.entry.Text, data[:end]...)
			data = data[end+1:]
			if !l.emit(yield) {
				return false
			}
		case len(data) > room:
			l.entry.Text = append(l.entry.Text, data[:room]...)
			data = data[room:]
			if !l.emit(yield) {
				return false
			}
		default:
			l.entry.Text = append(l.entry.Text, data...)
			data = nil
		}
	}
	return true
}

func (l *line) emit(yield func(Entry, error) bool) bool {
	e := l.entry
	e.Text = bytes.TrimSuffix(e.Text, []byte("\r"))
	l.entry.Text = l.entry.Text[:0]
	return yield(e, nil)
}

// event says in words what a record without stream data means.
func event(rec recording.Record) []byte {
	var text string
	var err error
	switch rec.Stream {
	case recording.Ended:
		text, err = words(rec.Data, Exit)
	case recording.Member:
		text, err = words(rec.Data, archive.Member.String)
	case recording.Archive:
		text, err = words(rec.Data, recording.ArchiveEnd.String)
	case recording.Forward:
		text, err = words(rec.Data, recording.ForwardEvent.Words)
	case recording.SecretValue:
		text, err = words(rec.Data, recording.SecretChange.Words)
	case recording.Stdin, recording.Stdout, recording.Stderr, recording.Resize, recording.Note, recording.ForwardIn, recording.ForwardOut:
		fallthrough
	default:
		return rec.Data
	}
	if err != nil {
		return rec.Data
	}
	return []byte(text)
}

func words[T any](data []byte, say func(T) string) (string, error) {
	var what T
	err := json.Unmarshal(data, &what)
	return say(what), err
}

// Exit says in words how a session ended, and what had become of its process.
func Exit(e recording.Exit) string {
	text := Ending(e)
	if words := e.ProcessWords(); words != "" {
		text += " (" + words + ")"
	}
	return text
}

// Ending says in words how a session ended.
func Ending(e recording.Exit) string {
	text := e.Reason
	if e.Code != nil {
		text += fmt.Sprintf(", exit code %d", *e.Code)
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}
