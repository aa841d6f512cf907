package mask_test

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/mask/masktest"
)

// xxd writes a dump as that program does.
func xxd(data []byte) string { return string(masktest.Dumpers["xxd"].Dump(data).Text) }

// TestDumps: what a dump shows of a value is masked wherever it shows it, and nothing else is, however rows and writes are cut.
func TestDumps(t *testing.T) {
	secret := "correct horse-battery staple " + strings.ReplaceAll(fake(30), "0", "o") // no offset begins with what is in it
	values, _ := mask.NewValues([]mask.Value{{Rule: "v", Text: []byte(secret)}})
	rules := mask.Default().With(values)
	for name, dumper := range masktest.Dumpers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(4, 4))
			for range 100 {
				data := strings.Repeat("x=1, ", rng.IntN(40)) + strings.Repeat(" ", rng.IntN(4))
				from := len(data)
				data += secret + "; y=2 \n\\" + strings.Repeat("z", rng.IntN(300))
				dump := dumper.Dump([]byte(data))
				before := "$ " + name + " file\n"
				text := []byte(before + string(dump.Text) + "$ ")
				user, record, hits := both(t, rules, text)
				wantUser, wantRecord := bytes.Clone(text), bytes.Clone(text)
				for k := range secret {
					for _, at := range dump.At[from+k] {
						star(wantRecord[len(before):][at.From:at.To])
						if k >= 4 {
							star(wantUser[len(before):][at.From:at.To])
						}
					}
				}
				if diff := gocmp.Diff(string(wantRecord), string(record)); diff != "" {
					t.Fatalf("in the recording (-want +got):\n%s", diff)
				}
				for i := range user { // of two bytes or more in a word, the person may see fewer
					if wantUser[i] == '*' && user[i] != '*' || user[i] == '*' && wantRecord[i] != '*' {
						t.Fatalf("byte %d for the person:\n%s", i, user)
					}
				}
				if len(hits) == 0 || hits[0].Offset < int64(len(before)) {
					t.Fatalf("hits %v", hits)
				}
				u, r, h := both(t, rules, cuts(text, rng)...)
				if !bytes.Equal(user, u) || !bytes.Equal(record, r) || !slices.Equal(hits, h) {
					t.Fatalf("in bulk:\n%s%s%v\nin parts:\n%s%s%v", user, record, hits, u, r, h)
				}
			}
		})
	}
}

// TestPropertiesOfDumps holds dumps, and what looks like one, against the properties that do not need the oracle.
func TestPropertiesOfDumps(t *testing.T) {
	t.Parallel()
	n := 3000
	if testing.Short() {
		n = 500
	}
	rng := rand.New(rand.NewPCG(19, 20))
	all := settings()
	for i := range n {
		text := masktest.DumpTangle(rng, all[i%len(all)].texts)
		all[i%len(all)].isCutAnywhere(t, text, masktest.Split(rng, text, 20))
		if t.Failed() {
			return
		}
	}
}

func star(text []byte) {
	for i := range text {
		text[i] = '*'
	}
}

// TestDumpsAfterOtherOutput: a row is read as one, whatever the line before it began with. One of many digits is no row.
func TestDumpsAfterOtherOutput(t *testing.T) {
	secret := "correct-horse-battery-staple" + fake(30)
	values, _ := mask.NewValues([]mask.Value{{Rule: "v", Text: []byte(secret)}})
	rules := mask.Default().With(values)
	hidden := strings.Repeat("*", 2*len(secret))
	for digits := range 200 {
		for _, next := range []string{"", ":", ", and so on"} {
			before := "$\n" + strings.Repeat("a", digits) + next + "\n"
			user, record := run(rules, []byte(before+xxd([]byte(secret))))
			seen, _ := columns(string(user[len(before):]))
			got, _ := columns(string(record[len(before):]))
			if got != hidden || seen != hex.EncodeToString([]byte(secret[:4]))+hidden[8:] {
				t.Errorf("behind %d digits and %q the person sees\n%s", digits, next, user[len(before):])
			}
		}
	}
}

// columns are the digits and the characters of a dump.
func columns(text string) (digits, chars string) {
	for line := range strings.Lines(text) {
		digits += strings.ReplaceAll(line[10:49], " ", "")
		chars += strings.TrimRight(line[51:], "\n")
	}
	return digits, chars
}

// TestTypedAfterNumbers: what is typed behind what could be the offset of a row is not kept waiting, unless it may be of a value.
func TestTypedAfterNumbers(t *testing.T) {
	values, _ := mask.NewValues([]mask.Value{{Rule: "v", Text: []byte("correct-horse-battery-staple")}})
	rules := mask.Default().With(values)
	for _, line := range []string{"1024 *", "1234 >", "Added ?", "12345678 *", "0000000 ?", "1024 2", "1024 *2", "dead beef", "1024: 2", "0000 a b", "12345 678"} {
		s := rules.NewStream()
		s.Write([]byte("ok\n"))
		for i := range line {
			if out := s.Write([]byte(line[i : i+1])); len(out.User) == 0 {
				t.Errorf("of %q the person lacks %q", line[:i+1], line[i:i+1])
			}
		}
	}
}
