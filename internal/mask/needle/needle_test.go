package needle_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask/needle"
)

// expected is what a state must say after text, found by looking everywhere.
func expected(text []byte, needles []needle.Needle) (want needle.Spans) {
	for d := 1; d <= len(text); d++ {
		end := text[len(text)-d:]
		for _, n := range needles {
			skip := needle.Clear(len(n.Text))
			switch {
			case !bytes.HasPrefix(n.Text, end):
			case d == len(n.Text) || d >= needle.Commit:
				want.MaskRecord = max(want.MaskRecord, uint16(d))
				want.MaskUser = max(want.MaskUser, uint16(d-skip))
			default:
				want.HoldRecord = max(want.HoldRecord, uint8(d))
				want.HoldUser = max(want.HoldUser, uint8(max(d-skip, 0)))
			}
		}
	}
	if want.MaskRecord >= needle.Commit {
		return needle.Spans{MaskUser: want.MaskUser, MaskRecord: want.MaskRecord}
	}
	return want
}

func never([]byte) bool { return false }

func texts(needles []needle.Needle) (all []string) {
	for _, n := range needles {
		all = append(all, string(n.Text))
	}
	return all
}

func randomText(rng *rand.Rand, n int, letters string) []byte {
	text := make([]byte, n)
	for i := range text {
		text[i] = letters[rng.IntN(len(letters))]
	}
	return text
}

// worlds are needles that overlap one another and themselves, and texts made of pieces of them.
func worlds(rng *rand.Rand, letters string) (needles []needle.Needle, text []byte) {
	for i := range 1 + rng.IntN(12) {
		n := randomText(rng, 8+rng.IntN(30), letters)
		if rng.IntN(3) == 0 {
			n = bytes.Repeat(n[:1+rng.IntN(7)], 8)
		}
		if i > 0 && rng.IntN(3) == 0 {
			n = append(bytes.Clone(needles[0].Text[:rng.IntN(len(needles[0].Text))]), n...)
		}
		needles = append(needles, needle.Needle{Text: n, Owner: i})
	}
	for len(text) < 300 {
		n := needles[rng.IntN(len(needles))].Text
		from := rng.IntN(len(n))
		text = append(text, n[from:from+rng.IntN(len(n)-from+1)]...)
		if rng.IntN(4) == 0 {
			text = append(text, n...)
		}
	}
	return needles, text
}

func TestSpans(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	for range 300 {
		needles, text := worlds(rng, []string{"ab", "a", "abc", "abcdefghijk"}[rng.IntN(4)])
		set, left := needle.New(needles)
		if len(left) > 0 {
			t.Fatalf("left out %v", left)
		}
		var tr needle.Tracker
		for i, b := range text {
			tr.Step(set, b, int64(i))
			st := tr.State(set)
			got, want := set.Spans(st), expected(text[:i+1], needles)
			if want.MaskRecord >= needle.Commit {
				got.HoldRecord, got.HoldUser = 0, 0
			}
			if got != want {
				t.Fatalf("after %q with %q: %+v, want %+v", text[:i+1], texts(needles), got, want)
			}
			if want.MaskRecord > 0 {
				end := text[i+1-int(want.MaskRecord) : i+1]
				if owner := needles[set.Owner(st)].Text; !bytes.HasPrefix(owner, end) {
					t.Fatalf("%q is said to be of %q", end, owner)
				}
			}
		}
	}
}

// TestScan: jumping over what a scan leaves out loses nothing, and makes of a tracker what stepping does.
func TestScan(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 3))
	jumped := 0
	for range 2000 {
		needles, pieces := worlds(rng, []string{"ab", "abcdefghijk"}[rng.IntN(2)])
		set, _ := needle.New(needles)
		text := randomText(rng, 200, "vwxyz")
		for range rng.IntN(6) {
			at := rng.IntN(len(text))
			piece := append([][]byte{{'\n'}, {'\r', '\n'}, {'\n', '\n'}}, pieces[:rng.IntN(40)])[rng.IntN(4)]
			text = append(text[:at:at], append(bytes.Clone(piece), text[at:]...)...)
		}
		var slow, fast needle.Tracker
		var want []needle.Spans
		for i, b := range text {
			slow.Step(set, b, int64(i))
			want = append(want, set.Spans(slow.State(set)))
		}
		var scanner needle.Scanner
		where := scanner.Scan(set, text, func(line []byte) bool { return len(line) > 0 && line[0] == 'v' }, nil)
		if !slices.IsSorted(where) {
			t.Fatalf("%v are not in order", where)
		}
		for i := 0; i < len(text); {
			next := len(text)
			for _, at := range where {
				if at > i {
					next = at
					break
				}
			}
			from := i
			for entry := 0; i < next && entry < needle.Entry; i++ {
				if text[i] != '\n' && text[i] != '\r' {
					entry++
				}
				fast.Step(set, text[i], int64(i))
			}
			for ; i < len(text) && (fast.Under() || i < min(from+8, len(text))); i++ {
				fast.Step(set, text[i], int64(i))
			}
			if i < next {
				fast.Jump(set, text[i:next], int64(i))
				jumped += next - i
				for ; i < next; i++ {
					if want[i].MaskRecord > 0 {
						t.Fatalf("byte %d of %q is jumped over, and part of a text of %q; stops %v", i, text, texts(needles), where)
					}
				}
			}
			got := set.Spans(fast.State(set))
			if got != want[i-1] {
				t.Fatalf("after %q with %q: %+v, want %+v; stops %v", text[:i], texts(needles), got, want[i-1], where)
			}
			for n := 1; n <= int(got.HoldRecord); n++ {
				if at := fast.Back(n); at < 0 || at >= int64(i) || text[at] == '\n' || text[at] == '\r' {
					t.Fatalf("the byte %d back in %q is at %d", n, text[:i], at)
				}
			}
		}
		last := set.Spans(fast.State(set))
		for n := 1; n <= int(last.HoldRecord); n++ {
			if fast.Back(n) != slow.Back(n) {
				t.Fatalf("the byte %d back in %q is at %d, want %d", n, text, fast.Back(n), slow.Back(n))
			}
		}
	}
	if jumped < 100_000 {
		t.Errorf("only %d bytes were jumped over", jumped)
	}
}

// TestLineEnds: texts are found though lines are wrapped, and not across an empty line.
func TestLineEnds(t *testing.T) {
	set, _ := needle.New([]needle.Needle{{[]byte("abcdefghij"), 7}})
	for text, want := range map[string]bool{
		"xabcdefghij": true, "abc\ndefghij": true, "abcdefg\r\nhi\nj": true, "abc\n\ndefghij": false, "abc\n\r\ndefghij": false, "a\r\r\rbcdefghij": true,
	} {
		var tr needle.Tracker
		for i := range len(text) {
			tr.Step(set, text[i], int64(i))
		}
		if got := set.Spans(tr.State(set)).MaskRecord == 10; got != want {
			t.Errorf("%q: found %t", text, got)
		}
	}
}

func TestOutOfBounds(t *testing.T) {
	set, left := needle.New([]needle.Needle{{bytes.Repeat([]byte("a"), 7), 1}, {bytes.Repeat([]byte("b"), 4097), 2}, {nil, 2}})
	if set.Nodes() != 0 || fmt.Sprint(left) != "[1 2]" {
		t.Errorf("left out %v, %d nodes", left, set.Nodes())
	}
}

func BenchmarkSkip(b *testing.B) {
	rng := rand.New(rand.NewPCG(3, 3))
	var needles []needle.Needle
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	for i := range 7500 {
		needles = append(needles, needle.Needle{Text: randomText(rng, 30, letters), Owner: i})
	}
	set, _ := needle.New(needles)
	text := randomText(rng, 1<<20, letters)
	run := func(name string, text []byte) {
		b.Run("scan/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			var scanner needle.Scanner
			var where []int
			for b.Loop() {
				for p := text; len(p) > 0; p = p[min(len(p), 4096):] {
					where = scanner.Scan(set, p[:min(len(p), 4096)], never, where[:0])
				}
			}
		})
		b.Run("step/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			var tr needle.Tracker
			for b.Loop() {
				for i, c := range text {
					tr.Step(set, c, int64(i))
				}
			}
		})
	}
	run("random", text)
	lines := bytes.Clone(text)
	for i := 100; i < len(lines); i += 100 {
		lines[i] = '\n'
	}
	run("lines", lines)
	near := bytes.Clone(text)
	for i := 0; i+30 < len(near); i += 12 + rng.IntN(8) {
		copy(near[i:], needles[rng.IntN(len(needles))].Text[:4+rng.IntN(12)])
	}
	run("near", near)
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			needle.New(needles)
		}
		b.ReportMetric(float64(set.Nodes()), "nodes")
	})
}
