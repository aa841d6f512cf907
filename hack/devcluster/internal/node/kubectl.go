package node

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// kubectl runs kubectl as super-admin with the given standard input and returns what it wrote.
func (n *Node) kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	return n.runKubectl(ctx, "super-admin", stdin, args...)
}

func (n *Node) kubectlAs(ctx context.Context, user string, args ...string) error {
	_, err := n.runKubectl(ctx, user, "", args...)
	return err
}

func (n *Node) runKubectl(ctx context.Context, user, stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, n.Layout.Asset("kubectl"), append([]string{"--kubeconfig=" + n.Layout.Kubeconfig(user)}, args...)...)
	// Its cache goes with the state.
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + n.Layout.Path("home"), "KUBECACHEDIR=" + n.Layout.Path("home", "kubectl")}
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
