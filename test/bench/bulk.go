//go:build e2e

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
)

// bulk runs hack/bulk.sh, and takes its lines.
func (b *bench) bulk(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "hack/bulk.sh")
	cmd.Env, cmd.Stderr = append(os.Environ(), "MEGABYTES=200", "ROUNDS=2"), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	names := map[string]string{"textpull": "log text out", "textpush": "log text in", "randompull": "base64 of random bytes out", "randompush": "base64 of random bytes in"}
	found := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var kind, way, direct, through, ratio, core string
		_, err := fmt.Sscanf(lines.Text(), "%s %s direct %s MB/s gateway %s MB/s ratio %s proxy %s MB/s per core", &kind, &way, &direct, &through, &ratio, &core)
		if err != nil {
			continue // a heading
		}
		found++
		b.add(row{names[kind+way], direct + " MB/s", through + " MB/s", ratio + "; " + core + " MB/s per core of the proxy", "150 MB/s per core"})
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("hack/bulk.sh: %w", err)
	}
	if found != len(names) {
		return fmt.Errorf("hack/bulk.sh printed %d results, want %d", found, len(names))
	}
	return nil
}
