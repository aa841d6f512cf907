package app

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
	"github.com/sallyport-dev/sallyport/internal/mask"
)

// awsKey is none, but looks like one.
func awsKey() string { return "AKIA" + strings.Repeat("ENDTOEND", 2) }

func policyFile(t *testing.T, name, masking string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name+".yaml")
	text := "apiVersion: access.sallyport.dev/v1alpha1\nkind: ExecutionPolicy\nmetadata:\n  name: " + name + "\nspec:\n  masking: " + masking + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestMask(t *testing.T) {
	noAWS := policyFile(t, "no-aws", "{disabledDetectors: [aws-access-key-id]}")
	all := policyFile(t, "all", "{}")
	bad := policyFile(t, "bad", "\n    disabledDetectors:\n    - jwt\n    - fly")
	common := policyFile(t, "common", "{literals: [{name: env, value: production}]}")
	plain := "one\ntwo key=" + awsKey() + " end\nlast"
	masked := "one\ntwo key=AKIA**************** end\nlast"
	hit := `{"line":2,"column":13,"offset":16,"length":16,"rule":"aws-access-key-id"`
	tests := map[string]struct {
		args string
		code exit.Code
		out  string
		err  []string
	}{
		"if there is no policy, then the default rules mask":      {"", exit.OK, masked, nil},
		"if it is as recorded, then it is masked too":             {"--record", exit.OK, masked, nil},
		"if a policy disables the detector, then it is clear":     {"-f " + noAWS, exit.OK, plain, nil},
		"if another policy keeps it on, then it is masked":        {"-f " + noAWS + " -f " + all, exit.OK, masked, nil},
		"if it is explained, then it says what hit where":         {"--explain", exit.OK, masked, []string{"2:13\toffset 16\tlength 16\taws-access-key-id\t", "Secrets found: 1 (aws-access-key-id 1)\n"}},
		"if nothing is found, then the explanation says so":       {"--explain -f " + noAWS, exit.OK, plain, []string{"No secrets found\n"}},
		"if it is checked, then the code says that there was one": {"--check", exit.Refused, masked, []string{"secrets found: 1"}},
		"if it is checked and plain, then all is well":            {"--check -f " + noAWS, exit.OK, plain, nil},
		"if a policy is bad, then its line is told":               {"-f " + bad, exit.Failed, "", []string{bad + `:9: spec.masking.disabledDetectors[1]: there is no detector "fly"`}},
		"if a file is missing, then it is named":                  {"-f /nowhere/x.yaml", exit.Failed, "", []string{"/nowhere/x.yaml"}},
		"if two files are bad, then both are told":                {"-f " + bad + " -f /nowhere/x.yaml", exit.Failed, "", []string{bad + ":9", "/nowhere/x.yaml"}},
		"if a literal is too common, then that is told":           {"-f " + common, exit.OK, masked, []string{"warning: the ExecutionPolicy common has literals that are not masked: env: it is a common word or a default\n"}},
		"if a file to mask is named, then how to give it":         {"sample.log", exit.Usage, "", []string{`unexpected argument "sample.log": give the text on standard input: kubectl sallyport mask < sample.log`}},
		"if the format is unknown, then that is wrong usage":      {"-o yaml", exit.Usage, "", []string{"--output must be json"}},
		"if the list is to be explained, then that is wrong":      {"--list --explain", exit.Usage, "", []string{"--list reads no input"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.input = plain
			r := w.run(append([]string{"mask"}, strings.Fields(tt.args)...)...)
			r.want(t, tt.code, nil, tt.err)
			if r.out != tt.out {
				t.Errorf("out: %q", r.out)
			}
			if tt.err == nil && r.err != "" {
				t.Errorf("said: %q", r.err)
			}
		})
	}
	t.Run("if a machine asks, then it gets one object a line", func(t *testing.T) {
		w := newWorld(t)
		w.input = plain + "\n" + awsKey()
		r := w.run("mask", "-o", "json", "--check")
		lines := strings.Split(strings.TrimSpace(r.out), "\n")
		if r.code != exit.Refused || len(lines) != 2 || !strings.HasPrefix(lines[0], hit) || !strings.HasPrefix(lines[1], `{"line":4,"column":5,`) {
			t.Errorf("%+v", r)
		}
	})
}

func TestMaskList(t *testing.T) {
	noAWS := policyFile(t, "no-aws", "{disabledDetectors: [aws-access-key-id]}")
	w := newWorld(t)
	table := w.run("mask", "--list", "-f", noAWS)
	table.want(t, exit.OK, []string{"NAME", "private-key", "-----BEGIN"}, nil)
	for line := range strings.Lines(table.out) {
		if strings.HasPrefix(line, "aws-access-key-id ") != strings.Contains(line, " off ") {
			t.Error(line)
		}
	}
	if wide := w.run("mask", "--list", "-o", "wide"); len(wide.out) <= len(table.out) || strings.Contains(wide.out, "…") {
		t.Errorf("wide: %s", wide.out)
	}
	for format, decode := range map[string]func([]byte, any) error{"json": json.Unmarshal, "yaml": func(b []byte, v any) error { return yaml.Unmarshal(b, v) }} {
		r := w.run("mask", "--list", "-o", format, "-f", noAWS)
		var all []detector
		if err := decode([]byte(r.out), &all); err != nil {
			t.Fatalf("%v: %s", err, r.out)
		}
		var names, off []string
		for _, d := range all {
			names = append(names, d.Name)
			if !d.Enabled {
				off = append(off, d.Name)
			}
		}
		if !cmp.Equal(names, mask.Default().Names()) || !cmp.Equal(off, []string{"aws-access-key-id"}) {
			t.Errorf("%s: %s; off: %s", format, names, off)
		}
	}
}

// A person who interrupts a read that waits is not kept.
func TestMaskInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in, typing := io.Pipe()
	defer typing.Close()
	o := &maskOptions{plugin: &plugin{}}
	o.Streams.In, o.Streams.Out, o.Streams.ErrOut = in, io.Discard, io.Discard
	if _, err := o.filter(ctx, mask.Default()); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("got %v", err)
	}
}

func TestPlaces(t *testing.T) {
	text := "ab\n\ncd\n" + strings.Repeat("x\n", 3*keptLines)
	for _, size := range []int{1, 2, 5, 1 << 16} {
		var p places
		line, column := int64(1), int64(1)
		for at := 0; at < len(text); at += size {
			chunk := text[at:min(at+size, len(text))]
			p.add([]byte(chunk))
			for i := range len(chunk) {
				if l, c := p.of(int64(at + i)); size <= 5 && (l != line || c != column) {
					t.Fatalf("offset %d is %d:%d, not %d:%d", at+i, l, c, line, column)
				}
				column++
				if chunk[i] == '\n' {
					line, column = line+1, 1
				}
			}
		}
		if l, c := p.of(0); l != 0 || c != 0 || len(p.starts) > 2*keptLines {
			t.Errorf("what is forgotten is at %d:%d, %d lines are kept", l, c, len(p.starts))
		}
		if l, _ := p.of(int64(len(text) - 1)); l != 3*keptLines+3 {
			t.Errorf("the last line is %d", l)
		}
	}
}
