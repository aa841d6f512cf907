package spool_test

import (
	"os"
	"os/signal"
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
