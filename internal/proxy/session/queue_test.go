package session

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"testing"
	"testing/synctest"
)

func TestQueueKeepsOrderAcrossItsEnd(t *testing.T) {
	want := make([]byte, 5*queueBytes+17)
	_, _ = rand.Read(want)
	q := newQueue()
	go func() {
		for rest, n := want, 1; len(rest) > 0; n = n*3%(2*queueBytes) + 1 {
			n = min(n, len(rest))
			if _, err := q.Write(rest[:n]); err != nil {
				t.Error(err)
			}
			rest = rest[n:]
		}
		q.end(io.ErrClosedPipe)
	}()
	var got []byte
	for {
		piece, err := q.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if len(piece) == 0 || len(piece) > pieceBytes {
			t.Fatalf("a piece of %d bytes", len(piece))
		}
		got = append(got, piece...)
		q.taken(len(piece))
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes came out, in another order, of %d", len(got), len(want))
	}
	if q.ring != nil {
		t.Error("an empty queue holds memory")
	}
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		over := make(chan int)
		go func() {
			n, err := q.Write(make([]byte, queueBytes+1))
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Error(err)
			}
			over <- n
		}()
		synctest.Wait()
		select {
		case <-over:
			t.Fatal("more than fits was taken")
		default:
		}
		q.end(io.ErrUnexpectedEOF)
		if n := <-over; n != queueBytes {
			t.Errorf("the writer was told of %d bytes, %d wait", n, queueBytes)
		}
		if _, err := q.Write([]byte("more")); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after the end: %v", err)
		}
	})
}
