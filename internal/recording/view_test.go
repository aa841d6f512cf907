package recording_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/sallyport-dev/sallyport/internal/asciicast"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestReadableByStrangers reads segments as docs/recording-format.md says,
// knowing nothing of this package.
func TestReadableByStrangers(t *testing.T) {
	f := newFixture(t)
	m := f.sample(t)
	dec, err := zstd.NewReader(nil)
	must(t, err)
	defer dec.Close()
	prev := objectstore.Sum(f.bodies(t)[f.prefix(t)+"open.json"])
	var stdout []byte
	for _, s := range m.Segments {
		object := f.bodies(t)[s.Key]
		raw, err := dec.DecodeAll(object, nil)
		must(t, err)
		for i, text := range bytes.Split(bytes.TrimSuffix(raw, []byte("\n")), []byte("\n")) {
			var line map[string]any
			must(t, json.Unmarshal(text, &line))
			if i == 0 && line["prev"] != prev {
				t.Errorf("%s: prev %v, want %s", s.Key, line["prev"], prev)
			}
			if line["c"] != "stdout" {
				continue
			}
			for _, field := range []string{"b", "d", "e"} {
				text, _ := line[field].(string)
				if field == "d" {
					stdout = append(stdout, text...)
					continue
				}
				bin, err := base64.StdEncoding.DecodeString(text)
				must(t, err)
				stdout = append(stdout, bin...)
			}
		}
		prev = objectstore.Sum(object)
	}
	want := ""
	for i := range 8 {
		want += "out " + string(rune('0'+i)) + " \xe4\xb8\x96 \xff\n"
	}
	if string(stdout) != want {
		t.Errorf("stdout %q, want %q", stdout, want)
	}
}

func TestCast(t *testing.T) {
	tests := map[string]struct {
		tty     bool
		version asciicast.Version
	}{
		"tty.v3.cast":  {true, asciicast.V3},
		"tty.v2.cast":  {true, asciicast.V2},
		"pipe.v3.cast": {false, asciicast.V3},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			open := openObject(f.id)
			open.TTY = tc.tty
			r, err := recording.Start(t.Context(), f.Store, f.options(t), open)
			must(t, err)
			if tc.tty {
				must(t, r.Resize(100, 30))
			}
			must(t, r.Record(recording.Stdin, []byte("ls\r")))
			must(t, r.Record(recording.Stdout, []byte("caf\xc3")))
			must(t, r.Record(recording.Stderr, []byte("oops\n")))
			must(t, r.Record(recording.Stdout, []byte("\xa9\n\xff")))
			must(t, r.Note("grant expires in 1m"))
			must(t, r.Resize(80, 24))
			must(t, r.Record(recording.Stdout, []byte("half \xe4\xb8")))
			_, err = r.Close(t.Context(), completed())
			must(t, err)
			rec, err := recording.Load(t.Context(), f.Store, f.id)
			must(t, err)
			var got bytes.Buffer
			must(t, recording.Cast(t.Context(), &got, rec, tc.version))
			path := filepath.Join("testdata", name)
			if *update {
				must(t, os.WriteFile(path, got.Bytes(), 0o644))
			}
			want, err := os.ReadFile(path)
			must(t, err)
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		})
	}
}

func TestList(t *testing.T) {
	f := newFixture(t)
	day := 24 * time.Hour
	made := []time.Time{noon.Add(-2 * day), noon.Add(-day), noon.Add(-day + time.Hour), noon, noon.Add(time.Minute)}
	for i, at := range made {
		f.id = sessionID(at, uint16(i))
		r := f.start(t, f.Store)
		if i == 3 {
			continue // left open
		}
		_, err := r.Close(t.Context(), completed())
		must(t, err)
	}
	must(t, f.Remove(recording.CloseKey(f.prefix(t)), "")) // hides nothing
	broken, err := recording.Prefix(sessionID(noon, 9))
	must(t, err)
	f.Overwrite(recording.OpenKey(broken), []byte("{"))
	f.Overwrite("sessions/2026/11/23/not-a-session/open.json", []byte("{}"))

	type row struct {
		n       byte
		state   recording.State
		problem bool
	}
	list := func(from, to time.Time) (rows []row) {
		for _, s := range collect(t, recording.List(t.Context(), f.Store, recording.ListOptions{From: from, To: to})) {
			if s.Open.Session != "" && s.Open.Session != s.ID {
				t.Errorf("%s has the open object of %s", s.ID, s.Open.Session)
			}
			rows = append(rows, row{s.ID[17], s.State, s.Problem != ""})
		}
		return rows
	}
	all := []row{{'4', recording.StateClosed, false}, {'9', recording.StateOpen, true}, {'3', recording.StateOpen, false}, {'2', recording.StateClosed, false}, {'1', recording.StateClosed, false}, {'0', recording.StateClosed, false}}
	tests := map[string]struct {
		from, to time.Time
		want     []row
	}{
		"if the range holds all, then all are listed, newest first": {noon.Add(-9 * day), noon.Add(day), all},
		"if the range is tight, then its start is in, its end out":  {made[1], made[3], all[3:5]},
		"if the range is empty, then nothing is listed":             {noon, noon, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, list(tc.from, tc.to), cmp.AllowUnexported(row{})); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
	unended, err := recording.ListUnended(t.Context(), f.Store, recording.ListOptions{From: noon.Add(-9 * day), To: noon.Add(day)})
	must(t, err)
	var open []byte
	for _, u := range unended {
		open = append(open, u.ID[17])
		if want := map[byte]string{'3': "sha256:ours"}[u.ID[17]]; u.Gateway.Installation != want {
			t.Errorf("%s is of %+v, want %q", u.ID, u.Gateway, want)
		}
	}
	if string(open) != "39" {
		t.Errorf("without an end are %q", open)
	}
	for _, err := range recording.List(t.Context(), f.Store, recording.ListOptions{To: noon}) {
		if err == nil {
			t.Error("a listing without start began")
		}
	}
}
