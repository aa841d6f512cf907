// Package transcript turns the records of a session into lines: what was typed and what was shown, each with its
// time and its subject.
//
// Records hold whatever bytes one read gave; a line may be spread over many of them. An entry has the time of its
// first byte and comes when its line is complete, so entries of different streams may be out of order by the time a
// line took. A line end is LF; in stdin also CR, which is what the Enter key sends. Bytes are kept as they are, but
// for the line end.
package transcript

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
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
	Text   []byte // valid until the next entry
}

// Entries yields the lines of records. A stream that is an archive has no lines: its members are told. After an error it yields nothing more.
func Entries(open *recording.Open, records iter.Seq2[recording.Record, error]) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		lines := map[recording.Stream]*line{
			recording.Stdin:  {ends: "\r\n"},
			recording.Stdout: {ends: "\n"},
			recording.Stderr: {ends: "\n"},
		}
		for rec, err := range records {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if open.Archive != nil && rec.Stream == open.Archive.Stream {
				continue
			}
			if l := lines[rec.Stream]; l != nil {
				if !l.add(rec, yield) {
					return
				}
				continue
			}
			if rec.Stream == recording.Ended && !flush(lines, yield) {
				return
			}
			if !yield(Entry{Time: rec.Time, By: rec.By, Stream: rec.Stream, Text: event(rec)}, nil) {
				return
			}
		}
		flush(lines, yield)
	}
}

// flush yields what has no line end yet.
func flush(lines map[recording.Stream]*line, yield func(Entry, error) bool) bool {
	for _, s := range []recording.Stream{recording.Stdin, recording.Stdout, recording.Stderr} {
		if l := lines[s]; len(l.entry.Text) > 0 && !l.emit(yield) {
			return false
		}
	}
	return true
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
			l.entry = Entry{Time: rec.Time, By: rec.By, Stream: rec.Stream, Text: l.entry.Text}
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
	case recording.Stdin, recording.Stdout, recording.Stderr, recording.Resize, recording.Note:
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

// Exit says in words how a session ended.
func Exit(e recording.Exit) string {
	text := e.Reason
	if e.Code != nil {
		text += fmt.Sprintf(", exit code %d", *e.Code)
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Process == recording.ProcessRunning {
		text += " (the process was still running)"
	}
	return text
}
