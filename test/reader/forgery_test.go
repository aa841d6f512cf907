package reader_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/reader"
)

// forgery is a recording whose objects can be changed and are then stored anew with hashes that fit, as somebody would
// who can write to the store: what is found then is found by the other rules.
type forgery struct {
	tb       testing.TB
	versions []reader.Version
	open     any
	segments [][]any // the lines
	closing  map[string]any
	then     func(*forgery) // changes the manifest after it fits
	pack     func([]byte) []byte
}

// fits stands for a hash that store computes.
const fits = "fits"

func forge(tb testing.TB, whole []reader.Version) *forgery {
	tb.Helper()
	f := &forgery{tb: tb, versions: clone(whole), pack: func(text []byte) []byte { return pack(tb, text) }}
	f.open = f.decode(object(whole, "open.json").Data)
	f.closing = f.decode(object(whole, "close.json").Data).(map[string]any)
	for n := range segmentsOf(whole) {
		var lines []any
		for line := range bytes.Lines(unpack(tb, object(whole, segmentName(n+1)).Data)) {
			lines = append(lines, f.decode(line))
		}
		header := lines[0].(map[string]any)
		header["open"], header["prev"] = fits, fits
		f.segments = append(f.segments, lines)
	}
	return f
}

func (f *forgery) decode(data []byte) any {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	must(f.tb, decoder.Decode(&value))
	return value
}

func (f *forgery) encode(value any) []byte {
	if raw, ok := value.(json.RawMessage); ok {
		return raw // need not be JSON
	}
	data, err := json.Marshal(value)
	must(f.tb, err)
	return data
}

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

// put stores an object, and names it in its entry of the manifest.
func (f *forgery) put(name string, data []byte, entry any) string {
	object(f.versions, name).Data = data
	if entry, ok := entry.(map[string]any); ok {
		entry["sha256"], entry["size"] = sum(data), len(data)
	}
	return sum(data)
}

func (f *forgery) store() []reader.Version {
	open := f.put("open.json", f.encode(f.open), f.closing["open"])
	head := open
	for n, lines := range f.segments {
		if header, ok := lines[0].(map[string]any); ok {
			for name, hash := range map[string]string{"open": open, "prev": head} {
				if header[name] == fits {
					header[name] = hash
				}
			}
		}
		var text []byte
		for _, line := range lines {
			text = append(append(text, f.encode(line)...), '\n')
		}
		head = f.put(segmentName(n+1), f.pack(text), f.closing["segments"].([]any)[n])
	}
	f.closing["head"] = head
	if f.then != nil {
		f.then(f)
	}
	f.put("close.json", f.encode(f.closing), nil)
	return f.versions
}

func TestForgery(t *testing.T) {
	whole, _ := record(t, 1000)
	if _, err := reader.Read(forge(t, whole).store()); err != nil {
		t.Fatalf("a recording that was stored anew without a change: %v", err)
	}
}

// fieldsOf lists the paths of all fields in a JSON value.
func fieldsOf(value any, path ...any) [][]any {
	var paths [][]any
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			at := append(slices.Clone(path), name)
			paths = append(append(paths, at), fieldsOf(value[name], at...)...)
		}
	case []any:
		for i := range value {
			paths = append(paths, fieldsOf(value[i], append(slices.Clone(path), i)...)...)
		}
	}
	return paths
}

// change replaces the value at a path, or removes it.
func change(root any, path []any, to func(any) (any, bool)) {
	for _, step := range path[:len(path)-1] {
		switch at := root.(type) {
		case map[string]any:
			root = at[step.(string)]
		case []any:
			root = at[step.(int)]
		}
	}
	holder, name := root.(map[string]any), path[len(path)-1].(string)
	value, keep := to(holder[name])
	if keep {
		holder[name] = value
	} else {
		delete(holder, name)
	}
}

// forgeries are what is done to every field.
var forgeries = map[string]func(any) (any, bool){
	"removed": func(any) (any, bool) { return nil, false },
	"null":    func(any) (any, bool) { return nil, true },
	"a list":  func(any) (any, bool) { return []any{1}, true },
	"other": func(value any) (any, bool) {
		switch value := value.(type) {
		case json.Number:
			n, _ := value.Int64()
			return n + 1, true
		case string:
			return value + "x", true
		case bool:
			return !value, true
		default:
			return map[string]any{}, true
		}
	},
}

// free are the changes that no rule finds, because nothing else in the recording says the same: whoever can store a
// whole recording can write these as they like.
var free = regexp.MustCompile(`^(` + strings.Join([]string{
	// Who, where and why, but for what the segments and the store repeat.
	`open (action|argv|cluster|container|grant|grant \w+|maskDigest|namespace|pod|podUID|requester|requester \w+|stdin|subject (groups|uid)|tty): .*`,
	`open recorder: other`,
	// Recordings of the first versions have none.
	// Where there is no policy there is no list.
	`open maskPolicies: removed`, `open maskPolicies \d \w+: other`,
	// A secret need not have a fingerprint.
	`record \d\.\d m \d fp: removed`,
	`open (durability|secretValues): removed`,
	// What was known of Secrets, nothing else in the recording tells.
	`open secretValues ([^:]* )?(mode|name|resourceVersion|state|values|key|why): other`,
	`open secretValues ([^:]* )?(secrets|environment|resourceVersion|ignored): removed`,
	// A clock may run a nanosecond fast.
	`record \d\.\d o: other`,
}, "|") + `)$`)

// TestEveryField changes every field of every object, and lets the hashes fit.
func TestEveryField(t *testing.T) {
	whole, _ := record(t, 1000)
	pristine := forge(t, whole)
	parts := map[string]func(f *forgery) any{
		"open":  func(f *forgery) any { return f.open },
		"close": func(f *forgery) any { return f.closing },
	}
	for n, lines := range pristine.segments {
		parts[fmt.Sprintf("header %d", n+1)] = func(f *forgery) any { return f.segments[n][0] }
		for i := range lines[1:] {
			parts[fmt.Sprintf("record %d.%d", n+1, i+1)] = func(f *forgery) any { return f.segments[n][i+1] }
		}
	}
	for part, of := range parts {
		for _, path := range fieldsOf(of(pristine)) {
			for name, to := range forgeries {
				label := fmt.Sprint(part, " ", strings.Trim(fmt.Sprint(path), "[]"), ": ", name)
				f := forge(t, whole)
				if part == "close" {
					f.then = func(f *forgery) { change(f.closing, path, to) }
				} else {
					change(of(f), path, to)
				}
				r, err := reader.Read(f.store())
				if found := err != nil || len(r.Remarks) > 0; found == free.MatchString(label) {
					t.Errorf("%s: found is %t: %v", label, found, err)
				}
			}
		}
	}
}
