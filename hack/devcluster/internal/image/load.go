package image

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// Loader puts images into the namespace of containerd that the kubelet uses.
type Loader struct {
	Ctr    string // path of ctr
	Socket string // of containerd
}

// Load imports the image under the name, unless the name already stands for it. It reports whether
// it imported anything. The image is pinned: no garbage collection removes it.
func (l Loader) Load(ctx context.Context, name string, img v1.Image) (bool, error) {
	digest, err := img.Digest()
	if err != nil {
		return false, fmt.Errorf("loading image %s: %w", name, err)
	}
	if have, err := l.digest(ctx, name); err == nil && have == digest.String() {
		return false, nil
	}
	archive, err := os.CreateTemp("", "sallyport-image-")
	if err != nil {
		return false, fmt.Errorf("loading image %s: %w", name, err)
	}
	defer os.Remove(archive.Name())
	defer archive.Close()
	if err := writeArchive(archive, name, img); err != nil {
		return false, fmt.Errorf("loading image %s: %w", name, err)
	}
	if _, err := l.ctr(ctx, "images", "import", "--digests=false", archive.Name()); err != nil {
		return false, fmt.Errorf("loading image %s: %w", name, err)
	}
	if _, err := l.ctr(ctx, "images", "label", name, "io.cri-containerd.pinned=pinned"); err != nil {
		return false, fmt.Errorf("loading image %s: %w", name, err)
	}
	return true, nil
}

// digest is what the name stands for now.
func (l Loader) digest(ctx context.Context, name string) (string, error) {
	out, err := l.ctr(ctx, "images", "list", "name=="+name)
	if err != nil {
		return "", err
	}
	for field := range strings.FieldsSeq(out) {
		if strings.HasPrefix(field, "sha256:") {
			return field, nil
		}
	}
	return "", fmt.Errorf("image %s is not loaded", name)
}

func (l Loader) ctr(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, l.Ctr, append([]string{"--address", l.Socket, "--namespace", "k8s.io"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("ctr %s: %w: %s", strings.Join(args[:2], " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// writeArchive writes an OCI layout that holds one image, annotated with the name to import it by.
func writeArchive(w io.Writer, name string, img v1.Image) error {
	dir, err := os.MkdirTemp("", "sallyport-layout-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	target, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	if err := target.AppendImage(img, layout.WithAnnotations(map[string]string{"io.containerd.image.name": name})); err != nil {
		return err
	}
	out := tar.NewWriter(w)
	err = filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		relative, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		return writeFile(out, file, filepath.ToSlash(relative), 0o644)
	})
	if err != nil {
		return err
	}
	return out.Close()
}
