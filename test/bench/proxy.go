//go:build e2e

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sallyport-dev/sallyport/internal/layout"
)

const (
	deployment   = "sallyport"
	ticksASecond = 100 // USER_HZ, which Linux never changes
)

// proxy is the one proxy that runs.
type proxy struct {
	process string // below /proc
	address string // of its pod
}

func (n *node) proxy(ctx context.Context) (*proxy, error) {
	var pods corev1.PodList
	err := n.admin.List(ctx, &pods, client.InNamespace(layout.SystemNamespace), client.MatchingLabels{"app.kubernetes.io/name": "sallyport"})
	if err != nil {
		return nil, err
	}
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, dir := range all {
		if strings.HasPrefix(text(filepath.Join(dir, "cmdline")), "/proxy\x00--namespace=") {
			found = append(found, dir)
		}
	}
	if len(pods.Items) != 1 || len(found) != 1 {
		return nil, fmt.Errorf("there are %d pods with %d proxies, want one", len(pods.Items), len(found))
	}
	return &proxy{found[0], pods.Items[0].Status.PodIP}, nil
}

// cpu is the time that the process has computed, for itself and in the kernel.
func (p *proxy) cpu() (time.Duration, error) {
	// The name, in parentheses, can hold anything; what follows it cannot.
	_, rest, _ := strings.Cut(text(filepath.Join(p.process, "stat")), ") ")
	fields := strings.Fields(rest)
	var user, system int64
	if len(fields) < 13 {
		return 0, errors.New("the proxy is gone")
	}
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		return 0, err
	}
	return time.Duration(user+system) * time.Second / ticksASecond, nil
}

// usage is what the proxy holds, in bytes but for the goroutines.
type usage struct{ rss, pss, heap, stacks, goroutines, live float64 }

func (p *proxy) usage(ctx context.Context) (usage, error) {
	var u usage
	for name, to := range map[string]*float64{"Rss": &u.rss, "Pss": &u.pss} {
		if _, err := fmt.Sscan(field(filepath.Join(p.process, "smaps_rollup"), name), to); err != nil {
			return u, fmt.Errorf("reading the memory of the proxy: %w", err)
		}
		*to *= kibibytes
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+":8082/metrics", nil)
	if err != nil {
		return u, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return u, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return u, err
	}
	for name, to := range map[string]*float64{
		"go_memstats_heap_alloc_bytes": &u.heap, "go_memstats_stack_inuse_bytes": &u.stacks, "go_goroutines": &u.goroutines, "sallyport_sessions_live": &u.live,
	} {
		_, rest, ok := strings.Cut(string(body), "\n"+name+" ")
		if _, err := fmt.Sscan(rest, to); !ok || err != nil {
			return u, fmt.Errorf("the proxy has no metric %s", name)
		}
	}
	return u, nil
}

// settle waits until the proxy does next to nothing.
func (p *proxy) settle(ctx context.Context, within time.Duration) error {
	const look = 2 * time.Second
	for deadline := time.Now().Add(within); time.Now().Before(deadline); {
		before, err := p.cpu()
		if err != nil {
			return err
		}
		select {
		case <-time.After(look):
		case <-ctx.Done():
			return ctx.Err()
		}
		after, err := p.cpu()
		if err != nil || after-before < look/20 {
			return err
		}
	}
	return nil
}

// withArgs replaces the proxy by one with further arguments, until back is called.
func (n *node) withArgs(ctx context.Context, args ...string) (back func() error, err error) {
	set := func(ctx context.Context, change func([]string) []string) error {
		var d appsv1.Deployment
		if err := n.admin.Get(ctx, client.ObjectKey{Namespace: layout.SystemNamespace, Name: deployment}, &d); err != nil {
			return err
		}
		for i := range d.Spec.Template.Spec.Containers {
			if c := &d.Spec.Template.Spec.Containers[i]; c.Name == "proxy" {
				c.Args = change(c.Args)
			}
		}
		if err := n.admin.Update(ctx, &d); err != nil {
			return err
		}
		if err := n.kubectl(ctx, "super-admin", "", "-n", layout.SystemNamespace, "rollout", "status", "deployment/"+deployment, "--timeout=120s"); err != nil {
			return err
		}
		// The former pod serves its last calls.
		return eventually(ctx, time.Minute, func() error {
			_, err := n.proxy(ctx)
			return err
		})
	}
	was := 0
	err = set(ctx, func(is []string) []string {
		was = len(is)
		return append(is, args...)
	})
	return func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Minute)
		defer cancel()
		return set(ctx, func(is []string) []string { return is[:min(was, len(is))] })
	}, err
}

func readFile(parts ...string) ([]byte, error) { return os.ReadFile(filepath.Join(parts...)) }
