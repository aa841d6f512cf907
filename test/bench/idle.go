//go:build e2e

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

const (
	openers   = 8 // that open sessions at a time
	sealTime  = 3 * time.Minute
	kibibytes = 1024
)

// idle opens sessions with terminals, types one line into each, and measures the proxy once they are quiet. The clients
// go to the proxy's own address: the API server could not hold both legs of so many sessions with the files that it may
// open.
func (b *bench) idle(ctx context.Context) (err error) {
	stop, err := b.serveKubelet(ctx)
	if err != nil {
		return err
	}
	defer stop()
	revoke, err := b.grant(ctx, "bench-idle", barePod)
	if err != nil {
		return err
	}
	defer revoke()
	back, err := b.withArgs(ctx, "--max-sessions=6000", "--max-sessions-per-user=6000")
	defer func() { err = errors.Join(err, back()) }()
	if err != nil {
		return err
	}
	p, err := b.proxy(ctx)
	if err != nil {
		return err
	}
	config, err := b.direct(ctx, p)
	if err != nil {
		return err
	}
	if err = b.fill(ctx, p, config); err != nil {
		logs, _ := b.told(context.WithoutCancel(ctx), "super-admin", "", "-n", layout.SystemNamespace, "logs", "deployment/"+deployment, "-c", "proxy", "--tail=1000")
		for line := range strings.Lines(logs) {
			if strings.Contains(line, "error") {
				b.progress("  the proxy says: %s", strings.TrimSpace(line))
			}
		}
	}
	return err
}

func (b *bench) direct(ctx context.Context, p *proxy) (*rest.Config, error) {
	config, err := b.config("developer")
	if err != nil {
		return nil, err
	}
	var secret corev1.Secret
	if err := b.admin.Get(ctx, client.ObjectKey{Namespace: layout.SystemNamespace, Name: layout.ServingSecret}, &secret); err != nil {
		return nil, err
	}
	config.Host = "https://" + p.address + ":8443" + layout.GatewayPath()
	config.CAFile, config.CAData = "", secret.Data["ca.crt"]
	config.ServerName = layout.GatewayService + "." + layout.SystemNamespace + ".svc"
	return config, nil
}

func (b *bench) fill(ctx context.Context, p *proxy, config *rest.Config) (err error) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	var all []*terminal
	open := func(n int) error {
		begin := time.Now()
		more, err := openMany(ctx, config, n-len(all))
		all = append(all, more...)
		b.progress("  %d sessions are open, %s for the last %d", len(all), time.Since(begin).Round(time.Second), len(more))
		return err
	}
	// What the first sessions make is there for all.
	if err := open(20); err != nil {
		return err
	}
	before, err := b.measured(ctx, p, 20)
	if err != nil {
		return err
	}
	sizes := []int{1000, 5000}
	if os.Getenv("BENCH_IDLE") == "few" {
		sizes = sizes[:1]
	}
	for _, n := range sizes {
		if err := open(n); err != nil {
			return err
		}
		u, err := b.measured(ctx, p, n)
		if err != nil {
			return err
		}
		each := func(after, before float64) string {
			return fmt.Sprintf("%.0f KiB", (after-before)/float64(n-20)/kibibytes)
		}
		b.add(row{
			fmt.Sprintf("memory of an idle session, at %d", n), "–", each(u.rss, before.rss) + " RSS",
			fmt.Sprintf("PSS %s, live heap and garbage %s, stacks %s, %.1f goroutines; %.0f MiB RSS in all",
				each(u.pss, before.pss), each(u.heap, before.heap), each(u.stacks, before.stacks),
				(u.goroutines-before.goroutines)/float64(n-20), u.rss/kibibytes/kibibytes),
			"250 KiB",
		})
	}
	leave()
	return b.emptied(context.WithoutCancel(ctx), p)
}

// measured is what the proxy holds for n quiet sessions.
func (b *bench) measured(ctx context.Context, p *proxy, n int) (usage, error) {
	select {
	case <-time.After(6 * time.Second): // what was typed goes to the store
	case <-ctx.Done():
		return usage{}, ctx.Err()
	}
	// The pings of so many clients never end.
	if err := p.settle(ctx, 20*time.Second); err != nil {
		return usage{}, err
	}
	u, err := p.usage(ctx)
	if err == nil && int(u.live) != n {
		err = fmt.Errorf("%.0f sessions live, want %d", u.live, n)
	}
	return u, err
}

func openMany(ctx context.Context, config *rest.Config, n int) ([]*terminal, error) {
	var mu sync.Mutex
	var opened []*terminal
	var errs []error
	var group sync.WaitGroup
	for range openers {
		group.Go(func() {
			for {
				mu.Lock()
				done := n <= 0 || len(errs) > 0
				n--
				mu.Unlock()
				if done {
					return
				}
				t, err := openIdle(ctx, config)
				mu.Lock()
				if err != nil {
					errs = append(errs, err)
				} else {
					opened = append(opened, t)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return opened, errors.Join(errs...)
}

func openIdle(ctx context.Context, config *rest.Config) (*terminal, error) {
	t, err := openTerminal(ctx, config, barePod, "sh")
	if err != nil {
		return nil, err
	}
	if _, err := t.await(prompt); err != nil {
		return nil, err
	}
	const line = "ls -l\r"
	if _, err := t.keys.Write([]byte(line)); err != nil {
		return nil, err
	}
	_, err = t.await(line)
	return t, err
}

// emptied waits until every session that was left is sealed, and removes their objects.
func (b *bench) emptied(ctx context.Context, p *proxy) error {
	begin := time.Now()
	err := eventually(ctx, sealTime, func() error {
		u, err := p.usage(ctx)
		if err == nil && u.live > 0 {
			err = fmt.Errorf("%.0f sessions have not ended", u.live)
		}
		return err
	})
	b.progress("  all were sealed in %s", time.Since(begin).Round(time.Second))
	return errors.Join(err, b.admin.DeleteAllOf(ctx, &accessv1alpha1.ExecutionSession{}, client.InNamespace(namespace)))
}
