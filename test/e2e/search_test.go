//go:build e2e

package e2e

import (
	"bytes"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask/forms"
	"github.com/sallyport-dev/sallyport/internal/mask/masktest"
	"github.com/sallyport-dev/sallyport/test/node"
	"github.com/sallyport-dev/sallyport/test/reader"
)

// search knows every piece of every form of some secrets, so that it finds those of which only a part is there.
type search map[string]string // the secret, by piece

const (
	piece    = 8
	hexPiece = 12 // of hexadecimal digits, of which there are many anywhere
)

func newSearch(secrets ...string) search {
	s := search{}
	for _, secret := range secrets {
		for _, form := range forms.Of([]byte(secret)) {
			size := piece
			if _, err := hex.DecodeString(string(form)); err == nil {
				size = hexPiece
			}
			for i := 0; i+size <= len(form); i++ {
				s[string(form[i:i+size])] = secret
			}
		}
	}
	return s
}

// of returns the secrets of which there is something in a text, as it stands or as a screen shows it. Both columns of dumps are
// read as one.
func (s search) of(text []byte) (found []string) {
	digits, chars := columns(text)
	for _, view := range [][]byte{text, masktest.Joined(text), digits, chars} {
		for _, size := range []int{piece, hexPiece} {
			for i := 0; i+size <= len(view); i++ {
				if secret, ok := s[string(view[i:i+size])]; ok && !slices.Contains(found, secret) {
					found = append(found, secret)
				}
			}
		}
	}
	return found
}

// dumpRow is one of xxd, hexdump -C and od -t x1.
var dumpRow = regexp.MustCompile(`(?m)^[0-9a-f]{4,8}:? +((?:[0-9a-f*]{2,4} +)+)(.*?)\r?$`)

func columns(text []byte) (digits, chars []byte) {
	for _, row := range dumpRow.FindAllSubmatch(text, -1) {
		digits = append(digits, bytes.ReplaceAll(row[1], []byte(" "), nil)...)
		chars = append(chars, bytes.Trim(row[2], "|<> ")...)
	}
	return digits, chars
}

// nowhere checks that nothing of the secrets is in what the gateway has left of the sessions of some grants: not in the bucket, nor
// in objects, events or logs.
func (s search) nowhere(t *testing.T, grants ...string) {
	t.Helper()
	report := func(where string, data []byte) {
		if found := s.of(data); len(found) > 0 {
			t.Errorf("%s holds something of %q", where, found)
		}
	}
	auditor, dir, sessions := openStore(t, "auditor"), t.TempDir(), 0
	for _, g := range grants {
		lastSession(t, g) // has ended
		prefixes := as("admin").Must(t, "get", "xs", "-n", namespace, "-o", `jsonpath={range .items[?(@.spec.grantRef.name=="`+g+`")]}{.spec.recording}{"\n"}{end}`)
		for prefix := range strings.FieldsSeq(prefixes) {
			sessions++
			versions := auditor.Versions(prefix)
			recording, err := reader.Read(versions)
			if err != nil {
				t.Fatal(err)
			}
			for stream, data := range recording.Streams {
				report(stream+" of "+prefix, data)
			}
			for _, version := range versions {
				report(version.Key, plain(t, dir, version))
			}
		}
	}
	if sessions == 0 {
		t.Fatal("there is no session")
	}
	for _, args := range [][]string{
		{"get", "xs,xg,xar", "-A", "-o", "yaml"},
		{"get", "events", "-A", "-o", "yaml"},
		{"get", "events.events.k8s.io", "-A", "-o", "yaml"},
		{"logs", "-n", node.System, "-l", "app.kubernetes.io/name=sallyport", "--all-containers", "--tail=-1"},
	} {
		out := as("super-admin").Must(t, args...)
		if !strings.Contains(out, "sallyport") {
			t.Errorf("kubectl %v shows nothing of Sallyport", args)
		}
		report("kubectl "+strings.Join(args, " "), []byte(out))
	}
}

// plain are the bytes of an object, decompressed if it is a segment.
func plain(t *testing.T, dir string, version reader.Version) []byte {
	t.Helper()
	if !strings.HasSuffix(version.Key, ".zst") {
		return version.Data
	}
	file := filepath.Join(dir, "segment.zst")
	if err := os.WriteFile(file, version.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	data, err := exec.CommandContext(t.Context(), "zstd", "-dc", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var clearRun = regexp.MustCompile(`[^*]+`)

// isMasked checks that of a value only beginnings of at most 4 bytes are in clear: on each side of an empty line.
func isMasked(t *testing.T, what, value, seen string) {
	t.Helper()
	if len(seen) != len(value) {
		t.Errorf("%s: %d bytes were shown of %d: %q", what, len(seen), len(value), seen)
		return
	}
	for side := range strings.SplitSeq(seen, "\n\n") {
		for i, run := range clearRun.FindAllString(strings.ReplaceAll(side, "\n", ""), -1) {
			if i > 0 || len(run) > 4 || !strings.HasPrefix(side, run) {
				t.Errorf("%s: the person sees %q of %q", what, run, side)
			}
		}
	}
}
