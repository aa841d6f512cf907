package mask_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/mask/vt"
)

// both gives the parts to a stream and returns what the person and the record have in the end, and checks what holds on
// the way.
func both(t *testing.T, rules *mask.Rules, parts ...[]byte) (user, record []byte, hits []mask.Hit) {
	t.Helper()
	s := rules.NewStream()
	in := 0
	take := func(out mask.Output, n int) {
		in += n
		user, record = append(user, out.User...), append(record, out.Record...)
		hits = append(hits, out.Hits...)
		if s.Ahead() != len(user)-len(record) || s.Ahead() < 0 || s.Held() != in-len(user) || s.Held()+s.Ahead() > mask.MaxHeld {
			t.Fatalf("%d bytes in, %d for the person, %d for the record; held %d, ahead %d", in, len(user), len(record), s.Held(), s.Ahead())
		}
	}
	for _, p := range parts {
		take(s.Write(p), len(p))
	}
	take(s.Flush(), 0)
	return user, record, hits
}

// visible is a text without its escape sequences, with a blank for those that stand for one, and what is in strings behind it.
func visible(text []byte) []byte {
	var p vt.Parser
	var out, titles []byte
	to := &out
	for _, b := range text {
		switch p.Step(b) {
		case vt.Visible:
			*to = append(*to, b)
		case vt.Gap:
			*to = append(*to, ' ')
		case vt.Enter:
			to = &titles
		case vt.Leave:
			to, titles = &out, append(titles, 0)
		case vt.Hidden, vt.Move:
		default:
		}
	}
	return append(append(out, 0), titles...)
}

func singles(text []byte) (parts [][]byte) {
	for i := range text {
		parts = append(parts, text[i:i+1])
	}
	return parts
}

// TestValuesAreMaskedHoweverCut compares bulk, single bytes and random cuts, over values that overlap themselves, with
// escape sequences and line ends anywhere.
func TestValuesAreMaskedHoweverCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	between := []string{"\x1b[1m", "\x1b[0m\x1b[K", "\r\n", "\n", "\x1b[3;4H", "\x1b]0;title\a", "\x1b]0;", "\x1b\\", "\x1b[C", "\r", "\x1b", "\n\n", "token=", "4111 1111 1111 1111 "}
	for range 2000 {
		alphabet := []string{"ab", "abc", "secrt-", "0123456789abcdef"}[rng.IntN(4)]
		random := func(n int) string {
			var b strings.Builder
			for range n {
				b.WriteByte(alphabet[rng.IntN(len(alphabet))])
			}
			return b.String()
		}
		var values []mask.Value
		for i := range 1 + rng.IntN(5) {
			v := random(8 + rng.IntN(30))
			if rng.IntN(3) == 0 {
				v = strings.Repeat(v[:1+rng.IntN(6)], 9)
			}
			values = append(values, mask.Value{Rule: fmt.Sprint("v", i), Text: []byte(v)})
		}
		compiled, ignored := mask.NewValues(values)
		if len(ignored) > 0 {
			continue
		}
		rules := mask.Default().With(compiled).Keyed([]byte("key"))
		var text []byte
		for range 1 + rng.IntN(12) {
			v := values[rng.IntN(len(values))].Text
			switch rng.IntN(6) {
			case 0:
				text = append(text, v...)
			case 1:
				text = append(text, v[:rng.IntN(len(v))]...)
			case 2:
				text = append(text, between[rng.IntN(len(between))]...)
			case 3:
				at := rng.IntN(len(v))
				text = append(append(append(text, v[:at]...), between[rng.IntN(len(between))]...), v[at:]...)
			case 4:
				text = append(text, random(rng.IntN(200))...)
			default:
				text = append(text, strings.Repeat("x y ", rng.IntN(60))...)
			}
		}
		user, record, hits := both(t, rules, text)
		for name, parts := range map[string][][]byte{"byte by byte": singles(text), "anyhow": cuts(text, rng)} {
			u, r, h := both(t, rules, parts...)
			if !bytes.Equal(u, user) || !bytes.Equal(r, record) || fmt.Sprint(h) != fmt.Sprint(hits) {
				t.Fatalf("%q with %v %s:\nuser   %q\n  not  %q\nrecord %q\n  not  %q\nhits %v\n not %v", text, values, name, u, user, r, record, h, hits)
			}
		}
		for i := range text {
			if user[i] != text[i] && user[i] != '*' || record[i] != user[i] && record[i] != '*' || (record[i] == '*') != (text[i] == '*') && record[i] != '*' {
				t.Fatalf("byte %d of %q: the person has %q, the record %q", i, text, user, record)
			}
		}
		for _, v := range values {
			if at := bytes.Index(visible(record), v.Text); at >= 0 {
				t.Fatalf("%q is in the record of %q: %q", v.Text, text, record)
			}
		}
	}
}

func TestValues(t *testing.T) {
	values, _ := mask.NewValues([]mask.Value{{Rule: "secret/db/password", Text: []byte("correct-horse-battery")}, {Rule: "secret/db/user", Text: []byte("operator")}})
	rules := mask.Default().With(values).Keyed([]byte("key"))
	tests := map[string]struct{ in, user, record string }{
		"if a value passes, then the person sees its first bytes": {"x correct-horse-battery y", "x corr***************** y", "x ********************* y"},
		"if it is short, then fewer":                              {"operator", "op******", "********"},
		"if it ends early, then it passes":                        {"correct-horse-bat y", "correct-horse-bat y", "correct-horse-bat y"},
		"if lines are wrapped in it, then they stay":              {"correct-ho\r\nrse-battery", "corr******\r\n***********", "**********\r\n***********"},
		"if it is coloured, then the colour stays":                {"corr\x1b[1mect-horse\x1b[m-battery", "corr\x1b[1m*********\x1b[m********", "****\x1b[1m*********\x1b[m********"},
		"if the cursor moves in it, then it is found":             {"correct-\x1b[2;1Hhorse-battery", "corr****\x1b[2;1H*************", "********\x1b[2;1H*************"},
		"if it is in a title, then it is found":                   {"\x1b]0;correct-horse-battery\a", "\x1b]0;corr*****************\a", "\x1b]0;*********************\a"},
		"if a title stands in it, then it is found":               {"correct-\x1b]0;t\ahorse-battery", "corr****\x1b]0;t\a*************", "********\x1b]0;t\a*************"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			user, record, hits := both(t, rules, []byte(tc.in))
			if string(user) != tc.user || string(record) != tc.record {
				t.Errorf("%q\nperson %q\n want  %q\nrecord %q\n want  %q", tc.in, user, tc.user, record, tc.record)
			}
			if masked := strings.Contains(tc.record, "*"); masked != (len(hits) == 1) {
				t.Errorf("hits %v", hits)
			}
		})
	}
}

// TestRotation: values that come during a stream are looked for from then on, and what is being masked goes on.
func TestRotation(t *testing.T) {
	old, _ := mask.NewValues([]mask.Value{{Rule: "old", Text: []byte("first-value-of-the-secret-which-is-long")}})
	both, _ := mask.NewValues([]mask.Value{{Rule: "old", Text: []byte("first-value-of-the-secret-which-is-long")}, {Rule: "new", Text: []byte("second-value")}})
	for name, before := range map[string]*mask.Rules{"if there were values": mask.Default().With(old), "if there were none": mask.Default()} {
		t.Run(name, func(t *testing.T) {
			s := before.NewStream()
			var user, record string
			for i, part := range []string{"first-value-of-the-secret-", "which-is-long ", "seco", "nd-value"} {
				if i == 1 {
					s.Use(mask.Default().With(both))
				}
				out := s.Write([]byte(part))
				user, record = user+string(out.User), record+string(out.Record)
			}
			out := s.Flush()
			user, record = user+string(out.User), record+string(out.Record)
			if strings.Contains(record, "second") || strings.Contains(user, "second") || len(record) != len(user) {
				t.Errorf("person %q, record %q", user, record)
			}
			if strings.Contains(record, "which") && name == "if there were values" {
				t.Errorf("the old value was let go in the middle: %q", record)
			}
		})
	}
}

// TestAPictureBlindsNothing: a letter with which a value begins, before a long string in a sequence, is not held against what follows; where
// more of a value is, asterisks end where the screen goes on elsewhere.
func TestAPictureBlindsNothing(t *testing.T) {
	values, _ := mask.NewValues([]mask.Value{{Rule: "v", Text: []byte("correct-horse-battery")}})
	picture := "\x1b]52;c;" + strings.Repeat("QUJD", 4<<10) + "\a"
	for text, want := range map[string]string{
		"c" + picture + " and more":                   "c" + picture + " and more",
		"corr" + picture + " more\x1b[2;1Hand more":   "and more",
		"correct-horse-" + picture + "ry, more\nmuch": "much",
	} {
		user, record, _ := both(t, mask.Default().With(values), []byte(text))
		if !bytes.HasSuffix(user, []byte(want)) || !bytes.HasSuffix(record, []byte(want)) || bytes.Contains(record, []byte("corr")) {
			t.Errorf("of %.20q came %q and %q", text, user[len(user)-40:], record[len(record)-40:])
		}
	}
}

// TestWhatIsHeldIsBounded: endless sequences inside a value do not make the stream hold for ever, nor let it go in clear.
func TestWhatIsHeldIsBounded(t *testing.T) {
	values, _ := mask.NewValues([]mask.Value{{Rule: "v", Text: []byte("correct-horse-battery")}})
	for _, filler := range []string{"\x1b[1m", "\r", "\x1b]0;t\a"} {
		text := "correct-ho" + strings.Repeat(filler, 10_000) + "rse-battery and more\nnext line"
		_, record, hits := both(t, mask.Default().With(values), []byte(text))
		if bytes.Contains(record, []byte("battery")) || bytes.Contains(record, []byte("more")) || !bytes.Contains(record, []byte("next line")) {
			t.Errorf("after %q: %q", filler, record[len(record)-40:])
		}
		if len(hits) != 1 || hits[0].Rule != "hold-limit" {
			t.Errorf("hits %v", hits)
		}
	}
}
