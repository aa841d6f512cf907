package spool_test

import (
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/spool"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
)

// TestAFailedWriteTakesNoRoom is about the limit: what is not on the disk does not count.
func TestAFailedWriteTakesNoRoom(t *testing.T) {
	for name, tc := range map[string]struct {
		harm func(t *testing.T, j *spool.Journal)
		used int64
	}{
		"if the file cannot be made, then nothing is used": {func(t *testing.T, j *spool.Journal) {
			t.Helper()
			must(t, os.Remove(j.Dir()))
		}, 0},
		"if the disk takes a part, then that part is used": {func(t *testing.T, j *spool.Journal) {
			t.Helper()
			must(t, j.Append(make([]byte, 88)))
			fileLimit(t, 150)
		}, 150},
	} {
		t.Run(name, func(t *testing.T) {
			s := spooltest.New(t)
			j := spooltest.Journal(t, s, "session")
			tc.harm(t, j)
			for range 2 {
				if err := j.Append(make([]byte, 500)); err == nil {
					t.Fatal("the write succeeded")
				}
			}
			if s.Used() != tc.used {
				t.Errorf("%d bytes are used, want %d", s.Used(), tc.used)
			}
			n, err := j.Rotate()
			must(t, err)
			must(t, j.Release(n))
			if s.Used() != 0 {
				t.Errorf("%d bytes of nothing are used", s.Used())
			}
		})
	}
}

// fileLimit lets no file of this process grow beyond n bytes, until the test ends.
func fileLimit(t *testing.T, n uint64) {
	t.Helper()
	var before syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	signal.Ignore(syscall.SIGXFSZ)
	t.Cleanup(func() {
		must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before))
		signal.Reset(syscall.SIGXFSZ)
	})
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: before.Max}))
}

// TestHasTakesTroubleForAJournal: a recording whose journal cannot be looked for is not lost.
func TestHasTakesTroubleForAJournal(t *testing.T) {
	for name, tc := range map[string]struct {
		harm func(t *testing.T, dir string)
		want bool
	}{
		"if the spool has no such journal, then it is not there": {func(*testing.T, string) {}, false},
		"if the spool is no directory, then it may be there": {func(t *testing.T, dir string) {
			t.Helper()
			must(t, os.Rename(dir, dir+".away"))
			must(t, os.WriteFile(dir, nil, 0o600))
		}, true},
		"if the way to the spool is a circle, then it may be there": {func(t *testing.T, dir string) {
			t.Helper()
			must(t, os.Rename(dir, dir+".away"))
			must(t, os.Symlink(dir, dir))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "spool")
			s := spooltest.Open(t, dir)
			tc.harm(t, dir)
			if got := s.Has("session"); got != tc.want {
				t.Errorf("Has = %t, want %t", got, tc.want)
			}
		})
	}
}
