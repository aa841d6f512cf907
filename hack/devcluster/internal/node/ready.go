package node

import (
	"context"
	"fmt"
	"time"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
)

// awaitNode waits until pods can be made: the node is ready and the default service account exists.
func (n *Node) awaitNode(ctx context.Context) error {
	deadline := time.NewTimer(startLimit)
	defer deadline.Stop()
	for {
		missing := n.notReady(ctx)
		if missing == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return n.withLog("kubelet", fmt.Errorf("not so after %s: %s", startLimit, missing))
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// notReady says what is missing until pods can be made, "" if nothing is.
func (n *Node) notReady(ctx context.Context) string {
	const ready = `jsonpath={.status.conditions[?(@.type=="Ready")].status}/{.spec.taints}`
	state, err := n.kubectl(ctx, "", "get", "node", layout.NodeName, "-o", ready)
	if err != nil || state != "True/" {
		return fmt.Sprintf("the node is ready and without taints (ready and taints are %q)", state)
	}
	if _, err := n.kubectl(ctx, "", "get", "serviceaccount", "default", "--namespace=default"); err != nil {
		return "the default service account exists"
	}
	return ""
}
