package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// made is an archive of these headers; each regular file holds its size in bytes of content.
func made(tb testing.TB, headers ...tar.Header) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range headers {
		h := headers[i]
		if err := w.WriteHeader(&h); err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write(content(int(h.Size))); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func content(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i%251 + 1)
	}
	return p
}

func hashed(p []byte) string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}

// listing is what came of one stream.
type listing struct {
	members []Member // without those begun
	begun   []Member
	known   int64
	whole   bool
	err     error
}

// holes are so few that no test, and no input of the fuzzer, takes long.
const holes = 1 << 20

// list feeds the stream in pieces of at most this size.
func list(tb testing.TB, stream []byte, piece int) listing {
	tb.Helper()
	var out listing
	l := New(func(m Member) error {
		if m.State == StateBegun {
			out.begun = append(out.begun, m)
		} else {
			out.members = append(out.members, m)
		}
		return nil
	})
	l.holes = holes
	var written int64
	for rest := stream; len(rest) > 0; {
		n := min(piece, len(rest))
		written += int64(n)
		known, err := l.Write(rest[:n])
		if known < out.known || known > written {
			tb.Fatalf("after %d bytes %d are known, before it were %d", written, known, out.known)
		}
		out.known, out.err = known, err
		if rest = rest[n:]; err != nil {
			break
		}
	}
	known, err := l.Close()
	if known < out.known || (out.err != nil && !errors.Is(err, out.err)) {
		tb.Fatalf("closing changed %d, %v to %d, %v", out.known, out.err, known, err)
	}
	out.known, out.err, out.whole = known, err, l.Whole()
	if l.Members() != len(out.members) {
		tb.Fatalf("it counts %d members and told %d", l.Members(), len(out.members))
	}
	return out
}

func (l *listing) fault() *Fault {
	var f *Fault
	_ = errors.As(l.err, &f)
	return f
}

var long = "deep/" + strings.Repeat("long name/", 300) + "end"

func TestMembersAreTold(t *testing.T) {
	stream := made(t,
		tar.Header{Name: "dir/", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "dir/a file", Typeflag: tar.TypeReg, Mode: 0o644, Size: 100_000},
		tar.Header{Name: "dir/empty", Typeflag: tar.TypeReg, Mode: 0o4755},
		tar.Header{Name: "dir/ünïcode 世", Typeflag: tar.TypeReg, Mode: 0o600, Size: 1},
		tar.Header{Name: "dir/raw \xff", Typeflag: tar.TypeReg, Mode: 0o600, Size: 512, Format: tar.FormatGNU},
		tar.Header{Name: long, Typeflag: tar.TypeReg, Mode: 0o600, Size: 3, Format: tar.FormatPAX},
		tar.Header{Name: long, Typeflag: tar.TypeReg, Mode: 0o600, Size: 3, Format: tar.FormatGNU},
		tar.Header{Name: "link", Linkname: "../" + long, Typeflag: tar.TypeSymlink, Mode: 0o777},
		tar.Header{Name: "hard", Linkname: "dir/a file", Typeflag: tar.TypeLink, Mode: 0o644},
		tar.Header{Name: "pipe", Typeflag: tar.TypeFifo, Mode: 0o600},
		tar.Header{Name: "tty", Typeflag: tar.TypeChar, Mode: 0o600, Devmajor: 5},
	)
	three := hashed(content(3))
	want := []Member{
		{Path: "dir/", Type: Dir, Mode: "0755"},
		{Path: "dir/a file", Type: File, Mode: "0644", Size: 100_000, SHA256: hashed(content(100_000))},
		{Path: "dir/empty", Type: File, Mode: "4755", SHA256: hashed(nil)},
		{Path: "dir/ünïcode 世", Type: File, Mode: "0600", Size: 1, SHA256: hashed(content(1))},
		{Path: "dir/raw \uFFFD", PathBytes: []byte("dir/raw \xff"), Type: File, Mode: "0600", Size: 512, SHA256: hashed(content(512))},
		{Path: long, Type: File, Mode: "0600", Size: 3, SHA256: three},
		{Path: long, Type: File, Mode: "0600", Size: 3, SHA256: three},
		{Path: "link", Link: "../" + long, Type: Symlink, Mode: "0777"},
		{Path: "hard", Link: "dir/a file", Type: Hardlink, Mode: "0644"},
		{Path: "pipe", Type: Fifo, Mode: "0600"},
		{Path: "tty", Type: Char, Mode: "0600"},
	}
	// As GNU tar fills up its last record.
	stream = append(stream, make([]byte, 10240-len(stream)%10240)...)
	for _, piece := range []int{1, 7, 511, 512, 513, 4096, 65531, len(stream)} {
		t.Run(fmt.Sprintf("if it comes in pieces of %d bytes, then all the same is told", piece), func(t *testing.T) {
			got := list(t, stream, piece)
			if diff := cmp.Diff(want, got.members); diff != "" {
				t.Errorf("(-want +got): %s", diff)
			}
			if got.err != nil || !got.whole || got.known != int64(len(stream)) {
				t.Errorf("%d of %d bytes are known, whole %t, %v", got.known, len(stream), got.whole, got.err)
			}
		})
	}
}

func TestAMemberIsToldBeforeItsContentPasses(t *testing.T) {
	stream := made(t, tar.Header{Name: "big", Typeflag: tar.TypeReg, Mode: 0o600, Size: 1000})
	var told []Member
	l := New(func(m Member) error { told = append(told, m); return nil })
	known, err := l.Write(stream[:600])
	want := []Member{{Path: "big", Type: File, Mode: "0600", Size: 1000, State: StateBegun, Passed: 88}}
	if diff := cmp.Diff(want, told); diff != "" || known != 600 || err != nil {
		t.Errorf("%d known, %v (-want +got): %s", known, err, diff)
	}
	// The stream ends inside it.
	known, err = l.Close()
	want = append(want, Member{Path: "big", Type: File, Mode: "0600", Size: 1000, State: StateCut, Passed: 88})
	if diff := cmp.Diff(want, told); diff != "" || known != 600 || err != nil || l.Whole() {
		t.Errorf("%d known, %v, whole %t (-want +got): %s", known, err, l.Whole(), diff)
	}
}

// sparse is a member in the old GNU format that says it has this size, and holds one block.
func sparse(size int64) []byte {
	b := make([]byte, 2*blockBytes)
	copy(b, "holes")
	copy(b[100:], "0000644\x00")
	copy(b[124:], "00000001000\x00") // 512 bytes are held
	b[156] = tar.TypeGNUSparse
	copy(b[257:], "ustar  \x00")
	copy(b[386:], fmt.Sprintf("%011o\x00%011o\x00", 0, blockBytes)) // at the beginning
	copy(b[410:], fmt.Sprintf("%011o\x00%011o\x00", size, 0))
	copy(b[483:], fmt.Sprintf("%011o\x00", size))
	sign(b)
	copy(b[blockBytes:], content(blockBytes))
	return b
}

func sign(b []byte) {
	copy(b[148:], "        ")
	sum := 0
	for _, c := range b[:blockBytes] {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
}

func TestSparse(t *testing.T) {
	t.Run("if a file has holes, then its digest is that of the file", func(t *testing.T) {
		got := list(t, append(sparse(4096), make([]byte, 1024)...), 100)
		want := []Member{{Path: "holes", Type: File, Mode: "0644", Size: 4096, SHA256: hashed(append(content(512), make([]byte, 3584)...))}}
		if diff := cmp.Diff(want, got.members); diff != "" || got.err != nil {
			t.Errorf("%v (-want +got): %s", got.err, diff)
		}
	})
	t.Run("if the holes are absurd, then it ends", func(t *testing.T) {
		got := list(t, append(sparse(8<<30-1), make([]byte, 1024)...), 1<<20)
		if f := got.fault(); f == nil || f.At != 1024 || !strings.Contains(f.Why, "zeros") {
			t.Errorf("got %v", got.err)
		}
	})
}

func TestWhatIsNoArchiveIsSaid(t *testing.T) {
	one := made(t, tar.Header{Name: "a", Typeflag: tar.TypeReg, Mode: 0o600, Size: 10})
	text := bytes.Repeat([]byte("AKIAENDTOENDTESTABCD "), 100)
	negative := bytes.Clone(one)
	copy(negative[124:], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
	sign(negative)
	endless := bytes.Repeat(made(t, tar.Header{Name: "a", Typeflag: tar.TypeReg, Size: 1, PAXRecords: map[string]string{"COMMENT.x": strings.Repeat("a", 60_000)}})[:60_928], 6)
	for name, tc := range map[string]struct {
		stream []byte
		at     int64
		why    string
	}{
		"if it is text, then from the first byte on":             {text, 0, "header"},
		"if something follows the end, then from there on":       {append(bytes.Clone(one), "secret"...), int64(len(one)), "zeros"},
		"if it follows after zeros, then from there on":          {append(append(bytes.Clone(one), make([]byte, 3000)...), 1), int64(len(one)) + 3000, "zeros"},
		"if one file is followed by text, then after the file":   {append(bytes.Clone(one[:1024]), text...), 522, "header"},
		"if padding hides something, then from there on":         {replaced(one, 700, 'x'), 700, "zeros"},
		"if one block of zeros is followed by text":              {append(bytes.Clone(one[:1536]), text...), 522, "header"},
		"if a size is negative, then from the first byte on":     {negative, 0, "header"},
		"if a checksum is wrong, then from the first byte on":    {replaced(one, 0, 'b'), 0, "header"},
		"if headers do not end, then from the first on":          {endless, 0, "256 KiB"},
		"if a header is huge, then from the first byte on":       {made(t, tar.Header{Name: "a", PAXRecords: map[string]string{"COMMENT.x": strings.Repeat("a", 400_000)}}), 0, "256 KiB"},
		"if a name is longer than any path, then it is not told": {made(t, tar.Header{Name: strings.Repeat("a", 5000)}), 0, "4096"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, piece := range []int{1, 513, len(tc.stream)} {
				got := list(t, tc.stream, piece)
				if f := got.fault(); f == nil || f.At != tc.at || !strings.Contains(f.Why, tc.why) || got.known != tc.at {
					t.Errorf("in pieces of %d: %v, %d known; want from byte %d on, %s", piece, got.err, got.known, tc.at, tc.why)
				}
			}
		})
	}
}

func replaced(stream []byte, at int, b byte) []byte {
	stream = bytes.Clone(stream)
	stream[at] = b
	return stream
}

func TestAStreamThatEndsEarly(t *testing.T) {
	stream := made(t,
		tar.Header{Name: "a", Typeflag: tar.TypeReg, Mode: 0o600, Size: 1000},
		tar.Header{Name: strings.Repeat("b", 200), Typeflag: tar.TypeReg, Mode: 0o600, Size: 10})
	whole := list(t, stream, len(stream)).members
	for cut := range stream {
		got := list(t, stream[:cut], 300)
		if got.err != nil {
			t.Fatalf("cut at %d: %v", cut, got.err)
		}
		for i, m := range got.members {
			if m.State != StateCut && !cmp.Equal(m, whole[i]) {
				t.Errorf("cut at %d: %+v", cut, m)
			}
		}
		// What is not known is less than the headers of one member.
		if unknown := int64(cut) - got.known; unknown >= 4*blockBytes || got.known < int64(min(cut, 512)/512*512) {
			t.Errorf("cut at %d: only %d are known", cut, got.known)
		}
		if got.whole && cut < len(stream) {
			t.Errorf("cut at %d: it is said to be whole", cut)
		}
	}
}

func TestAnErrorOfTellingStays(t *testing.T) {
	full := errors.New("the disk is full")
	stream := made(t, tar.Header{Name: "a", Size: 1000}, tar.Header{Name: "b"})
	for name, first := range map[string]int{"if it comes at the beginning, then nothing follows": 600, "if it comes at the end, then nothing follows": 2048} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			l := New(func(Member) error { calls++; return full })
			for _, p := range [][]byte{stream[:first], stream[first:]} {
				if _, err := l.Write(p); !errors.Is(err, full) {
					t.Errorf("got %v", err)
				}
			}
			if _, err := l.Close(); !errors.Is(err, full) || calls != 1 {
				t.Errorf("got %v after %d calls", err, calls)
			}
		})
	}
}

func TestAMemberFitsIntoARecord(t *testing.T) {
	worst := Member{
		Path: strings.Repeat("\uFFFD", maxName), PathBytes: bytes.Repeat([]byte{0xff}, maxName), Type: Hardlink,
		Link: strings.Repeat("\x01", maxName), Mode: "7777", Size: 1<<63 - 1, SHA256: hashed(nil), State: StateBegun, Passed: 1<<63 - 1,
	}
	encoded, err := json.Marshal(worst)
	if err != nil || len(encoded) >= 64<<10 {
		t.Errorf("%d bytes, %v", len(encoded), err)
	}
}

func TestALargeFileTakesLittleMemory(t *testing.T) {
	var head bytes.Buffer
	if err := tar.NewWriter(&head).WriteHeader(&tar.Header{Name: "big", Typeflag: tar.TypeReg, Size: 1 << 40}); err != nil {
		t.Fatal(err)
	}
	l := New(func(Member) error { return nil })
	defer l.Close()
	if _, err := l.Write(head.Bytes()); err != nil {
		t.Fatal(err)
	}
	piece := content(64 << 10)
	if allocs := testing.AllocsPerRun(100, func() { _, _ = l.Write(piece) }); allocs > 0 {
		t.Errorf("%v allocations a piece", allocs)
	}
}

func FuzzList(f *testing.F) {
	f.Add(made(f, tar.Header{Name: "a", Size: 700}, tar.Header{Name: long, Linkname: long, Typeflag: tar.TypeSymlink, Format: tar.FormatPAX}), uint64(1))
	f.Add(made(f, tar.Header{Name: long, Size: 3, Format: tar.FormatGNU}, tar.Header{Name: "d/", Typeflag: tar.TypeDir}), uint64(2))
	f.Add(append(sparse(4096), make([]byte, 1024)...), uint64(3))
	f.Add(made(f, tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}}, tar.Header{Name: "a"}), uint64(4))
	f.Add([]byte("no archive"), uint64(5))
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		at := list(t, stream, max(1, len(stream)))
		pieces := list(t, stream, 1+int(seed%1021))
		if diff := cmp.Diff(at, pieces, cmp.AllowUnexported(listing{}), cmpopts.IgnoreFields(listing{}, "begun", "err")); diff != "" {
			t.Errorf("it depends on the pieces: %s", diff)
		}
		if diff := cmp.Diff(at.fault(), pieces.fault()); diff != "" {
			t.Errorf("the fault depends on the pieces: %s", diff)
		}
		differsFromTar(t, stream, &at)
	})
}

// differsFromTar compares with archive/tar on the whole stream: it sees the same files, or the Lister has a reason to stop.
func differsFromTar(t *testing.T, stream []byte, got *listing) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(stream))
	for i := 0; ; i++ {
		h, err := r.Next()
		if err != nil || i >= len(got.members) {
			if err == nil && got.err == nil {
				t.Errorf("%q was not told", h.Name)
			}
			if err != nil && i < len(got.members) {
				t.Errorf("%q was told, and archive/tar says %v", got.members[i].Path, err)
			}
			return
		}
		m := got.members[i]
		if path, _ := text(h.Name); m.Path != path {
			t.Errorf("%q was told as %q", h.Name, m.Path)
		}
		if m.SHA256 == "" {
			continue
		}
		sum := sha256.New()
		if n, err := io.Copy(sum, r); err != nil || n != m.Size || hex.EncodeToString(sum.Sum(nil)) != m.SHA256 {
			t.Errorf("%q has %d bytes and another digest, %v; %d were told", h.Name, n, err, m.Size)
		}
	}
}

func BenchmarkList(b *testing.B) {
	for name, size := range map[string]int{"one large file": 32 << 20, "files of 4 KiB": 4 << 10} {
		b.Run(name, func(b *testing.B) {
			headers := make([]tar.Header, (32<<20)/size)
			for i := range headers {
				headers[i] = tar.Header{Name: fmt.Sprintf("file-%d", rand.Uint32()), Typeflag: tar.TypeReg, Size: int64(size)}
			}
			stream := made(b, headers...)
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				l := New(func(Member) error { return nil })
				for rest := stream; len(rest) > 0; {
					n := min(64<<10, len(rest))
					if _, err := l.Write(rest[:n]); err != nil {
						b.Fatal(err)
					}
					rest = rest[n:]
				}
				if _, err := l.Close(); err != nil || !l.Whole() {
					b.Fatal(err)
				}
			}
		})
	}
}
