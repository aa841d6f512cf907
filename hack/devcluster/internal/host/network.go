package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
)

const (
	aliasPrefix = "sallyport node "
	ruleComment = "sallyport-node"
	// A bridge without an address of its own takes that of a port, and changes it as pods come and go:
	// connections of the others then stall until they learn the new one.
	bridgeMAC = "0a:58:0a:f4:00:01"
)

// NodeOnMachine returns the state directory of the node whose bridge exists on this machine, or the
// empty string if there is no bridge of that name. A bridge of the same name that somebody else made
// is an error.
func NodeOnMachine() (string, error) {
	content, err := os.ReadFile(filepath.Join("/sys/class/net", layout.Bridge, "ifalias"))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading interface %s: %w", layout.Bridge, err)
	}
	state, ours := strings.CutPrefix(strings.TrimSpace(string(content)), aliasPrefix)
	if !ours {
		return "", fmt.Errorf("interface %s exists and is not a Sallyport node's; remove it with: ip link delete %s", layout.Bridge, layout.Bridge)
	}
	return state, nil
}

// MakeBridge makes the bridge, gives it the node's address and marks it with the state directory.
func MakeBridge(ctx context.Context, stateDir string) error {
	if _, err := os.Stat(filepath.Join("/sys/class/net", layout.Bridge)); err != nil {
		if err := run(ctx, "", "ip", "link", "add", layout.Bridge, "address", bridgeMAC, "type", "bridge"); err != nil {
			return fmt.Errorf("making the bridge: %w", err)
		}
		if err := run(ctx, "", "ip", "link", "set", layout.Bridge, "alias", aliasPrefix+stateDir); err != nil {
			return fmt.Errorf("making the bridge: %w", err)
		}
	}
	for _, args := range [][]string{
		{"address", "replace", layout.NodePrefix, "dev", layout.Bridge},
		{"link", "set", layout.Bridge, "up"},
	} {
		if err := run(ctx, "", "ip", args...); err != nil {
			return fmt.Errorf("making the bridge: %w", err)
		}
	}
	return nil
}

// Conflict reports an address of the machine that lies in one of the node's networks, "" if none.
func Conflict(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "ip", "-json", "-4", "address", "show").Output()
	if err != nil {
		return "", fmt.Errorf("listing addresses: %w", err)
	}
	return conflict(out)
}

func conflict(addresses []byte) (string, error) {
	var links []struct {
		Name  string `json:"ifname"`
		Addrs []struct {
			Local string `json:"local"`
		} `json:"addr_info"`
	}
	if err := json.Unmarshal(addresses, &links); err != nil {
		return "", fmt.Errorf("listing addresses: %w", err)
	}
	for _, link := range links {
		for _, address := range link.Addrs {
			if link.Name != layout.Bridge && (strings.HasPrefix(address.Local, "10.244.0.") || strings.HasPrefix(address.Local, "10.96.")) {
				return fmt.Sprintf("%s has address %s", link.Name, address.Local), nil
			}
		}
	}
	return "", nil
}

// Guard keeps other machines out: the API server and the object store listen on all addresses, and
// forwarding is on, yet the node is for this machine only.
func Guard(ctx context.Context) error {
	rules := fmt.Sprintf(`
table inet %[1]s
delete table inet %[1]s
table inet %[1]s {
	chain input {
		type filter hook input priority -10; policy accept;
		iifname { "lo", "%[2]s" } accept
		tcp dport { %[3]d, %[4]d } drop
		ip daddr %[5]s drop
	}
	chain forward {
		type filter hook forward priority -10; policy accept;
		iifname != "%[2]s" oifname "%[2]s" ct state new drop
	}
}
`, layout.FilterTable, layout.Bridge, layout.PortAPIServer, layout.PortObjectStore, layout.PodCIDR)
	if err := run(ctx, rules, "nft", "-f", "-"); err != nil {
		return fmt.Errorf("setting the packet filter: %w", err)
	}
	return nil
}

// AllowBridge lets the pods' packets through where the machine's own firewall drops by default, as
// Docker and ufw have it. Where it accepts by default, and where there is no iptables, nothing is added.
func AllowBridge(ctx context.Context) error {
	for _, chain := range []string{"INPUT", "FORWARD"} {
		policy, err := exec.CommandContext(ctx, "iptables", "-w", "-S", chain).Output()
		if err != nil || !bytes.HasPrefix(policy, []byte("-P "+chain+" DROP")) || bytes.Contains(policy, []byte(ruleComment)) {
			continue
		}
		if err := run(ctx, "", "iptables", append([]string{"-w", "-I", chain}, allowRule()...)...); err != nil {
			return fmt.Errorf("letting pods through the firewall: %w", err)
		}
	}
	return nil
}

func allowRule() []string {
	return []string{"-i", layout.Bridge, "-m", "comment", "--comment", ruleComment, "-j", "ACCEPT"}
}

// RemoveNetwork removes the packet filter's tables and rules, the interfaces on the bridge and the
// bridge. What is not there is no error.
func RemoveNetwork(ctx context.Context) error {
	var failures []error
	for _, table := range []string{"inet " + layout.FilterTable, "ip kube-proxy", "ip6 kube-proxy"} {
		if family, name, _ := strings.Cut(table, " "); hasTable(ctx, family, name) {
			failures = append(failures, run(ctx, "", "nft", "delete", "table", family, name))
		}
	}
	for _, chain := range []string{"INPUT", "FORWARD"} {
		rules, err := exec.CommandContext(ctx, "iptables", "-w", "-S", chain).Output()
		if err == nil && bytes.Contains(rules, []byte(ruleComment)) {
			failures = append(failures, run(ctx, "", "iptables", append([]string{"-w", "-D", chain}, allowRule()...)...))
		}
	}
	ports, _ := filepath.Glob(filepath.Join("/sys/class/net", layout.Bridge, "brif", "*"))
	for _, port := range ports {
		// The peer may vanish at the same time, with the network namespace that it is in.
		_ = run(ctx, "", "ip", "link", "delete", filepath.Base(port))
	}
	if _, err := os.Stat(filepath.Join("/sys/class/net", layout.Bridge)); err == nil {
		failures = append(failures, run(ctx, "", "ip", "link", "delete", layout.Bridge))
	}
	return errors.Join(failures...)
}

// ForeignKubeProxy reports whether the tables of another kube-proxy are on the machine. Call it only
// if no node of this program is.
func ForeignKubeProxy(ctx context.Context) bool {
	return hasTable(ctx, "ip", "kube-proxy")
}

func hasTable(ctx context.Context, family, name string) bool {
	return exec.CommandContext(ctx, "nft", "list", "table", family, name).Run() == nil
}

func run(ctx context.Context, stdin, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
