package spool_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/spool"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, j *spool.Journal, n int) string {
	t.Helper()
	batches, torn, damaged, err := j.Read(n, new([]byte))
	must(t, err)
	data := bytes.Join(batches, nil)
	if torn > 0 || damaged {
		t.Errorf("segment %d: %d bytes torn, damaged %t", n, torn, damaged)
	}
	return string(data)
}

func TestWhatIsAppendedComesBackAfterDeath(t *testing.T) {
	dir := t.TempDir()
	s := spooltest.Open(t, dir)
	j := spooltest.Journal(t, s, "session")
	for i := range 3 {
		must(t, j.Append(fmt.Appendf(nil, "a%d ", i)))
	}
	if n, err := j.Rotate(); n != 1 || err != nil {
		t.Fatalf("Rotate: %d, %v", n, err)
	}
	if n, err := j.Rotate(); n != 0 || err != nil {
		t.Fatalf("Rotate of nothing: %d, %v", n, err)
	}
	must(t, j.Append([]byte("b")))

	// A copy is what a process that dies now leaves.
	dead := filepath.Join(t.TempDir(), "dead")
	must(t, os.CopyFS(dead, os.DirFS(dir)))
	again := spooltest.Open(t, dead)
	left, err := again.Leftovers()
	must(t, err)
	if diff := cmp.Diff([]string{"session"}, left); diff != "" {
		t.Fatal(diff)
	}
	if again.Used() != s.Used() || again.Used() == 0 {
		t.Errorf("%d bytes were used, %d are", s.Used(), again.Used())
	}
	k, err := again.Reopen("session")
	must(t, err)
	segments, err := k.Segments()
	must(t, err)
	if diff := cmp.Diff([]int{1, 2}, segments); diff != "" {
		t.Error(diff)
	}
	if read(t, k, 1) != "a0 a1 a2 " || read(t, k, 2) != "b" {
		t.Errorf("%q, %q", read(t, k, 1), read(t, k, 2))
	}
	if err := k.Append([]byte("x")); err == nil {
		t.Error("something was appended to a leftover")
	}
	must(t, k.Release(1))
	must(t, k.Remove())
	if left, err := again.Leftovers(); err != nil || len(left) > 0 || again.Used() != 0 {
		t.Errorf("%d bytes of %v are left: %v", again.Used(), left, err)
	}
}

func TestEveryCutOfAFileLosesTheCutBatchOnly(t *testing.T) {
	s := spooltest.New(t)
	j := spooltest.Journal(t, s, "session")
	var ends []int
	var want bytes.Buffer
	dir := t.TempDir()
	for i := range 5 {
		batch := bytes.Repeat([]byte{byte('a' + i)}, 1+i*7)
		must(t, j.Append(batch))
		want.Write(batch)
		ends = append(ends, int(s.Used()))
	}
	j.Leave()
	whole := fileOf(t, j, dir)
	for cut := range len(whole) + 1 {
		k := reopened(t, map[string][]byte{"00000001": whole[:cut]})
		got, torn, damaged, err := k.Read(1, new([]byte))
		must(t, err)
		data, batches, at := bytes.Join(got, nil), 0, 0
		for _, end := range ends {
			if end <= cut {
				batches, at = batches+1, end
			}
		}
		wantBytes := at - 12*batches
		if len(got) != batches || !bytes.Equal(data, want.Bytes()[:wantBytes]) || torn != cut-at || damaged {
			t.Fatalf("cut at %d: %q, torn %d, damaged %t", cut, data, torn, damaged)
		}
	}
	for i := range whole {
		rotten := bytes.Clone(whole)
		rotten[i] ^= 0x40
		batches, torn, damaged, err := reopened(t, map[string][]byte{"00000001": rotten}).Read(1, new([]byte))
		must(t, err)
		data := bytes.Join(batches, nil)
		if torn == 0 || !bytes.HasPrefix(want.Bytes(), data) || (i < ends[3]) != damaged {
			t.Fatalf("byte %d rots: %q, torn %d, damaged %t", i, data, torn, damaged)
		}
	}
}

// fileOf returns the bytes of the only segment.
func fileOf(t *testing.T, j *spool.Journal, _ string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(j.Dir(), "00000001"))
	must(t, err)
	return b
}

func reopened(t *testing.T, files map[string][]byte) *spool.Journal {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "session"), 0o700))
	for name, content := range files {
		must(t, os.WriteFile(filepath.Join(dir, "session", name), content, 0o600))
	}
	s, err := spool.Open(dir, 1<<30)
	must(t, err)
	defer func() { must(t, s.Close()) }()
	k, err := s.Reopen("session")
	must(t, err)
	return k
}

func TestTheLimitHolds(t *testing.T) {
	s, err := spool.Open(t.TempDir(), 100)
	must(t, err)
	j := spooltest.Journal(t, s, "session")
	must(t, j.Append(make([]byte, 50)))
	if err := j.Append(make([]byte, 50)); !errors.Is(err, spool.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	if _, err := j.Rotate(); err != nil {
		t.Fatal(err)
	}
	must(t, j.Release(1))
	must(t, j.Append(make([]byte, 50)))
	must(t, j.Remove())
	if s.Used() != 0 {
		t.Errorf("%d bytes are used", s.Used())
	}
}

func TestOneProcessHoldsASpool(t *testing.T) {
	dir := t.TempDir()
	s, err := spool.Open(dir, 1)
	must(t, err)
	if _, err := spool.Open(dir, 1); err == nil {
		t.Error("it was opened twice")
	}
	must(t, s.Close())
	s, err = spool.Open(dir, 1)
	must(t, err)
	must(t, s.Close())
}

func TestNames(t *testing.T) {
	s := spooltest.New(t)
	for _, name := range []string{"", ".", "..", "a/b", "/", "lock", "../x"} {
		if _, err := s.Create(name); err == nil {
			t.Errorf("%q was taken for a name", name)
		}
	}
	spooltest.Journal(t, s, "twice")
	if _, err := s.Create("twice"); err == nil {
		t.Error("a session has two journals")
	}
	if _, err := s.Reopen("none"); err == nil {
		t.Error("a journal that is not there was opened")
	}
	if !s.Has("twice") || s.Has("none") {
		t.Error("Has errs")
	}
}

func TestStrayFilesAreTold(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "session"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "session", "notes.txt"), nil, 0o600))
	if _, err := spooltest.Open(t, dir).Reopen("session"); err == nil {
		t.Error("a stray file was taken for a segment")
	}
}

func TestConcurrentAppends(t *testing.T) {
	s := spooltest.New(t)
	j := spooltest.Journal(t, s, "session")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if err := j.Append([]byte("12345678")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := read(t, j, 1); len(got) != 8*20*8 {
		t.Errorf("%d bytes", len(got))
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("SPB1\x00\x00\x00\x01\x00\x00\x00\x00x"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		k := reopened(t, map[string][]byte{"00000001": raw})
		batches, torn, _, err := k.Read(1, new([]byte))
		must(t, err)
		if n := len(bytes.Join(batches, nil)); n+torn > len(raw) {
			t.Errorf("%d bytes give %d and %d torn", len(raw), n, torn)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{150, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := spooltest.New(b)
			j := spooltest.Journal(b, s, "session")
			data := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := j.Append(data); err != nil {
					b.Fatal(err)
				}
				if i%128 == 127 {
					n, err := j.Rotate()
					if err != nil {
						b.Fatal(err)
					}
					if err := j.Release(n); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
