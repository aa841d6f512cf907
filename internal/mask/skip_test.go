package mask

import (
	"math/rand/v2"
	"testing"
)

// TestSkipEqualsItsSteps reads texts made of pieces of literals, with a whole one here and there, in blocks and byte by byte.
func TestSkipEqualsItsSteps(t *testing.T) {
	rules := Default()
	a := rules.automaton
	if a.longest == 0 || a.longest > laneBytes {
		t.Fatalf("the longest literal has %d bytes", a.longest)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var literals []string
	for _, r := range rules.rules {
		literals = append(literals, r.literals...)
	}
	blocks := 0
	for range 300 {
		var text []byte
		for len(text) < calm+3*lanes*laneBytes {
			l := literals[random.IntN(len(literals))]
			whole := random.IntN(4000) == 0
			if cut := random.IntN(min(len(l), 3)); whole {
				text = append(text, l...)
			} else {
				text = append(append(text, l[:cut]...), ' ')
			}
		}
		for p := text; len(p) > 0; {
			var fast, slow uint32
			got, want := a.skip(&fast, p), a.skipBytes(&slow, p)
			if got != want || fast != slow {
				t.Fatalf("%d bytes to state %d, byte by byte %d to %d", got, fast, want, slow)
			}
			if got > calm+lanes*laneBytes {
				blocks++
			}
			p = p[min(len(p), got+1):]
		}
	}
	if blocks < 100 {
		t.Errorf("only %d stretches were long enough to be read in blocks", blocks)
	}
}

func FuzzSkip(f *testing.F) {
	f.Add([]byte("-----BEGIN RSA PRIVATE KEY-----"), uint16(900))
	f.Add([]byte("ghp"), uint16(1023))
	f.Fuzz(func(t *testing.T, piece []byte, at uint16) {
		a := Default().automaton
		text := make([]byte, calm+2*lanes*laneBytes)
		copy(text[int(at)%len(text):], piece)
		var fast, slow uint32
		got, want := a.skip(&fast, text), a.skipBytes(&slow, text)
		if got != want || fast != slow {
			t.Errorf("%d bytes to state %d, byte by byte %d to %d", got, fast, want, slow)
		}
	})
}
