package streaming

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"testing"
)

// counted keeps each write apart.
type counted struct {
	net.Conn

	mu     sync.Mutex
	writes [][]byte
	fails  error
}

func (c *counted) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fails != nil {
		return 0, c.fails
	}
	c.writes = append(c.writes, bytes.Clone(p))
	return len(p), nil
}

func TestCorks(t *testing.T) {
	for name, c := range map[string]struct {
		parts []int
		want  []int
	}{
		"if many small parts are written, then they leave as one": {[]int{5, 1, 30000}, []int{30006}},
		"if more is written than fits, then nothing waits for it": {[]int{5, corkBytes}, []int{5, corkBytes}},
		"if one part is larger than the room, then it leaves":     {[]int{5, corkBytes + 1, 7}, []int{5, corkBytes + 1, 7}},
		"if nothing is written, then nothing leaves":              {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			wire := &counted{}
			outer := &corkable{Conn: &corkable{Conn: wire}}
			var sent []byte
			err := corksOf(outer).together(func() error {
				for i, n := range c.parts {
					part := bytes.Repeat([]byte{byte(i)}, n)
					sent = append(sent, part...)
					if _, err := outer.Write(part); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			var lengths []int
			for _, w := range wire.writes {
				lengths = append(lengths, len(w))
			}
			if len(lengths) != len(c.want) || !bytes.Equal(bytes.Join(wire.writes, nil), sent) {
				t.Errorf("writes of %d bytes, want %d", lengths, c.want)
			}
			if _, err := outer.Write([]byte("x")); err != nil || len(wire.writes) != len(c.want)+1 {
				t.Errorf("a write after it did not leave at once: %v", err)
			}
		})
	}
}

func TestCorkTellsWhatTheNetworkSaid(t *testing.T) {
	broken := errors.New("broken")
	wire := &counted{fails: broken}
	outer := &corkable{Conn: wire}
	err := corksOf(outer).together(func() error {
		_, err := outer.Write([]byte("lost"))
		return err
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
