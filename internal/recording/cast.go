package recording

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/sallyport-dev/sallyport/internal/archive"
	"github.com/sallyport-dev/sallyport/internal/asciicast"
)

const (
	defaultCols, defaultRows = 80, 24
	// sizeWithin is how many records are searched for the first size: a terminal
	// sends it at once.
	sizeWithin = 64
)

// Cast writes the recording as an asciicast: both output streams as output,
// stdin as input, notes, the events of forwarded connections and changes of Secrets as markers. It is a view for people: bytes that are no
// text are replaced, stdout and stderr are merged, and where there was no
// terminal a newline also returns the carriage, as a terminal would have done.
// The bytes of forwarded connections are no terminal's, and are left out.
// Instead of an archive it shows a line for each member.
func Cast(ctx context.Context, w io.Writer, r *Recording, v asciicast.Version) error {
	cols, rows, err := r.firstSize(ctx)
	if err != nil {
		return err
	}
	enc, err := asciicast.NewEncoder(w, asciicast.Header{
		Version: v, Cols: cols, Rows: rows, Timestamp: r.Open.Started,
		Title:   fmt.Sprintf("%s in %s/%s/%s", r.Open.Subject.Username, r.Open.Namespace, r.Open.Pod, r.Open.Container),
		Command: strings.Join(r.Open.Argv, " "),
	})
	if err != nil {
		return fmt.Errorf("casting recording %s: %w", r.ID, err)
	}
	c := caster{enc: enc, tty: r.Open.TTY, text: map[Stream]*asciicast.Text{Stdin: {}, Stdout: {}, Stderr: {}}}
	if r.Open.Archive != nil {
		c.packed = r.Open.Archive.Stream
	}
	for rec, err := range r.Records(ctx) {
		if err == nil {
			err = c.record(rec)
		}
		if err != nil {
			return fmt.Errorf("casting recording %s: %w", r.ID, err)
		}
	}
	return c.flush()
}

// firstSize returns the size that the terminal had at first.
func (r *Recording) firstSize(ctx context.Context) (cols, rows int, err error) {
	for rec, err := range r.Records(ctx) {
		if err != nil {
			return 0, 0, err
		}
		if rec.Stream == Resize {
			if cols, rows, err := (asciicast.Event{Data: string(rec.Data)}).Size(); err == nil {
				return cols, rows, nil
			}
		}
		if rec.N >= sizeWithin {
			break
		}
	}
	return defaultCols, defaultRows, nil
}

type caster struct {
	enc *asciicast.Encoder
	tty bool
	// packed is the stream that is an archive, if one is: for people its members stand for it.
	packed Stream
	text   map[Stream]*asciicast.Text
	last   Record
}

func (c *caster) record(rec Record) error {
	c.last = rec
	switch rec.Stream {
	case Stdin, Stdout, Stderr:
		if c.packed == rec.Stream {
			return nil
		}
		return c.put(rec, c.text[rec.Stream].Decode(rec.Data))
	case Member, Archive:
		return c.archive(rec)
	case Resize:
		return c.event(asciicast.Resize, string(rec.Data))
	case Note:
		return c.event(asciicast.Marker, string(rec.Data))
	case Forward:
		return c.event(asciicast.Marker, forwardWords(rec))
	case SecretValue:
		return c.event(asciicast.Marker, secretWords(rec))
	case Ended:
		return c.exit(rec)
	case ForwardIn, ForwardOut:
		return nil
	default:
		return nil
	}
}

func (c *caster) put(rec Record, text string) error {
	if text == "" {
		return nil
	}
	if rec.Stream == Stdin {
		return c.event(asciicast.Input, text)
	}
	if !c.tty {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return c.event(asciicast.Output, text)
}

// archive shows a member as a line of output, where all of it passed or nothing more will.
func (c *caster) archive(rec Record) error {
	var member archive.Member
	var end ArchiveEnd
	var line string
	var err error
	if rec.Stream == Member {
		err = json.Unmarshal(rec.Data, &member)
		line = member.String()
	} else {
		err = json.Unmarshal(rec.Data, &end)
		line = end.String()
	}
	if err != nil || member.State == archive.StateBegun {
		return err
	}
	return c.event(asciicast.Output, line+"\r\n")
}

func (c *caster) event(code asciicast.Code, data string) error {
	return c.enc.Encode(asciicast.Event{At: c.last.Offset, Code: code, Data: data})
}

// exit ends the cast: what is held back of the streams, why it ended, and the
// status.
func (c *caster) exit(rec Record) error {
	if err := c.flush(); err != nil {
		return err
	}
	var exit Exit
	if err := json.Unmarshal(rec.Data, &exit); err != nil {
		return fmt.Errorf("parsing the exit: %w", err)
	}
	if err := c.event(asciicast.Marker, exit.Reason); err != nil || exit.Code == nil {
		return err
	}
	return c.event(asciicast.Exit, strconv.Itoa(*exit.Code))
}

func (c *caster) flush() error {
	for _, s := range []Stream{Stdin, Stdout, Stderr} {
		if err := c.put(Record{Stream: s}, c.text[s].Flush()); err != nil {
			return err
		}
	}
	return nil
}
