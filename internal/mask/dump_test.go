package mask_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// xxd writes a dump as that program does.
func xxd(data []byte) string {
	var b strings.Builder
	for i := 0; i < len(data); i += 16 {
		row := data[i:min(len(data), i+16)]
		fmt.Fprintf(&b, "%08x: ", i)
		for k := range 16 {
			if k < len(row) {
				fmt.Fprintf(&b, "%02x", row[k])
			} else {
				b.WriteString("  ")
			}
			if k%2 == 1 {
				b.WriteByte(' ')
			}
		}
		b.WriteString(" " + printable(row) + "\n")
	}
	return b.String()
}

func printable(row []byte) string {
	return string(bytes.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, row))
}

// TestDumps: what a dump shows of a value is masked in both columns, wherever rows and writes are cut.
func TestDumps(t *testing.T) {
	secret := "correct-horse-battery-staple" + fake(30)
	values, _ := mask.NewValues([]mask.Value{{Rule: "v", Text: []byte(secret)}})
	rules := mask.Default().With(values)
	rng := rand.New(rand.NewPCG(4, 4))
	for range 200 {
		before := strings.Repeat("x=1, ", rng.IntN(40))
		data := before + secret + "; y=2 " + strings.Repeat("z", rng.IntN(300)) + "\n" + secret
		for name, text := range map[string]string{"xxd": xxd([]byte(data)), "hexdump": hex.Dump([]byte(data))} {
			text = "$ " + name + " file\n" + text + "$ "
			user, record, hits := both(t, rules, cuts([]byte(text), rng)...)
			u, r, h := both(t, rules, []byte(text))
			if !bytes.Equal(user, u) || !bytes.Equal(record, r) || fmt.Sprint(hits) != fmt.Sprint(h) {
				t.Fatalf("%s in bulk:\n%s%v\nin parts:\n%s%v", name, r, h, record, hits)
			}
			digits, chars := columns(string(record), name)
			if want := strings.ReplaceAll(hex.EncodeToString([]byte(data)), hex.EncodeToString([]byte(secret)), strings.Repeat("*", 2*len(secret))); digits != want {
				t.Fatalf("%s of %q became\n%s", name, data, record)
			}
			if want := strings.ReplaceAll(printable([]byte(data)), secret, strings.Repeat("*", len(secret))); chars != want {
				t.Fatalf("%s of %q became\n%s", name, data, record)
			}
			if digits, _ := columns(string(user), name); strings.Contains(digits, hex.EncodeToString([]byte(secret[4:9]))) {
				t.Fatalf("the person sees\n%s", user)
			}
			if len(hits) < 2 {
				t.Fatalf("hits %v", hits)
			}
		}
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
			seen, _ := columns(string(user[len(before):]), "xxd")
			got, _ := columns(string(record[len(before):]), "xxd")
			if got != hidden || seen != hex.EncodeToString([]byte(secret[:4]))+hidden[8:] {
				t.Errorf("behind %d digits and %q the person sees\n%s", digits, next, user[len(before):])
			}
		}
	}
}

// columns are the digits and the characters of a dump.
func columns(text, name string) (digits, chars string) {
	for line := range strings.Lines(text) {
		if line[0] == '$' {
			continue
		}
		from, to, row := 10, 49, strings.TrimRight(line[51:], "\n")
		if name == "hexdump" {
			to, row = 59, strings.TrimSuffix(strings.TrimRight(line[61:], "\n"), "|")
		}
		digits += strings.ReplaceAll(line[from:to], " ", "")
		chars += row
	}
	return digits, chars
}
