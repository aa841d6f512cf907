package streaming

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
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
		l.stdin, l.stdinFeed = io.Pipe()
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
		l.stdinFeed.Close()
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
