// Command devcluster runs a real single-node Kubernetes on this machine, made from Go modules and
// Debian packages: etcd, API server, controller manager, scheduler, kubelet, kube-proxy, containerd,
// runc, a bridge network, and MinIO with a bucket that has object lock. README.md says more.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/build"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/host"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/image"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/node"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/progress"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "devcluster:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := command().ExecuteContext(ctx)
	if err != nil && ctx.Err() != nil {
		return errors.New("interrupted; run the command again to go on")
	}
	return err
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "devcluster",
		Short:         "A real single-node Kubernetes with an object store, for development and tests",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		simple("build", "Build every program that is missing or out of date", (*node.Node).Build),
		simple("up", "Bring the node up, or repair it", (*node.Node).Up),
		simple("down", "Remove the node; what was built stays", (*node.Node).Down),
		printing("status", "Say how each component is", (*node.Node).Status),
		printing("env", "Print shell lines that export where everything is", (*node.Node).Env),
		printing("assets", "Build envtest's binaries and print their directory", (*node.Node).Assets),
		imageCommand(),
	)
	return root
}

func simple(use, short string, do func(*node.Node, context.Context) error) *cobra.Command {
	return printing(use, short, func(n *node.Node, ctx context.Context, _ io.Writer) error { return do(n, ctx) })
}

func printing(use, short string, do func(*node.Node, context.Context, io.Writer) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		n, err := newNode()
		if err != nil {
			return err
		}
		return do(n, cmd.Context(), os.Stdout)
	}}
}

// newNode reports progress on standard error, so that standard output holds only what was asked for.
func newNode() (*node.Node, error) {
	l, err := layout.FromEnvironment(os.Getenv)
	if err != nil {
		return nil, err
	}
	info, err := os.Stderr.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	source := func() (string, error) {
		dir, err := os.Getwd()
		if err != nil {
			return "", fmt.Errorf("finding the checkout: %w", err)
		}
		return build.FindSource(os.Getenv("SALLYPORT_SOURCE"), dir)
	}
	return node.New(l, progress.New(os.Stderr, time.Now, terminal), time.Now, source), nil
}

func imageCommand() *cobra.Command {
	var (
		files      []string
		entrypoint []string
		user       string
		busybox    bool
	)
	load := &cobra.Command{
		Use:   "load NAME:TAG --add /host/file=/path/in/image ...",
		Short: "Build an image from files of this machine and load it into the node",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := imageSpec(cmd.Context(), args[0], files, entrypoint, user, busybox)
			if err != nil {
				return err
			}
			n, err := newNode()
			if err != nil {
				return err
			}
			return n.LoadImage(cmd.Context(), spec)
		},
	}
	load.Flags().StringArrayVar(&files, "add", nil, "file or directory of this machine and its path in the image, as HOST=IMAGE; repeatable")
	load.Flags().StringArrayVar(&entrypoint, "entrypoint", nil, "program to run; repeat it for arguments")
	load.Flags().StringVar(&user, "user", "65532", "user that the container runs as")
	load.Flags().BoolVar(&busybox, "busybox", false, "put a shell and its tools into the image")
	images := &cobra.Command{Use: "image", Short: "Images of the node"}
	images.AddCommand(load)
	return images
}

func imageSpec(ctx context.Context, name string, files, entrypoint []string, user string, busybox bool) (image.Spec, error) {
	name, err := image.ParseName(name)
	if err != nil {
		return image.Spec{}, err
	}
	spec := image.Spec{Name: name, Entrypoint: entrypoint, User: user}
	for _, arg := range files {
		file, err := image.ParseFile(arg)
		if err != nil {
			return image.Spec{}, err
		}
		spec.Files = append(spec.Files, file)
	}
	if !busybox {
		return spec, nil
	}
	if spec.Busybox, err = host.Busybox(); err != nil {
		return image.Spec{}, err
	}
	spec.Applets, err = node.Applets(ctx, spec.Busybox)
	return spec, err
}
