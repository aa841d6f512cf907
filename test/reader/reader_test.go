package reader_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/test/reader"
)

func TestRead(t *testing.T) {
	versions, sent := record(t, 1000)
	if segmentsOf(versions) < 3 {
		t.Fatalf("%d segments are too few for a test", segmentsOf(versions))
	}
	r, err := reader.Read(versions)
	must(t, err)
	got := map[string]string{}
	for stream, data := range r.Streams {
		got[stream] = string(data)
	}
	if !strings.Contains(got["exit"], `"code":3`) {
		t.Errorf("exit is %s", got["exit"])
	}
	delete(got, "exit")
	if diff := cmp.Diff(sent, got); diff != "" {
		t.Error(diff)
	}
	if r.Outcome != "closed" || r.Durability != "Spool" || r.Subject != `dev"eloper` || r.Session != session || len(r.Remarks) > 0 {
		t.Errorf("%s %s %s %s", r.Outcome, r.Subject, r.Session, r.Remarks)
	}
	masked := slices.IndexFunc(r.Records, func(r reader.Record) bool { return len(r.Masked) > 0 })
	if masked < 0 || r.Records[masked].Masked[0].Length != 6 || r.Records[masked].Masked[0].Fingerprint != "ab00000000000001" {
		t.Error("the masked secret is not read")
	}
}

// TestDurability reads where bytes were recorded before they passed, as the recorder wrote it and as it once did not.
func TestDurability(t *testing.T) {
	whole, _ := record(t, 1000)
	for name, tc := range map[string]struct {
		said any
		want string // "-" for an error
	}{
		"if it is the disk, then so":            {"Spool", "Spool"},
		"if it is the store, then so":           {"Store", "Store"},
		"if it is not said, then that":          {nil, ""},
		"if it is empty, then that is an error": {"", "-"},
		"if it is weaker, then that is one too": {"Memory", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			f := forge(t, whole)
			change(f.open, []any{"durability"}, func(any) (any, bool) { return tc.said, tc.said != nil })
			versions := f.store()
			r, err := reader.Read(versions)
			if tc.want == "-" {
				if err == nil {
					t.Error("it was read")
				}
			} else if err != nil || r.Durability != tc.want {
				t.Errorf("%v: %+v", err, r)
			}
		})
	}
}

// TestMaskPolicies holds the list of policies to the format.
func TestMaskPolicies(t *testing.T) {
	whole, _ := record(t, 1000)
	policy := func(name, uid string, generation any) line {
		return line{"name": name, "uid": uid, "generation": generation}
	}
	for name, tc := range map[string]struct {
		said []any
		ok   bool
	}{
		"if there is none, then it is in order":         {[]any{}, true},
		"if there are two by name, then it is in order": {[]any{policy("a", "1", 1), policy("b", "2", 7)}, true},
		"if they are in no order, then it is refused":   {[]any{policy("b", "2", 7), policy("a", "1", 1)}, false},
		"if one is there twice, then it is refused":     {[]any{policy("a", "1", 1), policy("a", "2", 1)}, false},
		"if one has no UID, then it is refused":         {[]any{policy("a", "", 1)}, false},
		"if one has no name, then it is refused":        {[]any{policy("", "1", 1)}, false},
		"if one never was, then it is refused":          {[]any{policy("a", "1", 0)}, false},
		"if one lacks a field, then it is refused":      {[]any{line{"name": "a", "uid": "1"}}, false},
		"if one has half a generation, then refused":    {[]any{policy("a", "1", 1.5)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := forge(t, whole)
			change(f.open, []any{"maskPolicies"}, func(any) (any, bool) { return tc.said, true })
			if _, err := reader.Read(f.store()); (err == nil) != tc.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestPrefix reads what is left of a recording that came to no good end.
func TestPrefix(t *testing.T) {
	t.Run("if the store fails, then what it holds is read, and that it was aborted", func(t *testing.T) {
		versions, sent := record(t, 3)
		r, err := reader.Read(versions)
		must(t, err)
		if r.Outcome != "aborted" || segmentsOf(versions) != 2 || !strings.HasPrefix(sent["stdout"], string(r.Streams["stdout"])) {
			t.Errorf("%s, %d segments: %q", r.Outcome, segmentsOf(versions), r.Streams)
		}
	})
	t.Run("if there is no close object, then every prefix of the segments is read", func(t *testing.T) {
		versions, _ := record(t, 1000)
		for keep := segmentsOf(versions); keep >= 0; keep-- {
			prefix := slices.DeleteFunc(clone(versions), func(v reader.Version) bool {
				return strings.HasSuffix(v.Key, "close.json") || strings.Contains(v.Key, "/segment-") && !strings.HasSuffix(v.Key, segmentName(keep)) && v.Key > object(versions, segmentName(max(keep, 1))).Key || keep == 0 && strings.Contains(v.Key, "/segment-")
			})
			r, err := reader.Read(prefix)
			if err != nil || r.Outcome != "" || segmentsOf(prefix) != keep {
				t.Errorf("%d segments: %v", keep, err)
			}
		}
	})
	t.Run("if an aborted session has another segment, then it is read too", func(t *testing.T) {
		aborted, _ := record(t, 3)
		whole, _ := record(t, 1000)
		r, err := reader.Read(append(aborted, *object(whole, segmentName(3))))
		must(t, err)
		before, err := reader.Read(aborted)
		must(t, err)
		if len(r.Records) <= len(before.Records) {
			t.Error("the third segment is not read")
		}
	})
}

// TestRemarks is about what does not harm a recording, and is said.
func TestRemarks(t *testing.T) {
	whole, _ := record(t, 1000)
	for name, change := range map[string]func([]reader.Version) []reader.Version{
		"if there is a delete marker, then it is reported": func(v []reader.Version) []reader.Version {
			return append(v, reader.Version{Key: object(v, "close.json").Key, ID: "x", Marker: true})
		},
		"if there is a newer version, then the old one counts, and it is reported": func(v []reader.Version) []reader.Version {
			return append(v, reader.Version{Key: object(v, "open.json").Key, ID: "x", Data: []byte("{}")})
		},
		"if there is a newer manifest, then the old one counts, and it is reported": func(v []reader.Version) []reader.Version {
			return append(v, reader.Version{Key: object(v, "close.json").Key, ID: "x", Data: []byte("{}")})
		},
		"if there is an older version than the manifest names, then it is reported": func(v []reader.Version) []reader.Version {
			return append([]reader.Version{{Key: object(v, segmentName(2)).Key, ID: "x", Data: []byte("{}")}}, v...)
		},
		"if a version has another id than in the manifest, then it is reported": func(v []reader.Version) []reader.Version {
			object(v, segmentName(2)).ID = "copy"
			return v
		},
		"if there is an unknown object, then it is reported": func(v []reader.Version) []reader.Version {
			return append(v, reader.Version{Key: strings.Replace(v[0].Key, "open", "other", 1) + "x"})
		},
		"if a retention ends too early, then it is reported": func(v []reader.Version) []reader.Version {
			object(v, segmentName(2)).Until = noon.Add(59 * time.Minute)
			return v
		},
		"if a retention is less firm, then it is reported": func(v []reader.Version) []reader.Version {
			object(v, "close.json").Mode = "GOVERNANCE"
			return v
		},
		"if there is no retention, then it is reported": func(v []reader.Version) []reader.Version {
			object(v, "open.json").Mode = ""
			return v
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := reader.Read(change(clone(whole)))
			if err != nil || len(r.Remarks) == 0 {
				t.Errorf("%v, no remark", err)
			}
		})
	}
}

// TestEveryByte changes one byte, and cuts an object short.
func TestEveryByte(t *testing.T) {
	whole, _ := record(t, 1000)
	changes := []byte{0x01, 0x20, 0x80}
	for i, version := range whole {
		for at := range version.Data {
			changed := slices.Clone(whole)
			changed[i].Data = bytes.Clone(version.Data)
			changed[i].Data[at] ^= changes[at%len(changes)]
			if r, err := reader.Read(changed); err == nil && len(r.Remarks) == 0 {
				t.Errorf("%s verifies with byte %d as %q: %s", version.Key, at, changed[i].Data[at], changed[i].Data[max(at-20, 0):at+1])
			}
		}
		for at := 0; at < len(bytes.TrimSpace(version.Data)); at += 10 {
			changed := slices.Clone(whole)
			changed[i].Data = version.Data[:at]
			if _, err := reader.Read(changed); err == nil {
				t.Errorf("%s verifies, cut to %d bytes", version.Key, at)
			}
		}
		if r, err := reader.Read(slices.Delete(slices.Clone(whole), i, i+1)); err == nil && r.Outcome == "closed" {
			t.Errorf("the recording verifies without %s", version.Key)
		}
	}
}
