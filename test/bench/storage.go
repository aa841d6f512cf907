//go:build e2e

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/objectstore/s3"
)

// storageTime is how long the session is typed that stands for an hour.
const storageTime = 90 * time.Second

// storage types a session in a shell, at a person's speed, and counts what it left in the bucket: keys every 80 to 240 ms,
// a line of output to a screenful, and 2 to 8 seconds to read each.
func (b *bench) storage(ctx context.Context) error {
	revoke, err := b.grant(ctx, "bench-storage", podName)
	if err != nil {
		return err
	}
	defer revoke()
	_, through, err := b.ways()
	if err != nil {
		return err
	}
	t, err := openTerminal(ctx, through, podName, "sh")
	if err != nil {
		return err
	}
	defer t.stop()
	begin := time.Now()
	typed, err := b.typeFor(t, storageTime)
	if err != nil {
		return err
	}
	took := time.Since(begin)
	if _, err := t.keys.Write([]byte("exit\r")); err != nil {
		return err
	}
	if err := t.close(); err != nil {
		return err
	}
	segments, bytes, rest, err := b.stored(ctx, "bench-storage")
	if err != nil {
		return err
	}
	hours := took.Hours()
	b.add(row{
		fmt.Sprintf("storage of an hour of typing, from %s with %d commands", took.Round(time.Second), typed), "–",
		fmt.Sprintf("%.0f KiB", float64(bytes)/hours/kibibytes),
		fmt.Sprintf("in %.0f objects, and once %.1f KiB for the open and the close object", float64(segments)/hours, float64(rest)/kibibytes), "",
	})
	return nil
}

// typeFor types whole commands, and returns how many.
func (*bench) typeFor(t *terminal, long time.Duration) (int, error) {
	commands := []string{
		"ls -l /bin | head -n 30", "ps", "cat /etc/passwd", "df", "env", "ls -la /", "cat /proc/meminfo | head -n 12", "id", "mount | head -n 10", "date",
	}
	chance := rand.New(rand.NewPCG(1, 2)) // the same in each run
	between := func(least, most time.Duration) { time.Sleep(least + time.Duration(chance.Int64N(int64(most-least)))) }
	if _, err := t.await("# "); err != nil {
		return 0, err
	}
	n := 0
	for begin := time.Now(); time.Since(begin) < long; n++ {
		for _, key := range []byte(commands[n%len(commands)]) {
			between(80*time.Millisecond, 240*time.Millisecond)
			if _, err := t.press(key); err != nil {
				return n, err
			}
		}
		if _, err := t.keys.Write([]byte("\r")); err != nil {
			return n, err
		}
		if _, err := t.await("# "); err != nil {
			return n, err
		}
		between(2*time.Second, 8*time.Second)
	}
	return n, nil
}

// stored counts the segments of the grant's only session, their bytes, and those of its other objects.
func (b *bench) stored(ctx context.Context, grant string) (segments int, bytes, rest int64, err error) {
	prefix, err := b.recordingOf(ctx, grant)
	if err != nil {
		return 0, 0, 0, err
	}
	env, err := settings(filepath.Join(b.state, "object-store", "auditor.env"))
	if err != nil {
		return 0, 0, 0, err
	}
	store, err := s3.New(s3.Options{
		Now: time.Now, Endpoint: env["S3_ENDPOINT"], Bucket: env["S3_BUCKET"], CAFile: env["S3_CA_FILE"],
		AccessKey: env["AWS_ACCESS_KEY_ID"], SecretKey: env["AWS_SECRET_ACCESS_KEY"],
	})
	if err != nil {
		return 0, 0, 0, err
	}
	for v, err := range store.List(ctx, prefix, "") {
		switch {
		case err != nil:
			return 0, 0, 0, err
		case strings.Contains(v.Key, "/segment-"):
			segments, bytes = segments+1, bytes+v.Size
		default:
			rest += v.Size
		}
	}
	if segments == 0 {
		err = errors.New("the recording has no segments")
	}
	return segments, bytes, rest, err
}

func (b *bench) recordingOf(ctx context.Context, grant string) (string, error) {
	var sessions accessv1alpha1.ExecutionSessionList
	if err := b.admin.List(ctx, &sessions, client.InNamespace(namespace)); err != nil {
		return "", err
	}
	found := ""
	for i := range sessions.Items {
		// A grant of that name of an earlier run had earlier sessions.
		if s := &sessions.Items[i]; s.Spec.GrantRef.Name == grant && s.Spec.Recording > found {
			found = s.Spec.Recording
		}
	}
	if found == "" {
		return "", fmt.Errorf("there is no session of grant %s", grant)
	}
	return found, nil
}

// settings reads lines NAME=VALUE.
func settings(path string) (map[string]string, error) {
	lines, err := readFile(path)
	values := map[string]string{}
	for line := range strings.Lines(string(lines)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			values[k] = strings.Trim(v, `"'`)
		}
	}
	return values, err
}
