package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/progress"
)

const module = "github.com/sallyport-dev/sallyport/hack/devcluster"

// FindSource returns the directory of this module in the checkout: override if set, else
// hack/devcluster in the directory from or in one above it.
func FindSource(override, from string) (string, error) {
	if override != "" {
		if !isSource(override) {
			return "", fmt.Errorf("SALLYPORT_SOURCE=%s is not the directory hack/devcluster of a checkout", override)
		}
		return filepath.Abs(override)
	}
	for dir := from; ; dir = filepath.Dir(dir) {
		for _, candidate := range []string{dir, filepath.Join(dir, "hack", "devcluster")} {
			if isSource(candidate) {
				return candidate, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("not inside a checkout of Sallyport: change into one, or set SALLYPORT_SOURCE to its hack/devcluster")
		}
	}
}

func isSource(dir string) bool {
	content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && strings.HasPrefix(string(content), "module "+module+"\n")
}

// All builds what is missing or out of date, one program after the other, and sets the links that
// the components are started by. It reports whether it built anything.
func All(ctx context.Context, say *progress.Printer, l Paths, recipes []Recipe) (bool, error) {
	stale, err := outdated(recipes)
	if err != nil {
		return false, err
	}
	if len(stale) > 0 {
		if _, err := exec.LookPath("go"); err != nil {
			return false, errors.New("the go command is not on PATH: install Go 1.26 or newer (https://go.dev/dl)")
		}
		say.Stepf("%d of %d programs to build; with nothing in Go's cache that takes about 15 minutes", len(stale), len(recipes))
	}
	for i, r := range stale {
		what := fmt.Sprintf("building %s (%d of %d)", r.Name, i+1, len(stale))
		if err := say.During(ctx, what, r.build); err != nil {
			return false, err
		}
	}
	return len(stale) > 0, link(l)
}

func outdated(recipes []Recipe) ([]Recipe, error) {
	var stale []Recipe
	for _, r := range recipes {
		current, err := r.Current()
		if err != nil {
			return nil, err
		}
		if !current {
			stale = append(stale, r)
		}
	}
	return stale, nil
}

func (r Recipe) build(ctx context.Context) error {
	stamp, err := r.Stamp()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(r.Output), 0o755); err != nil {
		return fmt.Errorf("making the cache: %w", err)
	}
	scratch, err := os.MkdirTemp(filepath.Dir(r.Output), ".build-")
	if err != nil {
		return fmt.Errorf("making the cache: %w", err)
	}
	defer os.RemoveAll(scratch)
	built, err := r.compile(ctx, scratch)
	if err != nil {
		return fmt.Errorf("building %s: %w", r.Name, err)
	}
	// The stamp goes first: were the program new and its stamp old, it would only be built again.
	if err := os.Remove(r.stampFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("replacing %s: %w", r.Output, err)
	}
	if err := os.Rename(built, r.Output); err != nil {
		return fmt.Errorf("replacing %s: %w", r.Output, err)
	}
	return os.WriteFile(r.stampFile(), []byte(stamp+"\n"), 0o644)
}

// compile runs go and returns the path of the program in scratch.
func (r Recipe) compile(ctx context.Context, scratch string) (string, error) {
	ldflags := strings.Join(append([]string{"-s", "-w"}, r.LDFlags...), " ")
	args := []string{"install", "-trimpath", "-ldflags", ldflags, r.Package}
	if r.Dir != "" {
		args = []string{"build", "-trimpath", "-buildvcs=false", "-ldflags", ldflags, "-o", scratch + string(filepath.Separator), r.Package}
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = r.Dir
	if r.Dir == "" {
		cmd.Dir = scratch
	}
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOBIN="+scratch)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", args[0], err, lastLines(output.String(), 15))
	}
	programs, err := filepath.Glob(filepath.Join(scratch, "*"))
	if err != nil || len(programs) != 1 {
		return "", fmt.Errorf("go %s left %d programs, want 1", args[0], len(programs))
	}
	return programs[0], nil
}

// link makes the names by which the Kubernetes program is called. They also are envtest's assets.
func link(l Paths) error {
	for _, component := range Components {
		name, target := l.Asset(component), filepath.Join("..", "bin", "kubernetes")
		if have, err := os.Readlink(name); err == nil && have == target {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fmt.Errorf("linking %s: %w", component, err)
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("linking %s: %w", component, err)
		}
		if err := os.Symlink(target, name); err != nil {
			return fmt.Errorf("linking %s: %w", component, err)
		}
	}
	return nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
