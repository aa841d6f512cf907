//go:build e2e

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
)

const (
	starts = 150
	keys   = 600
)

// apart holds the direct way open while measure runs.
func (b *bench) apart(ctx context.Context, name string, measure func(direct, through *rest.Config) error) (err error) {
	direct, through, err := b.ways()
	if err != nil {
		return err
	}
	revoke, err := b.grant(ctx, name, podName)
	if err != nil {
		return err
	}
	defer revoke()
	shut, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shut()) }()
	return measure(direct, through)
}

// start times short commands, in turns.
func (b *bench) start(ctx context.Context) error {
	return b.apart(ctx, "bench-start", func(direct, through *rest.Config) error {
		var d, t times
		for i := range starts + 5 {
			one, err := firstByte(ctx, direct)
			if err != nil {
				return fmt.Errorf("direct: %w", err)
			}
			other, err := firstByte(ctx, through)
			if err != nil {
				return err
			}
			if i >= 5 { // the first fill caches
				d, t = append(d, one), append(t, other)
			}
		}
		b.compare("exec, start to first byte", d, t, map[int]string{50: "p50 + 25 ms"})
		return nil
	})
}

func firstByte(ctx context.Context, config *rest.Config) (time.Duration, error) {
	const said = "ready\n"
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	begin := time.Now()
	e, err := executor(config, podName, &corev1.PodExecOptions{Container: "main", Command: []string{"echo", "ready"}, Stdout: true, Stderr: true})
	if err != nil {
		return 0, err
	}
	out, problems := &stopwatch{begin: begin}, &stopwatch{begin: begin}
	if err := e.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: out, Stderr: problems}); err != nil {
		return 0, err
	}
	if string(out.text) != said || len(problems.text) > 0 {
		return 0, fmt.Errorf("the command said %q and %q, want %q", out.text, problems.text, said)
	}
	return out.took, nil
}

// stopwatch takes the time of the first byte.
type stopwatch struct {
	begin time.Time
	took  time.Duration
	text  []byte
}

func (s *stopwatch) Write(p []byte) (int, error) {
	if len(s.text) == 0 && len(p) > 0 {
		s.took = time.Since(s.begin)
	}
	s.text = append(s.text, p...)
	return len(p), nil
}

// echo times keys in two sessions that are open side by side, in turns, with time to think between them. A program
// answers, as a shell does that edits its line, and not the terminal's driver.
func (b *bench) echo(ctx context.Context) error {
	const text = "kubectl get pods -o wide; tail -n 20 /var/log/app.log; "
	return b.apart(ctx, "bench-echo", func(direct, through *rest.Config) error {
		var open [2]*terminal
		var took [2]times
		for i, config := range []*rest.Config{direct, through} {
			t, err := openTerminal(ctx, config, podName, "sh", "-c", "stty raw -echo && echo ready && exec cat")
			if err != nil {
				return err
			}
			defer t.stop() //nolint:gocritic // there are two
			if _, err := t.await("ready"); err != nil {
				return err
			}
			open[i] = t
		}
		for i := range keys + 10 {
			for j, t := range open {
				time.Sleep(20*time.Millisecond + rand.N(20*time.Millisecond))
				d, err := t.press(text[i%len(text)])
				if err != nil {
					return err
				}
				if i >= 10 {
					took[j] = append(took[j], d)
				}
			}
		}
		b.compare("key to echo, one at a time", took[0], took[1], map[int]string{99: "p99 + 5 ms"})
		return nil
	})
}
