package node

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/host"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/image"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
)

// loadBaseImages loads the pause image, without which no pod starts, and busybox.
func (n *Node) loadBaseImages(ctx context.Context) error {
	busybox, err := host.Busybox()
	if err != nil {
		return err
	}
	applets, err := Applets(ctx, busybox)
	if err != nil {
		return err
	}
	for _, spec := range []image.Spec{
		{Name: layout.PauseImage, Files: []image.File{{Host: n.Layout.Bin("pause"), Image: "/pause"}}, Entrypoint: []string{"/pause"}, User: "65532"},
		{Name: layout.BusyboxImage, Busybox: busybox, Applets: applets, Entrypoint: nil},
	} {
		if err := n.LoadImage(ctx, spec); err != nil {
			return err
		}
	}
	return nil
}

// Applets lists the names under which a busybox can be called.
func Applets(ctx context.Context, busybox string) ([]string, error) {
	out, err := exec.CommandContext(ctx, busybox, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("listing busybox's applets: %w", err)
	}
	return strings.Fields(string(out)), nil
}

// LoadImage builds an image and loads it into the running node, unless it is loaded already.
func (n *Node) LoadImage(ctx context.Context, spec image.Spec) error {
	if !n.runs("containerd") {
		return errors.New("the node is not up; bring it up with: devcluster up")
	}
	built, err := image.Build(spec, runtime.GOARCH)
	if err != nil {
		return err
	}
	fresh, err := image.Loader{Ctr: n.Layout.Bin("ctr"), Socket: n.Layout.ContainerdSocket()}.Load(ctx, spec.Name, built)
	if err != nil {
		return err
	}
	if fresh {
		n.Say.Stepf("loaded image %s", spec.Name)
	}
	return nil
}
