package streaming

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

func TestPipe(t *testing.T) {
	const text = "what a person typed"
	readers := map[string]func(*pipe) (string, error){
		"if it is read byte by byte, then all arrives": func(p *pipe) (string, error) {
			var got []byte
			for one := make([]byte, 1); ; {
				n, err := p.Read(one)
				got = append(got, one[:n]...)
				if err != nil {
					return string(got), err
				}
			}
		},
		"if it is handed on, then all arrives": func(p *pipe) (string, error) {
			var got bytes.Buffer
			_, err := p.WriteTo(&got)
			return got.String(), err
		},
	}
	ends := map[string]struct{ with, read, handed error }{
		"at its end":  {io.EOF, io.EOF, nil},
		"at an error": {ErrClientGone, ErrClientGone, ErrClientGone},
	}
	for name, read := range readers {
		for when, end := range ends {
			t.Run(name+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newPipe()
					go func() {
						b := []byte(text)
						for len(b) > 0 {
							n, err := p.Write(b[:min(7, len(b))])
							if err != nil {
								t.Errorf("writing: %v", err)
							}
							clear(b[:n]) // it is the writer's again
							b = b[n:]
						}
						p.end(end.with)
						p.end(errors.New("a later one"))
					}()
					got, err := read(p)
					if got != text || !errors.Is(err, end.read) && !errors.Is(err, end.handed) {
						t.Errorf("got %q, %v", got, err)
					}
					if n, err := p.Write([]byte("more")); n != 0 || !errors.Is(err, end.with) {
						t.Errorf("wrote %d after the end, %v", n, err)
					}
				})
			})
		}
	}
}

func TestPipeEndsWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waiting, full := newPipe(), newPipe()
		errs := make(chan error, 2)
		go func() {
			_, err := waiting.Read(make([]byte, 1))
			errs <- err
		}()
		go func() {
			_, err := full.Write([]byte("x"))
			errs <- err
		}()
		synctest.Wait()
		waiting.end(ErrClientGone)
		full.end(ErrClientGone)
		for range 2 {
			if err := <-errs; !errors.Is(err, ErrClientGone) {
				t.Error(err)
			}
		}
	})
}

// TestPipeKeepsWhatIsBeingTaken: the writer must not have its bytes back before the reader is done with them.
func TestPipeKeepsWhatIsBeingTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, enter, leave := newPipe(), make(chan struct{}), make(chan struct{})
		returned := false
		go func() {
			_, _ = p.Write([]byte("x"))
			returned = true
		}()
		go func() {
			_, _ = p.take(func(b []byte) (int, error) {
				close(enter)
				<-leave
				return len(b), nil
			})
		}()
		<-enter
		p.end(ErrClientGone)
		synctest.Wait()
		if returned {
			t.Error("the writer went on while its bytes were in use")
		}
		close(leave)
		synctest.Wait()
		if !returned {
			t.Error("the writer waits for ever")
		}
	})
}

// onlyConn is a listener with one connection.
type onlyConn struct {
	conn   chan net.Conn
	closed context.Context
}

func (l onlyConn) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conn:
		return conn, nil
	case <-l.closed.Done():
		return nil, net.ErrClosed
	}
}

func (onlyConn) Close() error   { return nil }
func (onlyConn) Addr() net.Addr { return &net.TCPAddr{} }

// held is a writer that keeps what it gets until it is released.
type held struct{ holding, release chan struct{} }

func (h held) Write(p []byte) (int, error) {
	close(h.holding)
	<-h.release
	return len(p), nil
}

func TestServeDoesNotWaitForWhoHoldsStdin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far, near := net.Pipe()
		l := onlyConn{make(chan net.Conn, 1), t.Context()}
		l.conn <- near
		stdin, returned := held{make(chan struct{}), make(chan struct{})}, make(chan struct{})
		go func() {
			_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(returned)
				_ = Serve(w, r, Options{Stdin: true}, func(_ context.Context, c Client) error {
					go func() { _, _ = io.Copy(stdin, c.Stdin) }()
					<-stdin.holding
					return nil
				})
			}))
		}()
		dialer := websocket.Dialer{NetDialContext: func(context.Context, string, string) (net.Conn, error) { return far, nil }}
		conn, _, err := dialer.Dial("ws://gateway/", nil)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for err == nil {
				_, _, err = conn.ReadMessage()
			}
		}()
		if err := conn.WriteMessage(websocket.BinaryMessage, []byte("\x00typed")); err != nil {
			t.Fatal(err)
		}
		<-stdin.holding
		time.Sleep(lingerTime + time.Millisecond)
		synctest.Wait()
		select {
		case <-returned:
		default:
			t.Error("it waits")
		}
		close(stdin.release)
		<-returned
		_ = conn.Close()
	})
}
