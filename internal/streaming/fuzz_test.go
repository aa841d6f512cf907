package streaming

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/streaming/pkg/httpstream"
)

// FuzzReceive feeds messages to every wire. What comes out of stdin is what was put on channel 0, and nothing panics.
func FuzzReceive(f *testing.F) {
	f.Add("", []byte("\x00hello"), []byte("\xff\x00"))
	f.Add("v5.channel.k8s.io", []byte("\x00hello"), []byte("\x04{\"Width\":80,\"Height\":24}"))
	f.Add("v4.channel.k8s.io", []byte("\x01x"), []byte(""))
	f.Add("v4.base64.channel.k8s.io", []byte("0aGVsbG8="), []byte("4e30="))
	f.Fuzz(func(t *testing.T, protocol string, first, second []byte) {
		wire, ok := webSocketWire(protocol)
		if !ok {
			return
		}
		l := &webSocketLeg{wire: wire, opts: Options{Stdin: true, Stdout: true, TTY: true}, sizes: newSizes()}
		l.stdin = newPipe()
		got := make(chan []byte)
		go func() {
			all, _ := io.ReadAll(l.stdin)
			got <- all
		}()
		buffer := make([]byte, 64)
		var want []byte
		for _, message := range [][]byte{first, second} {
			err := l.receive(bytes.NewReader(message), buffer)
			if err != nil && !errors.Is(err, ErrProtocol) {
				t.Errorf("the error is %v", err)
			}
			if err != nil || wire.halfClose && string(message) == "\xff\x00" {
				break
			}
			want = append(want, onStdin(wire, message)...)
		}
		l.stdin.end(io.EOF)
		if all := <-got; !bytes.HasPrefix(all, want) {
			t.Errorf("stdin is %q, want %q", all, want)
		}
	})
}

// onStdin is what a message says on stdin, by the simplest reading of the protocol.
func onStdin(w wire, message []byte) []byte {
	switch {
	case len(message) == 0:
		return nil
	case w.base64 && message[0] == '0':
		data, _ := base64.StdEncoding.DecodeString(string(message[1:]))
		return data
	case !w.base64 && message[0] == 0:
		return message[1:]
	default:
		return nil
	}
}

// FuzzSizes checks that any text gives sizes or ErrProtocol, in bounded memory.
func FuzzSizes(f *testing.F) {
	f.Add(`{"Width":80,"Height":24}`)
	f.Add(strings.Repeat(`{"Width":80,"Height":24}`+"\n", 500))
	f.Add(`{"Width":` + strings.Repeat("1", 5000))
	f.Fuzz(func(t *testing.T, text string) {
		if err := newSizes().decode(strings.NewReader(text)); err != nil && !errors.Is(err, ErrProtocol) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestManySizesAreNotOneHugeSize(t *testing.T) {
	s := newSizes()
	text := strings.Repeat(`{"Width":80,"Height":24}`+"\n", 5000) + `{"Width":1,"Height":2}`
	if err := s.decode(strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	if got := <-s; got != (TerminalSize{1, 2}) {
		t.Errorf("the last size is %v", got)
	}
}

// FuzzStatus checks that what a server says on the error stream is success, an exit code of one byte, or an error, and that
// an exit code survives the way to the client.
func FuzzStatus(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		err := statusError(body)
		var exit ExitError
		if !errors.As(err, &exit) {
			return
		}
		if exit.Code < 0 || exit.Code > 255 {
			t.Errorf("the exit code is %d", exit.Code)
		}
		again, err := encodeStatus(statusOf(exit), true)
		if err != nil || !errors.Is(statusError(again), exit) {
			t.Errorf("%v becomes %s, %v", exit, again, err)
		}
	})
}

// FuzzFrameLimit checks that what passes is a prefix of what came, whole if no frame is too large, however it is cut.
func FuzzFrameLimit(f *testing.F) {
	f.Fuzz(func(t *testing.T, frames []byte, piece uint8) {
		var passed bytes.Buffer
		limit := &frameLimit{r: bytes.NewReader(frames)}
		_, err := io.CopyBuffer(onlyWriter{&passed}, onlyReader{limit}, make([]byte, int(piece)+1))
		if !bytes.HasPrefix(frames, passed.Bytes()) {
			t.Error("other bytes passed than came")
		}
		if legal := framesAreLegal(frames); legal != (err == nil) || legal && passed.Len() != len(frames) {
			t.Errorf("the frames are legal: %t; %d of %d bytes passed: %v", legal, passed.Len(), len(frames), err)
		}
	})
}

func framesAreLegal(b []byte) bool {
	for len(b) >= 8 {
		length, limit := int(b[5])<<16|int(b[6])<<8|int(b[7]), maxDataFrame
		if b[0] >= 0x80 {
			limit = maxControlFrame
		}
		if length > limit {
			return false
		}
		b = b[min(len(b), 8+length):]
	}
	return true
}

type named struct {
	httpstream.Stream

	name string
}

func (n named) Headers() http.Header {
	header := http.Header{}
	header.Set(corev1.StreamType, n.name)
	return header
}

// FuzzCollector opens streams of any names in any order: each wanted one is taken once, and all others are refused.
func FuzzCollector(f *testing.F) {
	f.Fuzz(func(t *testing.T, options uint8, names string) {
		o := Options{Stdin: options&1 > 0, Stdout: options&2 > 0, Stderr: options&4 > 0}
		resizes := options&8 > 0
		wanted := map[string]bool{"error": true, "stdin": o.Stdin, "stdout": o.Stdout, "stderr": o.Stderr, "resize": resizes}
		c := newCollector(o, resizes)
		replied := make(chan struct{})
		close(replied)
		for name := range strings.SplitSeq(names, ",") {
			if taken := c.add(named{name: name}, replied) == nil; taken != wanted[name] {
				t.Errorf("the stream %q was taken: %t", name, taken)
			}
			delete(wanted, name)
		}
		missing := 0
		for _, want := range wanted {
			if want {
				missing++
			}
		}
		closed := make(chan bool)
		if missing > 0 {
			close(closed)
		}
		if _, err := c.wait(closed, time.Minute); (err == nil) != (missing == 0) {
			t.Errorf("%d streams are missing: %v", missing, err)
		}
	})
}
