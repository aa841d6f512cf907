package reader

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// fields is a JSON object by the exact names of its fields. (encoding/json takes Go's struct fields for names in any
// case, and the last of two fields of one name.) The first error sticks in err, so that a caller asks once.
type fields struct {
	values map[string]json.RawMessage
	err    error
}

func parse(text []byte) *fields {
	f := &fields{values: map[string]json.RawMessage{}}
	f.err = f.UnmarshalJSON(text)
	return f
}

// UnmarshalJSON makes fields usable inside lists and maps.
func (f *fields) UnmarshalJSON(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("text is not UTF-8")
	}
	f.values = map[string]json.RawMessage{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return fmt.Errorf("not a JSON object: %w", err)
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if _, twice := f.values[name]; twice {
			return fmt.Errorf("field %q is there twice", name)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		f.values[name] = value
	}
	if _, err := decoder.Token(); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

func (f *fields) has(name string) bool {
	_, ok := f.values[name]
	return ok
}

// need returns the field of that name, which has to be there.
func need[T any](f *fields, name string) T {
	if !f.has(name) && f.err == nil {
		f.err = fmt.Errorf("field %q is missing", name)
	}
	return may[T](f, name)
}

// may returns the field of that name, or the zero value if it is absent.
func may[T any](f *fields, name string) T {
	var value T
	if !f.has(name) || f.err != nil {
		return value
	}
	if string(f.values[name]) == "null" {
		f.err = fmt.Errorf("field %q is null", name)
	} else if err := json.Unmarshal(f.values[name], &value); err != nil {
		f.err = fmt.Errorf("field %q: %w", name, err)
	}
	return value
}

// moment returns a field that is a time: RFC 3339 in UTC.
func moment(f *fields, name string) time.Time {
	text := need[string](f, name)
	if f.err != nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err == nil && !strings.HasSuffix(text, "Z") {
		err = errors.New("not in UTC")
	}
	if err != nil {
		f.err = fmt.Errorf("field %q: %w", name, err)
	}
	return t
}

// expect is for a field with one right value.
func expect[T comparable](f *fields, name string, want T) {
	if got := need[T](f, name); f.err == nil && got != want {
		f.err = fmt.Errorf("field %q is %v, not %v", name, got, want)
	}
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
