// Package image builds container images from files of this machine and loads them into the node's
// containerd. There is no registry and no Docker: an image is written as an OCI layout in a tar and
// imported by ctr. The same files give the same digest, so that loading an image that is there
// already costs nothing.
package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Spec says what an image holds.
type Spec struct {
	Name       string // with tag
	Files      []File
	Busybox    string   // path of a static busybox, or "" for an image without a shell
	Applets    []string // names under which busybox is called
	Entrypoint []string
	User       string // "" is root
}

// File is a file or directory of this machine and where it goes in the image.
type File struct {
	Host  string
	Image string // absolute
}

// ParseFile reads "HOST=IMAGE". The path in the image must be absolute and clean.
func ParseFile(arg string) (File, error) {
	host, target, found := strings.Cut(arg, "=")
	if !found || host == "" || !path.IsAbs(target) || path.Clean(target) != target || target == "/" {
		return File{}, fmt.Errorf("%q is not of the form path/on/host=/path/in/image", arg)
	}
	return File{Host: filepath.Clean(host), Image: target}, nil
}

// ParseName checks an image's name and gives it the tag and host that containerd expects.
func ParseName(name string) (string, error) {
	base, tag, tagged := strings.Cut(path.Base(name), ":")
	if base == "" || base == "." || base == "/" || (tagged && tag == "") || strings.ContainsAny(name, " @\t\n") {
		return "", fmt.Errorf("image name %q is not of the form NAME:TAG", name)
	}
	if !tagged {
		return "", fmt.Errorf("image name %q has no tag; write %s:dev, for example", name, name)
	}
	if !strings.Contains(name, "/") {
		name = "localhost/" + name
	}
	return name, nil
}

const passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\nnonroot:x:65532:65532:nonroot:/home/nonroot:/bin/sh\n"

const group = "root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n"

// Build makes the image. Times are zero and entries sorted, so that the digest depends on nothing
// but names, modes and contents.
func Build(s Spec, architecture string) (v1.Image, error) {
	base, err := layer(func(w *tar.Writer) error { return writeBase(w, s) })
	if err != nil {
		return nil, fmt.Errorf("building image %s: %w", s.Name, err)
	}
	files, err := layer(func(w *tar.Writer) error { return writeFiles(w, s.Files) })
	if err != nil {
		return nil, fmt.Errorf("building image %s: %w", s.Name, err)
	}
	oci := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	built, err := mutate.AppendLayers(oci, base, files)
	if err != nil {
		return nil, fmt.Errorf("building image %s: %w", s.Name, err)
	}
	config, err := built.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("building image %s: %w", s.Name, err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", architecture
	config.Config = v1.Config{
		Entrypoint: s.Entrypoint, User: s.User, WorkingDir: "/",
		Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin"},
	}
	return mutate.ConfigFile(built, config)
}

func layer(write func(*tar.Writer) error) (v1.Layer, error) {
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	if err := write(w); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
}

func writeBase(w *tar.Writer, s Spec) error {
	for _, dir := range []string{"bin", "etc", "home", "proc", "root", "sys", "usr", "usr/bin", "var", "var/log"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}); err != nil {
			return err
		}
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "home/nonroot/", Mode: 0o755, Uid: 65532, Gid: 65532}); err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}); err != nil {
		return err
	}
	if err := writeContent(w, "etc/passwd", []byte(passwd), 0o644); err != nil {
		return err
	}
	if err := writeContent(w, "etc/group", []byte(group), 0o644); err != nil {
		return err
	}
	if s.Busybox == "" {
		return nil
	}
	if err := writeFile(w, s.Busybox, "bin/busybox", 0o755); err != nil {
		return err
	}
	applets := slices.Clone(s.Applets)
	slices.Sort(applets)
	for _, applet := range slices.Compact(applets) {
		if applet == "busybox" || strings.Contains(applet, "/") {
			continue
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox", Mode: 0o777}); err != nil {
			return err
		}
	}
	// Scripts name env by this path.
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "usr/bin/env", Linkname: "../../bin/busybox", Mode: 0o777})
}

func writeFiles(w *tar.Writer, files []File) error {
	made := make(map[string]bool)
	for _, file := range files {
		err := filepath.WalkDir(file.Host, func(host string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(file.Host, host)
			if err != nil {
				return err
			}
			return writeEntry(w, made, host, path.Join(file.Image, filepath.ToSlash(relative)))
		})
		if err != nil {
			return fmt.Errorf("adding %s: %w", file.Host, err)
		}
	}
	return nil
}

func writeEntry(w *tar.Writer, made map[string]bool, host, target string) error {
	info, err := os.Stat(host)
	if err != nil {
		return err
	}
	name := strings.TrimPrefix(target, "/")
	if err := writeParents(w, made, path.Dir(name)); err != nil {
		return err
	}
	switch {
	case info.IsDir():
		return writeParents(w, made, name)
	case info.Mode().IsRegular():
		mode := int64(0o644)
		if info.Mode()&0o111 != 0 {
			mode = 0o755
		}
		return writeFile(w, host, name, mode)
	}
	return errors.New("neither a file nor a directory")
}

func writeParents(w *tar.Writer, made map[string]bool, dir string) error {
	if dir == "." || dir == "" || made[dir] {
		return nil
	}
	if err := writeParents(w, made, path.Dir(dir)); err != nil {
		return err
	}
	made[dir] = true
	if slices.Contains([]string{"bin", "etc", "home", "home/nonroot", "root", "tmp", "usr", "usr/bin", "var", "var/log"}, dir) {
		return nil // in the base layer, with modes of their own
	}
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755})
}

func writeFile(w *tar.Writer, host, name string, mode int64) error {
	content, err := os.ReadFile(host)
	if err != nil {
		return err
	}
	return writeContent(w, name, content, mode)
}

func writeContent(w *tar.Writer, name string, content []byte, mode int64) error {
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
