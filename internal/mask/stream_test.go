package mask_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// fold writes parts to one stream and checks what holds after every write.
func fold(t *testing.T, parts ...[]byte) (out []byte, hits []mask.Hit) {
	t.Helper()
	p := pass(t, mask.Default().NewStream(), parts...)
	if !bytes.Equal(p.User, p.Record) {
		t.Fatalf("the person gets %q, the recording %q", p.User, p.Record)
	}
	return p.Record, p.Hits
}

// verify holds a text against all properties, with the given cuts.
func verify(t *testing.T, text []byte, cuts ...[]byte) {
	t.Helper()
	want, hits := fold(t, text)
	for _, parts := range [][][]byte{bytesOf(text), cuts} {
		got, gotHits := fold(t, parts...)
		if !bytes.Equal(got, want) || !slices.Equal(gotHits, hits) {
			t.Errorf("cut as %q:\n got %q %v\nwant %q %v", parts, got, gotHits, want, hits)
		}
	}
	masked := map[int64]bool{}
	for _, h := range hits {
		for i := range h.Length {
			masked[h.Offset+i] = true
		}
	}
	for i := range want {
		if want[i] != text[i] && !masked[int64(i)] {
			t.Errorf("byte %d of %q is masked, but in no hit of %v", i, text, hits)
		}
	}
}

func cuts(text []byte, rng *rand.Rand) [][]byte {
	var parts [][]byte
	for len(text) > 0 {
		n := rng.IntN(min(len(text), 9) + 1) // empty writes too
		parts = append(parts, text[:n])
		text = text[n:]
	}
	return parts
}

// TestProperties joins examples and fragments of all rules at random: beginnings
// inside secrets, secrets inside values, everything cut anywhere.
func TestProperties(t *testing.T) {
	var pieces []string
	for _, ex := range examples {
		for _, marked := range ex.yes {
			in, _ := expect(marked)
			pieces = append(pieces, in, in[:len(in)/2])
		}
		pieces = append(pieces, ex.no...)
	}
	pieces = append(pieces, " ", "\n", `"`, `\`, `\"`, "=", ": ", "://", "@", "/", "-", "-----", "eyJ", ".", "token", "password=", "\x00", "\xff", "\x1b[0m", "*", "a", "A1")
	rng := rand.New(rand.NewPCG(7, 9))
	for range 3000 {
		var text []byte
		for range 1 + rng.IntN(6) {
			text = append(text, pieces[rng.IntN(len(pieces))]...)
		}
		verify(t, text, cuts(text, rng)...)
		if t.Failed() {
			return
		}
	}
}

// TestPlantedSecrets plants examples in noise: exactly they must be masked.
func TestPlantedSecrets(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	noise := []string{"2026-11-23 INFO request done in 5ms\n", "{\"a\": [1, 2, 3]}\n", "Lorem ipsum dolor sit amet. ", "\x1b[32mok\x1b[0m ", "the token was sent; the password, too. ", "https://example.com:443/x?y=z ", "größe 世界\t"}
	for range 400 {
		var text, want []byte
		for name, ex := range examples {
			marked := ex.yes[rng.IntN(len(ex.yes))]
			if name == "private-key" {
				marked = ex.yes[0] // others mask what follows
			}
			in, out := expect(noise[rng.IntN(len(noise))] + marked + "\n")
			text, want = append(text, in...), append(want, out...)
		}
		if got, _ := fold(t, cuts(text, rng)...); !bytes.Equal(got, want) {
			t.Fatalf("masked\n%s\nas\n%s\nwant\n%s", text, got, want)
		}
	}
}

func TestHits(t *testing.T) {
	_, hits := fold(t, []byte("x glpat-"), []byte(fake(10)), []byte(fake(10)+" y"))
	if len(hits) != 1 || hits[0] != (mask.Hit{Rule: "gitlab-token", Offset: 8, Length: 20}) {
		t.Errorf("hits %+v", hits)
	}
}

// TestNothingHeldBetweenLines: a prompt or a finished line never waits.
func TestNothingHeldBetweenLines(t *testing.T) {
	s := mask.Default().NewStream()
	for _, text := range []string{"$ ", "login: ", "Password: ", "[sudo] password for bob: ", "token=abc\n", "http://host:80\n", "key: \"va\n", "a=b:\r\n", "eyJabcdefghij.abc\n", "-----BEGIN RSA PRIVATE KEY-----"} {
		if s.Write([]byte(text)); s.Held() != 0 {
			t.Errorf("after %q %d bytes are held", text, s.Held())
		}
	}
}

func TestLongSecretsAreBounded(t *testing.T) {
	s := mask.Default().NewStream()
	s.Write([]byte("x://user:"))
	long := bytes.Repeat([]byte("p"), 100_000)
	out := s.Write(long)
	if len(out.User) < len(long)-mask.MaxHeld || bytes.Contains(out.User, []byte("p")) {
		t.Error("a password without end is held, or let go in clear")
	}
	s = mask.Default().NewStream()
	s.Write([]byte("-----BEGIN PRIVATE KEY-----\n"))
	out = s.Write(long)
	if !bytes.Contains(out.User, []byte("p")) || out.User[16000] != '*' {
		t.Error("a header without key masks for ever, or too little")
	}
}

func TestWriteDoesNotAllocate(t *testing.T) {
	s := mask.Default().NewStream()
	text := []byte("2026 INFO password=hunter2 token: abcdefghijklmnop http://u:p@h/ Authorization: Bearer " + fake(30) + "\n")
	s.Write(bytes.Repeat(text, 4))
	if n := testing.AllocsPerRun(100, func() { s.Write(text) }); n != 0 {
		t.Errorf("%v allocations a write", n)
	}
}

func FuzzStream(f *testing.F) {
	for _, ex := range examples {
		for _, marked := range ex.yes {
			in, _ := expect(marked)
			f.Add([]byte(in), uint8(3), uint8(9))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, i, j uint8) {
		a := min(int(i), len(text))
		b := min(a+int(j), len(text))
		verify(t, text, text[:a], text[a:b], nil, text[b:])
	})
}
