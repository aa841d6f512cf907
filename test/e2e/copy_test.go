//go:build e2e

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// leaked is a file that masking would alter on each line.
func leaked(size int) []byte {
	line := []byte("AWS_ACCESS_KEY_ID=AKIAENDTOENDTESTABCD password=correct-horse-battery\n")
	return bytes.Repeat(line, size/len(line)+1)[:size]
}

// longPath takes tar's extensions for long names.
var longPath = filepath.Join(strings.Repeat("long name ", 12), strings.Repeat("n", 180), strings.Repeat("x", 120))

// tree makes a directory with all that is hard about names, modes and kinds, and with a file of this size, and returns the
// files with their content.
func tree(t *testing.T, size int) (dir string, files map[string][]byte) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "tree")
	files = map[string][]byte{
		"plain": []byte("text\n"), "a file with spaces": []byte("spaces\n"), "ünïcode 世界": []byte("unicode\n"), "empty": {},
		"run.sh": []byte("#!/bin/sh\necho it runs\n"), longPath: []byte("long\n"), "sub/binary": {0, 1, 2, 0xff, 0xfe}, "leaked": leaked(size),
	}
	for name, body := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := fs.FileMode(0o644)
		if name == "run.sh" {
			mode = 0o755
		}
		if err := os.WriteFile(path, body, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("run.sh", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	return dir, files
}

// member is a record of a member as docs/recording-format.md has it.
type member struct {
	Path   string `json:"path"`
	Type   string `json:"type"`
	Link   string `json:"link"`
	Mode   string `json:"mode"`
	SHA256 string `json:"sha256"`
	State  string `json:"state"`
	Size   int64  `json:"size"`
}

// copySession is the newest ended session of the grant that carried an archive.
func copySession(t *testing.T, grant string) string {
	t.Helper()
	var name string
	eventually(t, "the session of "+grant+" has ended", 30*time.Second, func() bool {
		out := as("admin").Must(t, "get", "xs", "-n", namespace,
			"-o", `jsonpath={range .items[?(@.spec.grantRef.name=="`+grant+`")]}{.metadata.name} {.status.state} {.spec.command[0]}{"\n"}{end}`)
		lines := slices.DeleteFunc(strings.Split(out, "\n"), func(l string) bool { return l == "" || strings.HasSuffix(l, " test") })
		slices.Sort(lines) // by name, which is by time
		if len(lines) == 0 {
			return false
		}
		fields := strings.Fields(lines[len(lines)-1])
		name = fields[0]
		return fields[1] == "Ended"
	})
	return name
}

// listed is what the recording says of the archive: its members by path, how it ended, and how many bytes of each stream
// there are.
func listed(t *testing.T, session string) (members map[string]member, end map[string]any, sizes map[string]int) {
	t.Helper()
	out, err := openStore(t, "auditor").Plugin("sessions", "show", session, "--json")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	members, sizes = map[string]member{}, map[string]int{}
	for line := range strings.Lines(out) {
		var record struct {
			Stream string `json:"stream"`
			Text   string `json:"text"`
			Base64 []byte `json:"base64"`
		}
		if json.Unmarshal([]byte(line), &record) != nil {
			continue // a warning
		}
		sizes[record.Stream] += len(record.Text) + len(record.Base64)
		switch record.Stream {
		case "member":
			var m member
			if err := json.Unmarshal([]byte(record.Text), &m); err != nil {
				t.Fatal(err)
			}
			if m.State != "begun" {
				members[m.Path] = m
			}
		case "archive":
			if err := json.Unmarshal([]byte(record.Text), &end); err != nil {
				t.Fatal(err)
			}
		}
	}
	if strings.Contains(out, "ENDTOENDTEST") {
		t.Error("the recording holds the secret")
	}
	return members, end, sizes
}

func sha(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// checkListed compares the recording of a copy with the files.
func checkListed(t *testing.T, session, prefix string, files map[string][]byte) {
	t.Helper()
	members, end, sizes := listed(t, session)
	for name, body := range files {
		m := members[prefix+name]
		if m.Type != "file" || m.Size != int64(len(body)) || m.SHA256 != sha(body) {
			t.Errorf("%s is recorded as %+v", name, m)
		}
	}
	if m := members[prefix+"run.sh"]; m.Mode != "0755" {
		t.Errorf("run.sh has mode %s", m.Mode)
	}
	if m := members[prefix+"link"]; m.Type != "symlink" || m.Link != "run.sh" {
		t.Errorf("the link is recorded as %+v", m)
	}
	if end["whole"] != true || end["recorded"] != "Full" || end["fault"] != nil {
		t.Errorf("the archive is recorded as %v", end)
	}
	if recorded := sizes["stdin"] + sizes["stdout"]; float64(recorded) != end["bytes"] {
		t.Errorf("%d bytes are recorded of %v", recorded, end["bytes"])
	}
}

func TestCopy(t *testing.T) {
	copies := active(t, grant{Pod: "app-0", Actions: []string{"Copy"}})
	active(t, grant{Pod: "app-0", Name: fmt.Sprint("copy-look-", time.Now().Unix()), Commands: [][]string{{"ls", "**"}, {"rm", "-rf", "**"}, {"/e2e-copy/run.sh"}}})
	for name, c := range clients() {
		t.Run(name, func(t *testing.T) {
			size := 4 << 20
			if name == "kubectl 1.37 over WebSocket" || name == "kubectl 1.32 over SPDY" {
				size = 64 << 20
			}
			from, files := tree(t, size)
			look := func(args ...string) string {
				return c.Must(t, append([]string{"exec", "-n", namespace, "app-0", "--"}, args...)...)
			}
			look("rm", "-rf", "/e2e-copy")
			t.Run("if a tree is copied in, then it arrives as it is, and is listed", func(t *testing.T) {
				c.Must(t, "cp", "-n", namespace, from, "app-0:/e2e-copy")
				if out := look("/e2e-copy/run.sh"); out != "it runs\n" {
					t.Errorf("the program prints %q", out)
				}
				if out := look("ls", "-l", "/e2e-copy"); !strings.Contains(out, "link -> run.sh") {
					t.Errorf("the tree is %s", out)
				}
				checkListed(t, copySession(t, copies), "e2e-copy/", files)
			})
			t.Run("if it is copied out, then every byte arrives, and is listed", func(t *testing.T) {
				to := filepath.Join(t.TempDir(), "to")
				copyOut(t, c, copies, to)
				for name, body := range files {
					got, err := os.ReadFile(filepath.Join(to, name))
					if err != nil || !bytes.Equal(got, body) {
						t.Errorf("%s: %d bytes of %d, or others, %v", name, len(got), len(body), err)
					}
				}
				checkListed(t, copySession(t, copies), "e2e-copy/", files)
			})
			t.Run("if one file is copied out with retries, then it is a copy too", func(t *testing.T) {
				to := filepath.Join(t.TempDir(), "leaked")
				c.Must(t, "cp", "-n", namespace, "--retries=2", "app-0:/e2e-copy/leaked", to)
				if got, err := os.ReadFile(to); err != nil || !bytes.Equal(got, files["leaked"]) {
					t.Errorf("%d bytes, or others, %v", len(got), err)
				}
			})
			t.Run("if tar is run by hand, then it is listed like any other", func(t *testing.T) {
				r := c.Kubectl("exec", "-n", namespace, "app-0", "--", "tar", "cf", "-", "/e2e-copy/sub")
				if r.Code != 0 || !strings.Contains(r.Stdout, "sub/binary") {
					t.Fatal(r)
				}
				if members, _, _ := listed(t, copySession(t, copies)); members["e2e-copy/sub/binary"].SHA256 != sha(files["sub/binary"]) {
					t.Errorf("listed %+v", members)
				}
			})
			look("rm", "-rf", "/e2e-copy")
		})
	}
	t.Run("if it is read, then each member is a line", func(t *testing.T) {
		out, err := openStore(t, "auditor").Plugin("sessions", "show", copySession(t, copies), "--log")
		if err != nil || !strings.Contains(out, "file 0644 5 bytes sha256:") || !strings.Contains(out, "archive") {
			t.Errorf("%v: %s", err, out)
		}
	})
}

// copyOut copies the tree out. Kubernetes can lose the end of a stream between the kubelet and the API server (see the threat
// model); then kubectl fails, the recording has to say that the archive was not whole, and it is tried once more.
func copyOut(t *testing.T, c client, grant, to string) {
	t.Helper()
	args := []string{"cp", "-n", namespace, "app-0:/e2e-copy", to}
	r := c.Kubectl(args...)
	if r.Code == 0 {
		return
	}
	if _, end, _ := listed(t, copySession(t, grant)); !strings.Contains(r.Stderr, "not everything was copied") || end["whole"] != false {
		t.Fatalf("the archive ended as %v: %s", end, r)
	}
	t.Log("the platform lost the end of the stream, kubectl and the recording said so: once more")
	c.Must(t, args...)
}

// TestCopyCut has a tar in the container that loses the end of its archive, just after a file, and says nothing of it. Go's
// archive/tar, and so kubectl, takes that for a whole archive.
func TestCopyCut(t *testing.T) {
	active(t, grant{Pod: "app-0"})
	developer := through("developer")
	developer.Must(t, "exec", "-n", namespace, "app-0", "--", "sh", "-c",
		`mkdir -p /usr/local/bin && printf '#!/bin/sh\n/bin/busybox tar "$@" | head -c 1024\n' > /usr/local/bin/tar && chmod +x /usr/local/bin/tar`)
	t.Cleanup(func() { developer.Kubectl("exec", "-n", namespace, "app-0", "--", "rm", "/usr/local/bin/tar") })
	for name, c := range clients() {
		t.Run(name, func(t *testing.T) {
			g := active(t, grant{Pod: "app-0", Actions: []string{"Copy"}})
			c.Refused(t, []string{"not everything was copied"}, "cp", "-n", namespace, "app-0:/etc/passwd", filepath.Join(t.TempDir(), "passwd"))
			if _, end, _ := listed(t, copySession(t, g)); end["whole"] != false || end["bytes"] != 1024.0 {
				t.Errorf("the archive is recorded as %v", end)
			}
			if _, _, reason, _ := endOf(t, g, 20*time.Second); !strings.HasPrefix(reason, "archive-cut") {
				t.Errorf("it ended with %q", reason)
			}
		})
	}
}

func TestCopyUnderExecIsMasked(t *testing.T) {
	active(t, grant{Pod: "app-0"})
	developer := through("developer")
	developer.Must(t, "exec", "-n", namespace, "app-0", "--", "sh", "-c", "env > /e2e-env")
	t.Cleanup(func() { developer.Kubectl("exec", "-n", namespace, "app-0", "--", "rm", "/e2e-env") })
	for name, c := range clients() {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "env")
			c.Must(t, "cp", "-n", namespace, "app-0:/e2e-env", to)
			got, err := os.ReadFile(to)
			if err != nil || bytes.Contains(got, []byte("ENDTOENDTEST")) || !bytes.Contains(got, []byte("AKIA****************\n")) {
				t.Errorf("%v: %s", err, got)
			}
		})
	}
}

func TestCopyDigestOnly(t *testing.T) {
	g := active(t, grant{Pod: "app-0", Actions: []string{"Copy"}, Copies: "DigestOnly"})
	through("developer").Must(t, "cp", "-n", namespace, "app-0:/etc/passwd", filepath.Join(t.TempDir(), "passwd"))
	members, end, sizes := listed(t, copySession(t, g))
	if members["etc/passwd"].SHA256 == "" || end["recorded"] != "DigestOnly" || sizes["stdout"] != 0 {
		t.Errorf("recorded %+v, %v, %v", members, end, sizes)
	}
}

func TestCopyDenied(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, in := []string{"cp", "-n", namespace, "app-0:/etc/passwd", file + "2"}, []string{"cp", "-n", namespace, file, "app-0:/e2e-file"}
	for name, c := range clients() {
		for _, args := range [][]string{out, in} {
			t.Run("if there is no grant, then the message says how to request one, "+name, func(t *testing.T) {
				c.Refused(t, []string{"kubectl sallyport request", "--action Copy"}, args...)
			})
		}
	}
	t.Run("if it goes round the gateway, then the message says how to go", func(t *testing.T) {
		as("developer").Refused(t, []string{"--action Copy", "kubectl cp -n e2e -c main app-0:/etc/passwd passwd"}, append(out, "-c", "main")...)
	})
	t.Run("if the grant is for Copy, then nothing else runs", func(t *testing.T) {
		g := active(t, grant{Pod: "app-0", Actions: []string{"Copy"}})
		for _, command := range [][]string{
			{"id"}, {"tar", "cf", "-", "--checkpoint=1", "--checkpoint-action=exec=id", "/etc"}, {"tar", "cf", "-", "-T/etc/passwd"},
			{"sh", "-c", "tar cf - '/etc'; id | tail -c+0"}, {"sh", "-c", "tar cf - '/etc' | tail -c+100"},
		} {
			through("developer").Refused(t, []string{g, "Copy"}, append([]string{"exec", "-n", namespace, "app-0", "--"}, command...)...)
		}
	})
}
