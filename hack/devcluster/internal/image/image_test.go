package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

func TestParseFile(t *testing.T) {
	tests := map[string]struct {
		arg  string
		want File
		ok   bool
	}{
		"if both are absolute, then taken":             {"/a/b=/c", File{"/a/b", "/c"}, true},
		"if the host's path is relative, then taken":   {"bin/x=/x", File{"bin/x", "/x"}, true},
		"if there is no target, then refused":          {"/a", File{}, false},
		"if the target is relative, then refused":      {"/a=b", File{}, false},
		"if the target leaves the image, then refused": {"/a=/../b", File{}, false},
		"if the target is the root, then refused":      {"/a=/", File{}, false},
		"if the target ends in a slash, then refused":  {"/a=/b/", File{}, false},
		"if the host's path is empty, then refused":    {"=/b", File{}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseFile(tt.arg)
			if (err == nil) != tt.ok || got != tt.want {
				t.Errorf("got %v and %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestParseName(t *testing.T) {
	for arg, want := range map[string]string{
		"localhost/app:dev":       "localhost/app:dev",
		"app:dev":                 "localhost/app:dev",
		"registry:5000/a/app:1.2": "registry:5000/a/app:1.2",
		"app":                     "",
		"registry:5000/app":       "",
		"app:":                    "",
		"":                        "",
		"a b:dev":                 "",
		"app@sha256:00":           "",
	} {
		if got, err := ParseName(arg); got != want || (err == nil) != (want != "") {
			t.Errorf("%q gives %q and %v, want %q", arg, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("/a=/b", "app:dev")
	f.Fuzz(func(t *testing.T, file, name string) {
		if got, err := ParseFile(file); err == nil && (!strings.HasPrefix(got.Image, "/") || strings.Contains(got.Image+"/", "/../")) {
			t.Errorf("%q gives %q", file, got.Image)
		}
		if got, err := ParseName(name); err == nil && !strings.Contains(got, ":") {
			t.Errorf("%q gives %q", name, got)
		}
	})
}

func TestBuild(t *testing.T) {
	host := t.TempDir()
	write(t, host, "busybox", "box", 0o755)
	write(t, host, "app", "program", 0o750)
	write(t, host, "data/one", "1", 0o600)
	write(t, host, "data/deep/two", "2", 0o644)
	spec := Spec{
		Name: "localhost/app:dev", Busybox: filepath.Join(host, "busybox"), Applets: []string{"sh", "cat", "sh", "busybox", "../x"},
		Files: []File{
			{Host: filepath.Join(host, "app"), Image: "/usr/local/bin/app"},
			{Host: filepath.Join(host, "data"), Image: "/srv/data"},
			{Host: filepath.Join(host, "app"), Image: "/tmp/app"},
		},
		Entrypoint: []string{"/usr/local/bin/app", "-v"}, User: "65532",
	}
	img := build(t, spec)
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(spec.Entrypoint, config.Config.Entrypoint); diff != "" || config.Config.User != "65532" || config.Architecture != "amd64" {
		t.Errorf("configuration %+v for %s: %s", config.Config, config.Architecture, diff)
	}
	files := list(t, img)
	for name, want := range map[string]entry{
		"bin/busybox":       {mode: 0o755, content: "box"},
		"bin/sh":            {mode: 0o777, link: "busybox"},
		"bin/cat":           {mode: 0o777, link: "busybox"},
		"usr/bin/env":       {mode: 0o777, link: "../../bin/busybox"},
		"tmp/":              {mode: 0o1777},
		"usr/local/":        {mode: 0o755},
		"usr/local/bin/app": {mode: 0o755, content: "program"},
		"tmp/app":           {mode: 0o755, content: "program"},
		"srv/data/one":      {mode: 0o644, content: "1"},
		"srv/data/deep/two": {mode: 0o644, content: "2"},
	} {
		if diff := cmp.Diff(want, files[name], cmp.AllowUnexported(entry{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, found := files["bin/../x"]; found {
		t.Error("an applet's name left its directory")
	}
}

func TestSameFilesGiveTheSameDigest(t *testing.T) {
	host := t.TempDir()
	write(t, host, "app", "program", 0o755)
	spec := Spec{Name: "localhost/app:dev", Files: []File{{Host: filepath.Join(host, "app"), Image: "/app"}}}
	first := digest(t, build(t, spec))
	past := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(host, "app"), past, past); err != nil {
		t.Fatal(err)
	}
	if again := digest(t, build(t, spec)); again != first {
		t.Error("the digest depends on a file's time")
	}
	write(t, host, "app", "another program", 0o755)
	if other := digest(t, build(t, spec)); other == first {
		t.Error("another content has the same digest")
	}
}

func TestBuildRefusesWhatIsNotThere(t *testing.T) {
	for _, path := range []string{"/does/not/exist", "/dev/null"} {
		if _, err := Build(Spec{Name: "x:dev", Files: []File{{Host: path, Image: "/x"}}}, "amd64"); err == nil {
			t.Errorf("%s was taken", path)
		}
	}
}

func TestArchiveNamesTheImage(t *testing.T) {
	var archive bytes.Buffer
	if err := writeArchive(&archive, "localhost/app:dev", build(t, Spec{Name: "localhost/app:dev"})); err != nil {
		t.Fatal(err)
	}
	files := untar(t, &archive)
	index := files["index.json"].content
	for _, want := range []string{`"io.containerd.image.name": "localhost/app:dev"`, `"application/vnd.oci.image.manifest.v1+json"`} {
		if !strings.Contains(index, want) {
			t.Errorf("index.json lacks %s: %s", want, index)
		}
	}
	if files["oci-layout"].content == "" {
		t.Error("the archive is no OCI layout")
	}
}

type entry struct {
	mode          int64
	link, content string
}

func build(t *testing.T, s Spec) v1.Image {
	t.Helper()
	img, err := Build(s, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func digest(t *testing.T, img v1.Image) string {
	t.Helper()
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

func list(t *testing.T, img v1.Image) map[string]entry {
	t.Helper()
	content := mutate.Extract(img)
	defer content.Close()
	return untar(t, content)
}

func untar(t *testing.T, r io.Reader) map[string]entry {
	t.Helper()
	files := make(map[string]entry)
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		name := header.Name
		if header.Typeflag == tar.TypeDir && !strings.HasSuffix(name, "/") {
			name += "/"
		}
		files[name] = entry{mode: header.Mode, link: header.Linkname, content: string(content)}
	}
}

func write(t *testing.T, dir, name, content string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}
