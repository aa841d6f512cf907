package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// changedSettings are the kernel settings that the node's programs change: forwarding by this
// program and the CNI plugin, the others by the kubelet and kube-proxy.
var changedSettings = []string{
	"net/ipv4/ip_forward",
	"net/ipv4/conf/all/route_localnet",
	"kernel/keys/root_maxbytes",
	"kernel/keys/root_maxkeys",
	"kernel/panic",
	"kernel/panic_on_oops",
	"vm/overcommit_memory",
	"vm/panic_on_oom",
}

// Settings reads and writes kernel settings below Root, "/proc/sys".
type Settings struct {
	Root string
}

// Save writes the present values into file, unless it is there already: then it holds the values
// from before the node first came up.
func (s Settings) Save(file string) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	values := make(map[string]string)
	for _, name := range changedSettings {
		content, err := os.ReadFile(filepath.Join(s.Root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("saving kernel setting %s: %w", name, err)
		}
		values[name] = strings.TrimSpace(string(content))
	}
	content, err := json.MarshalIndent(values, "", "  ")
	if err != nil {
		return fmt.Errorf("saving kernel settings: %w", err)
	}
	if err := os.WriteFile(file+".new", append(content, '\n'), 0o644); err != nil {
		return fmt.Errorf("saving kernel settings: %w", err)
	}
	return os.Rename(file+".new", file)
}

// Restore sets the values that Save wrote. A missing file means that nothing was changed.
func (s Settings) Restore(file string) error {
	content, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("restoring kernel settings: %w", err)
	}
	var values map[string]string
	if err := json.Unmarshal(content, &values); err != nil {
		return fmt.Errorf("restoring kernel settings: %w", err)
	}
	for _, name := range changedSettings {
		if value, saved := values[name]; saved {
			if err := s.Set(name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// Set writes one setting, unless it has the value already.
func (s Settings) Set(name, value string) error {
	path := filepath.Join(s.Root, name)
	if have, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(have)) == value {
		return nil
	}
	if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
		return fmt.Errorf("setting %s to %s: %w", strings.ReplaceAll(name, "/", "."), value, err)
	}
	return nil
}
