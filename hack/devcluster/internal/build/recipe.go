// Package build makes the node's programs from Go modules, into a cache outside the checkout.
//
// A recipe says what to build. Beside each program lies a stamp, the hash of its recipe and of the
// sources of this checkout that go into it; a program whose stamp is current is left alone. Programs
// are put in place by renaming, so that a running node never sees half of one. Only one go command
// runs at a time: linking Kubernetes takes over 2 GB of memory.
package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Versions that are built. The versions of Kubernetes and etcd are those in go.mod.
const (
	KubernetesVersion = "v1.37.2"
	ContainerdVersion = "v2.4.2"
	OldKubectlVersion = "v1.32.3"
	minioVersion      = "v0.0.0-20260212201848-7aac2a2c5b7c"
	mcVersion         = "v0.0.0-20250313080218-cf909e1063a9"
)

// Recipe says how one program is made.
type Recipe struct {
	Name    string // what a person calls it
	Output  string // absolute path of the program
	Package string // package path relative to Dir, or path@version if Dir is empty
	Dir     string // module directory in the checkout, empty for a program of another module
	LDFlags []string
	Sources []string // files or directories below Dir that decide whether the program is current
}

// Recipes lists all programs. source is the directory of this module in the checkout.
func Recipes(l Paths, source string) []Recipe {
	containerd := "github.com/containerd/containerd/v2/cmd/"
	return []Recipe{
		Kubernetes(l, source),
		{Name: "containerd " + ContainerdVersion, Output: l.Bin("containerd"), Package: containerd + "containerd@" + ContainerdVersion},
		{
			Name: "containerd-shim-runc-v2 " + ContainerdVersion, Output: l.Bin("containerd-shim-runc-v2"),
			Package: containerd + "containerd-shim-runc-v2@" + ContainerdVersion,
		},
		{Name: "ctr " + ContainerdVersion, Output: l.Bin("ctr"), Package: containerd + "ctr@" + ContainerdVersion},
		{Name: "MinIO", Output: l.Bin("minio"), Package: "github.com/minio/minio@" + minioVersion},
		{Name: "mc (MinIO's client)", Output: l.Bin("mc"), Package: "github.com/minio/mc@" + mcVersion},
		{
			Name: "kubectl " + OldKubectlVersion, Output: l.OldKubectl(), Package: ".", Dir: filepath.Join(source, "kubectl132"),
			LDFlags: versionFlags(OldKubectlVersion), Sources: []string{"main.go", "go.mod", "go.sum"},
		},
		{Name: "pause", Output: l.Bin("pause"), Package: "./pause", Dir: source, Sources: []string{"pause"}},
	}
}

// Kubernetes is the recipe of the program that is etcd, Kubernetes and kubectl in one.
func Kubernetes(l Paths, source string) Recipe {
	return Recipe{
		Name: "Kubernetes " + KubernetesVersion, Output: l.Bin("kubernetes"), Package: "./kubernetes", Dir: source,
		LDFlags: versionFlags(KubernetesVersion), Sources: []string{"kubernetes", "go.mod", "go.sum"},
	}
}

// Components are the names the Kubernetes program is called by.
var Components = []string{
	"etcd", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet",
}

// Paths says where programs go; layout.Layout is one.
type Paths interface {
	Bin(name string) string
	OldKubectl() string
	Asset(component string) string
}

// versionFlags sets what the program answers when asked for its version. Clients cannot parse the
// version of a server that was linked without them.
func versionFlags(version string) []string {
	const pkg = "k8s.io/component-base/version."
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	return []string{
		"-X", pkg + "gitVersion=" + version,
		"-X", pkg + "gitMajor=" + parts[0],
		"-X", pkg + "gitMinor=" + parts[1],
		"-X", pkg + "gitTreeState=clean",
	}
}

// Stamp is the hash of all that decides how the program comes out. It fails if a source cannot be read.
func (r Recipe) Stamp() (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n%s\n%q\n", runtime.Version(), r.Package, r.LDFlags)
	for _, source := range r.Sources {
		files, err := filesBelow(filepath.Join(r.Dir, source))
		if err != nil {
			return "", fmt.Errorf("hashing the sources of %s: %w", r.Name, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				return "", fmt.Errorf("hashing the sources of %s: %w", r.Name, err)
			}
			fmt.Fprintf(sum, "%s %x\n", filepath.Base(file), sha256.Sum256(content))
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Current reports whether the program exists and its stamp is the recipe's.
func (r Recipe) Current() (bool, error) {
	want, err := r.Stamp()
	if err != nil {
		return false, err
	}
	// Without a stamp, or without a program, there is nothing that could be current.
	have, _ := os.ReadFile(r.stampFile())
	info, _ := os.Stat(r.Output)
	return strings.TrimSpace(string(have)) == want && info != nil && info.Mode().IsRegular(), nil
}

func (r Recipe) stampFile() string { return StampOf(r.Output) }

// StampOf is the file beside a program that holds its stamp.
func StampOf(program string) string { return program + ".stamp" }

func filesBelow(path string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files = append(files, name)
		}
		return err
	})
	slices.Sort(files)
	return files, err
}
