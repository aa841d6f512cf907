package reader_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/reader"
)

type line = map[string]any

// set changes fields of a record, or of the header, which is record 0; nil removes one.
func (f *forgery) set(segment, record int, values line) {
	at := f.segments[segment-1][record].(line)
	for name, value := range values {
		if value == nil {
			delete(at, name)
		} else {
			at[name] = value
		}
	}
}

// replace puts a line that need not be JSON into the place of a record.
func (f *forgery) replace(segment, record int, edit func(string) string) {
	f.segments[segment-1][record] = json.RawMessage(edit(string(f.encode(f.segments[segment-1][record]))))
}

// exit is the last record.
func (f *forgery) exit() line {
	last := f.segments[len(f.segments)-1]
	return last[len(last)-1].(line)
}

// TestRules breaks one rule each, in a recording whose hashes fit. The error says which.
func TestRules(t *testing.T) {
	whole, _ := record(t, 1000)
	for name, test := range map[string]struct {
		forge func(*forgery)
		want  string
	}{
		"if a field is there twice, then it is refused": {func(f *forgery) {
			f.replace(1, 1, func(s string) string { return strings.Replace(s, "{", `{"n":1,`, 1) })
		}, "twice"},
		"if a field has a name in other letters, then it is not that field": {func(f *forgery) {
			f.replace(1, 1, func(s string) string { return strings.Replace(s, `"n"`, `"N"`, 1) })
		}, `"n" is missing`},
		"if a line is not UTF-8, then it is refused": {func(f *forgery) {
			f.replace(1, 1, func(s string) string { return strings.Replace(s, "{", "{\"x\":\"\xff\",", 1) })
		}, "UTF-8"},
		"if a line holds more than one value, then it is refused": {func(f *forgery) {
			f.replace(1, 1, func(s string) string { return s + "{}" })
		}, "more than one"},
		"if a line is empty, then it is refused":         {func(f *forgery) { f.replace(1, 1, func(string) string { return "" }) }, "not a JSON object"},
		"if a segment has no record, then it is refused": {func(f *forgery) { f.segments[1] = f.segments[1][:1] }, "no record"},
		"if a record is missing, then the gap is found":  {func(f *forgery) { f.segments[1] = slices.Delete(f.segments[1], 1, 2) }, `"n" is`},
		"if a record is there twice, then it is found":   {func(f *forgery) { f.segments[1] = slices.Insert(f.segments[1], 1, f.segments[1][1]) }, `"n" is`},
		"if the offset decreases, then it is found":      {func(f *forgery) { f.set(2, 1, line{"o": 1}) }, "offset"},
		"if the offset is before the start, it is found": {func(f *forgery) { f.set(1, 1, line{"o": -1}) }, "before the start"},
		"if the time is not in UTC, then it is found":    {func(f *forgery) { f.set(1, 1, line{"t": "2026-11-23T12:00:00+01:00"}) }, "UTC"},
		"if the time is none, then it is found":          {func(f *forgery) { f.set(1, 1, line{"t": "noon"}) }, `"t"`},
		"if the subject is another, then it is found":    {func(f *forgery) { f.set(2, 1, line{"s": "other"}) }, `"s" is`},
		"if a record has no stream, then it is found":    {func(f *forgery) { f.set(1, 1, line{"c": ""}) }, "no stream"},
		"if data is no base64, then it is found":         {func(f *forgery) { f.set(1, 1, line{"b": "*"}) }, `"b"`},
		"if a base64 has loose bits, then it is found":   {func(f *forgery) { f.set(1, 1, line{"e": "QR=="}) }, `"e"`},
		"if a record is too large, then it is found":     {func(f *forgery) { f.set(1, 2, line{"d": strings.Repeat("x", 65537)}) }, "more than a record holds"},
		"if three fields are too large, then it is found": {func(f *forgery) {
			f.set(1, 2, line{"b": base64.StdEncoding.EncodeToString(make([]byte, 40000)), "d": strings.Repeat("x", 40000)})
		}, "more than a record holds"},
		"if a line is too long, then it is refused":         {func(f *forgery) { f.set(1, 1, line{"x": strings.Repeat("x", 1<<20)}) }, "1 MiB"},
		"if the size of a terminal is none, it is found":    {func(f *forgery) { f.set(1, 1, line{"d": "100"}) }, "size of a terminal"},
		"if a mask has no rule, then it is found":           {func(f *forgery) { f.set(1, 2, line{"m": []any{line{"at": 0, "len": 1}}}) }, `"r" is missing`},
		"if a mask ends after its record, then it is found": {func(f *forgery) { f.set(1, 2, line{"d": "******", "m": []any{line{"r": "x", "at": 0, "len": 7}}}) }, "do not end"},
		"if a mask ended before, then it is found":          {func(f *forgery) { f.set(1, 2, line{"d": "******", "m": []any{line{"r": "x", "at": 0, "len": 0}}}) }, "do not end"},
		"if a mask begins before the stream, it is found":   {func(f *forgery) { f.set(1, 2, line{"d": "******", "m": []any{line{"r": "x", "at": -1, "len": 3}}}) }, "do not end"},
		"if a mask overflows, then it is found": {func(f *forgery) {
			f.set(1, 2, line{"d": "******", "m": []any{line{"r": "x", "at": 1<<63 - 1, "len": 2}}})
		}, "do not end"},
		"if a fingerprint is none, then it is found": {func(f *forgery) {
			f.set(1, 2, line{"d": "******", "m": []any{line{"r": "x", "at": 0, "len": 6, "fp": "00AB"}}})
		}, "no fingerprint"},
		"if a masked byte is no star, then it is found":    {func(f *forgery) { f.set(1, 2, line{"d": "*****x", "m": []any{line{"r": "x", "at": 0, "len": 6}}}) }, "not masked"},
		"if a masked secret is not counted, it is found":   {func(f *forgery) { f.set(1, 2, line{"d": "******", "m": []any{line{"r": "x", "at": 0, "len": 6}}}) }, "masked is"},
		"if bytes are of another stream, then it is found": {func(f *forgery) { f.set(1, 2, line{"c": "stderr"}) }, "totals"},
		"if data has another length, then it is found":     {func(f *forgery) { f.set(1, 2, line{"d": "x"}) }, `"bytes"`},
		"if a record follows the exit, then it is found":   {func(f *forgery) { f.set(1, 1, line{"c": "exit", "d": `{"reason":"","process":"unknown"}`}) }, "follows the exit"},
		"if the exit is at another time, then it is found": {func(f *forgery) { f.exit()["t"] = "2030-01-01T00:00:00Z" }, "ended is"},
		"if the exit says something else, it is found":     {func(f *forgery) { f.exit()["d"] = strings.Replace(f.exit()["d"].(string), "3", "0", 1) }, "the last record says"},
		"if the process was killed and runs, it is found":  {func(f *forgery) { f.exit()["d"] = `{"reason":"x","process":"running","killed":true}` }, "killed"},
		"if killed is no boolean, it is found":             {func(f *forgery) { f.exit()["d"] = `{"reason":"x","process":"exited","killed":"yes"}` }, "killed"},
		"if the process is in no known state, it is found": {func(f *forgery) { f.exit()["d"] = `{"reason":"x","process":"lost"}` }, "process"},
		"if a closed session has no exit, then it is found": {func(f *forgery) {
			f.exit()["c"] = "other"
			totals := f.closing["totals"].(line)
			totals["other"] = totals["exit"]
			delete(totals, "exit")
		}, "is no exit"},
		"if a closed session lost records, it is found": {func(f *forgery) { f.closing["lost"] = 1 }, "lost nothing"},
		"if a closed session is said to be aborted":     {func(f *forgery) { f.closing["outcome"] = "aborted" }, `"fault" is missing`},
		"if less than nothing was lost, then it is found": {func(f *forgery) {
			f.closing["outcome"], f.closing["fault"], f.closing["lost"] = "aborted", "x", -1
		}, "less than nothing"},
		"if the outcome is unknown, then it is found": {func(f *forgery) { f.closing["outcome"] = "open" }, "unknown"},
		"if the segments are listed in another order": {func(f *forgery) {
			f.then = func(f *forgery) { s := f.closing["segments"].([]any); s[0], s[1] = s[1], s[0] }
		}, `"key" is`},
		"if a segment is not listed, then it is found": {func(f *forgery) {
			f.then = func(f *forgery) { f.closing["segments"] = f.closing["segments"].([]any)[:2] }
		}, `"head" is`},
		"if a stream has a total and no record":      {func(f *forgery) { f.closing["totals"].(line)["x"] = line{"records": 0, "bytes": 0} }, "totals"},
		"if a segment is no zstd, then it is found":  {func(f *forgery) { f.pack = bytes.Clone }, "magic"},
		"if the last line does not end, it is found": {func(f *forgery) { f.pack = func(b []byte) []byte { return pack(f.tb, bytes.TrimSpace(b)) } }, "does not end"},
		"if a frame is cut, then it is found":        {func(f *forgery) { f.pack = func(b []byte) []byte { p := pack(f.tb, b); return p[:len(p)-1] } }, "EOF"},
		"if a segment inflates, then it is refused": {func(f *forgery) {
			f.pack = func(b []byte) []byte { return pack(f.tb, append(b, make([]byte, 65<<20)...)) }
		}, "exceeds"},
		"if an object is too large, then it is refused": {func(f *forgery) { f.pack = func([]byte) []byte { return make([]byte, 17<<20) } }, "16 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			f := forge(t, whole)
			test.forge(f)
			if _, err := reader.Read(f.store()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("it is %v, want an error with %q", err, test.want)
			}
		})
	}
}

// TestForward reads what a later recorder may write.
func TestForward(t *testing.T) {
	whole, _ := record(t, 1000)
	for name, change := range map[string]func(*forgery){
		"if a stream is unknown, then it is passed over": func(f *forgery) {
			moved := f.closing["totals"].(line)["note"]
			delete(f.closing["totals"].(line), "note")
			f.closing["totals"].(line)["port-8080/1"] = moved
			for _, lines := range f.segments {
				for _, record := range lines {
					if record.(line)["c"] == "note" {
						record.(line)["c"] = "port-8080/1"
					}
				}
			}
		},
		"if a field is unknown, then it is ignored": func(f *forgery) {
			f.open.(line)["new"], f.closing["new"] = line{}, nil
			f.set(1, 0, line{"new": 1})
			f.set(1, 1, line{"new": []any{}})
		},
		"if a segment is many frames, then they are one text": func(f *forgery) {
			f.pack = func(text []byte) []byte {
				var frames []byte
				for part := range slices.Chunk(text, 50) {
					frames = append(frames, pack(f.tb, part)...)
				}
				return frames
			}
		},
		"if a session was aborted, then the manifest says why": func(f *forgery) {
			f.closing["outcome"], f.closing["fault"], f.closing["lost"] = "aborted", "the store was out", 3
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := forge(t, whole)
			change(f)
			if r, err := reader.Read(f.store()); err != nil || len(r.Remarks) > 0 {
				t.Errorf("%v %v", err, r)
			}
		})
	}
}

// TestKeys is about objects that are not where they belong.
func TestKeys(t *testing.T) {
	whole, _ := record(t, 1000)
	key := object(whole, "open.json").Key
	for name, change := range map[string]func([]reader.Version) []reader.Version{
		"if the day is not that of the id, then it is refused": func(v []reader.Version) []reader.Version {
			for i := range v {
				v[i].Key = strings.Replace(v[i].Key, "/2026/", "/2025/", 1)
			}
			return v
		},
		"if the id is in capitals, then it is refused": func(v []reader.Version) []reader.Version {
			for i := range v {
				v[i].Key = strings.Replace(v[i].Key, session, strings.ToUpper(session), 1)
			}
			return v
		},
		"if an object is of another session, then it is refused": func(v []reader.Version) []reader.Version {
			return append(v, reader.Version{Key: strings.Replace(key, session, strings.Replace(session, "7001", "7002", 1), 1)})
		},
		"if a segment is missing, then it is found": func(v []reader.Version) []reader.Version {
			return slices.DeleteFunc(v, func(v reader.Version) bool { return strings.HasSuffix(v.Key, segmentName(2)) })
		},
		"if a segment is hidden by a marker alone, then it is found": func(v []reader.Version) []reader.Version {
			object(v, segmentName(2)).Marker = true
			return v
		},
		"if segments are swapped, then it is found": func(v []reader.Version) []reader.Version {
			a, b := object(v, segmentName(2)), object(v, segmentName(3))
			a.Data, b.Data = b.Data, a.Data
			return v
		},
		"if a segment does not follow, then it is found": func(v []reader.Version) []reader.Version {
			return append(v, reader.Version{Key: strings.Replace(key, "open.json", segmentName(9), 1)})
		},
		"if a closed session has another segment, then it is found": func(v []reader.Version) []reader.Version {
			next := segmentName(segmentsOf(v) + 1)
			return append(v, reader.Version{Key: strings.Replace(key, "open.json", next, 1), Data: object(v, segmentName(2)).Data})
		},
		"if there is no object at all, then it is refused": func([]reader.Version) []reader.Version { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			if r, err := reader.Read(change(clone(whole))); err == nil {
				t.Errorf("it verifies: %+v", r.Remarks)
			}
		})
	}
}
