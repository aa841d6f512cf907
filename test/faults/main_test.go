//go:build e2e

// Package faults breaks what Sallyport runs on, on the real node and with real processes, and then compares three things
// byte by byte: what the client has received, what the container has sent, and what verifies in the bucket. Run it by
// make faults; docs/reliability.md holds the table that it prints.
//
// Of every session it demands the same (see check in trial_test.go): what the client got is a prefix of what is recorded,
// which is a prefix of what the container sent; input, the other way; the recording verifies and says how it ended; and
// the client was told that something went wrong, unless the command came to its end. After every fault a new session works.
//
// The gateway is set up anew for the suite: a store front that can be broken stands between it and the object store, and
// it gives lost instances up after seconds. Afterwards it is set back; after a suite that was killed, make install does it.
//
// Chance comes from seeds: each is printed, and -seed=N -seeds=1 repeats it.
package faults

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/node"
)

var (
	firstSeed = flag.Uint64("seed", 1, "the first seed")
	seeds     = flag.Uint64("seeds", 2, "how many seeds each row of chance tries")
	table     = flag.String("table", "", "file to which the rows of the table are added")
)

// lostAfter is when the suite's gateway gives up an instance that is gone.
const lostAfter = "10s"

// front stands before the object store.
var front *storefront

// began is before every session of this suite.
var began = time.Now()

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	restore := func() error { return nil }
	code := node.Run(m, func() (err error) {
		restore, err = setUp()
		return err
	})
	if err := restore(); err != nil {
		fmt.Fprintln(os.Stderr, "setting the gateway back:", err)
		return max(code, 1)
	}
	return code
}

// setUp points the gateway at the store front, and returns what sets it back.
func setUp() (restore func() error, err error) {
	nothing := func() error { return nil }
	address, err := kubectl("get", "node", "-o", `jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}`)
	if err != nil {
		return nothing, err
	}
	if front, err = openStorefront(address); err != nil {
		return nothing, err
	}
	endpoint, err := kubectl("get", "-n", node.System, "configmap", "sallyport-object-store", "-o", "jsonpath={.data.S3_ENDPOINT}")
	if err != nil {
		return nothing, err
	}
	proxyArgs := `jsonpath={.spec.template.spec.containers[?(@.name=="proxy")].args}`
	text, err := kubectl("get", "-n", node.System, "deployment", "sallyport", "-o", proxyArgs)
	if err != nil {
		return nothing, err
	}
	var args []string
	if err := json.Unmarshal([]byte(text), &args); err != nil {
		return nothing, err
	}
	restore = func() error { return errors.Join(configure(endpoint, args), front.close()) }
	return restore, configure(front.url, append(slices.Clip(args), "--lost-after="+lostAfter))
}

// configure sets the gateway's store and arguments, and waits until it serves with them.
func configure(endpoint string, args []string) error {
	config, _ := json.Marshal(map[string]any{"data": map[string]string{"S3_ENDPOINT": endpoint}})
	pods, _ := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "proxy", "args": args}},
	}}}})
	for _, step := range [][]string{
		{"patch", "-n", node.System, "configmap", "sallyport-object-store", "--type=merge", "-p", string(config)},
		{"patch", "-n", node.System, "deployment", "sallyport", "--type=strategic", "-p", string(pods)},
		{"rollout", "status", "-n", node.System, "deployment/sallyport", "--timeout=120s"},
	} {
		if _, err := kubectl(step...); err != nil {
			return err
		}
	}
	return nil
}

func kubectl(args ...string) (string, error) {
	c := node.As("super-admin")
	c.Timeout = 130 * time.Second
	r := c.Kubectl(args...)
	if r.Code != 0 {
		return "", fmt.Errorf("kubectl %s: %s", strings.Join(args, " "), r)
	}
	return r.Stdout, nil
}

// newPod replaces the gateway's pod, and waits for the old one to go: the kubelet starts a container that died often later and
// later.
func newPod(t *testing.T) {
	t.Helper()
	for _, step := range [][]string{
		{"rollout", "restart", "-n", node.System, "deployment/sallyport"},
		{"rollout", "status", "-n", node.System, "deployment/sallyport", "--timeout=120s"},
	} {
		if _, err := kubectl(step...); err != nil {
			t.Fatal(err)
		}
	}
	node.Eventually(t, "one proxy is left", time.Minute, func() bool { return len(node.Proxies(t)) == 1 })
}

// works fails the test unless new sessions begin, and end well, soon.
func works(t *testing.T) {
	t.Helper()
	node.Eventually(t, "a new session works", 60*time.Second, func() bool {
		c := node.Through("developer")
		c.Timeout = 15 * time.Second
		r := c.Kubectl("exec", "-n", node.Namespace, "app-0", "--", "echo", "works")
		return r.Code == 0 && r.Stdout == "works\n"
	})
}

// proxy is the process ID of the one proxy.
func proxy(t *testing.T) int {
	t.Helper()
	var pids []int
	node.Eventually(t, "one proxy runs", 60*time.Second, func() bool {
		pids = node.Proxies(t)
		return len(pids) == 1
	})
	return pids[0]
}
