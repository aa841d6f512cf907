package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/config"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/objectstore"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/process"
)

// Status writes one line for each component. It fails if the node is not up and well.
func (n *Node) Status(ctx context.Context, out io.Writer) error {
	if !n.isState() {
		return errors.New("there is no node; bring one up with: devcluster up")
	}
	unwell := 0
	line := func(name, pid, age, state string, well bool) {
		if !well {
			unwell++
		}
		fmt.Fprintf(out, "%-24s %-8s %-10s %s\n", name, pid, age, state)
	}
	for _, c := range config.Components(config.Values{Layout: n.Layout}) {
		id, _ := process.ReadIdentity(n.Layout.PIDFile(c.Name))
		if !n.table.Alive(id) {
			line(c.Name, "-", "-", "stopped, log "+n.Layout.Log(c.Name), false)
			continue
		}
		pid, age := fmt.Sprint(id.PID), n.table.Age(id).Truncate(time.Second).String()
		if err := n.probe(ctx, c.Name); err != nil {
			line(c.Name, pid, age, fmt.Sprintf("unwell: %v, log %s", err, n.Layout.Log(c.Name)), false)
			continue
		}
		line(c.Name, pid, age, "well", true)
	}
	if missing := n.notReady(ctx); missing != "" {
		line("node "+layout.NodeName, "-", "-", "not yet so: "+missing, false)
	} else {
		line("node "+layout.NodeName, "-", "-", "ready", true)
	}
	if unwell > 0 {
		return fmt.Errorf("%d parts of the node are not well; repair it with: devcluster up", unwell)
	}
	return nil
}

// Env writes shell lines that export where everything is.
func (n *Node) Env(_ context.Context, out io.Writer) error {
	l := n.Layout
	lines := [][2]string{
		{"SALLYPORT_NODE", l.State},
		{"SALLYPORT_CACHE", l.Cache},
		{"KUBECTL", l.Asset("kubectl")},
		{"KUBECTL_1_32", l.OldKubectl()},
		{"KUBEBUILDER_ASSETS", l.Assets()},
		{"KUBECONFIG_DIR", l.Path("kubeconfig")},
		{"AUDIT_LOG", l.Path("log", "audit.log")},
		{"MC", l.Bin("mc")},
		{"MC_CONFIG_DIRS", l.ObjectStore("mc")},
		{"S3_BUCKET", layout.Bucket},
		{"S3_ENDPOINT", layout.ObjectStoreURL},
		{"S3_ENDPOINT_IN_CLUSTER", layout.ObjectStoreInCluster},
		{"S3_CA_FILE", l.PKI("ca.crt")},
	}
	for _, user := range objectstore.Users {
		lines = append(lines, [2]string{"S3_ENV_" + strings.ToUpper(user), l.ObjectStore(user + ".env")})
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(out, "export %s=%s\n", line[0], shellQuote(line[1])); err != nil {
			return fmt.Errorf("writing the environment: %w", err)
		}
	}
	return nil
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
