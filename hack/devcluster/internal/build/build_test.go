package build

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCurrent(t *testing.T) {
	tests := map[string]struct {
		change func(t *testing.T, r *Recipe)
		want   bool
	}{
		"if nothing changed, then current": {func(*testing.T, *Recipe) {}, true},
		"if a source changed, then not": {func(t *testing.T, r *Recipe) {
			t.Helper()
			put(t, filepath.Join(r.Dir, "cmd", "main.go"), "package other")
		}, false},
		"if a source was added, then not": {func(t *testing.T, r *Recipe) {
			t.Helper()
			put(t, filepath.Join(r.Dir, "cmd", "new.go"), "package main")
		}, false},
		"if another file changed, then current": {func(t *testing.T, r *Recipe) { t.Helper(); put(t, filepath.Join(r.Dir, "README.md"), "text") }, true},
		"if the version changed, then not":      {func(_ *testing.T, r *Recipe) { r.LDFlags = []string{"-X", "v=2"} }, false},
		"if the package changed, then not":      {func(_ *testing.T, r *Recipe) { r.Package = "example.com/x@v2" }, false},
		"if the program is missing, then not":   {func(t *testing.T, r *Recipe) { t.Helper(); remove(t, r.Output) }, false},
		"if the stamp is missing, then not":     {func(t *testing.T, r *Recipe) { t.Helper(); remove(t, StampOf(r.Output)) }, false},
		"if the stamp is cut short, then not":   {func(t *testing.T, r *Recipe) { t.Helper(); put(t, StampOf(r.Output), "ab") }, false},
		"if the program is a directory, then not": {func(t *testing.T, r *Recipe) {
			t.Helper()
			remove(t, r.Output)
			put(t, filepath.Join(r.Output, "x"), "")
		}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := Recipe{Name: "x", Dir: t.TempDir(), Package: "./cmd", Sources: []string{"cmd"}, Output: filepath.Join(t.TempDir(), "x")}
			put(t, filepath.Join(r.Dir, "cmd", "main.go"), "package main")
			put(t, r.Output, "program")
			stamp, err := r.Stamp()
			if err != nil {
				t.Fatal(err)
			}
			put(t, StampOf(r.Output), stamp+"\n")
			tt.change(t, &r)
			got, err := r.Current()
			if err != nil || got != tt.want {
				t.Errorf("got %v and %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestStampFailsWithoutSources(t *testing.T) {
	if _, err := (Recipe{Name: "x", Dir: t.TempDir(), Sources: []string{"cmd"}}).Stamp(); err == nil {
		t.Error("no error")
	}
}

func TestFindSource(t *testing.T) {
	checkout := t.TempDir()
	source := filepath.Join(checkout, "hack", "devcluster")
	put(t, filepath.Join(source, "go.mod"), "module "+module+"\n\ngo 1.26\n")
	put(t, filepath.Join(checkout, "docs", "x"), "")
	put(t, filepath.Join(checkout, "go.mod"), "module github.com/sallyport-dev/sallyport\n")
	tests := map[string]struct {
		override, from string
		want           string
	}{
		"if at the top of the checkout, then found": {from: checkout, want: source},
		"if in another directory of it, then found": {from: filepath.Join(checkout, "docs"), want: source},
		"if in the directory itself, then found":    {from: source, want: source},
		"if named, then taken":                      {override: source, from: "/", want: source},
		"if named wrongly, then an error":           {override: checkout, from: checkout},
		"if outside of a checkout, then an error":   {from: t.TempDir()},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := FindSource(tt.override, tt.from)
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q and %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestVersionFlags(t *testing.T) {
	flags := versionFlags("v1.32.3")
	for _, want := range []string{"gitVersion=v1.32.3", "gitMajor=1", "gitMinor=32"} {
		found := false
		for _, flag := range flags {
			found = found || flag == "k8s.io/component-base/version."+want
		}
		if !found {
			t.Errorf("%v lacks %s", flags, want)
		}
	}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
