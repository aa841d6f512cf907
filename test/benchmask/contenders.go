package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/sallyport-dev/sallyport/internal/mask"
	re2 "github.com/wasilibs/go-re2"
	"github.com/zricethezav/gitleaks/v8/detect"
)

// contender masks, or only finds, in writes of a length.
type contender struct {
	name  string
	chunk int
	slow  bool
	start func() func(part []byte)
}

// engine is Sallyport's masker with all its rules and the values.
func engine(values []string) *mask.Rules {
	var all []mask.Value
	for i, v := range values {
		all = append(all, mask.Value{Rule: fmt.Sprint("value", i), Text: []byte(v)})
	}
	compiled, _ := mask.NewValues(all)
	return mask.Default().With(compiled)
}

// alternation is as much of the default rules as one expression can say: no values behind names, no check digits.
const alternation = `(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9_.-]{20,}|github_pat_[A-Za-z0-9_]{20,}|gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-[A-Za-z0-9_.-]{16,}|` +
	`xox[bparse][-.][A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[A-Za-z0-9/]{8,}|[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9]{10,}|` +
	`AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{16,}|ya29\.[A-Za-z0-9_-]{16,}|npm_[A-Za-z0-9]{20,}|pypi-AgE[A-Za-z0-9_-]{16,}|sk-[A-Za-z0-9_-]{20,}|SG\.[A-Za-z0-9_.-]{16,}|` +
	`hv[sbr]\.[A-Za-z0-9_-]{16,}|do[por]_v1_[a-f0-9]{16,}|hf_[A-Za-z0-9]{20,}|(?i:bearer )[A-Za-z0-9._~+/=-]{16,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{12,}[A-Za-z0-9_.-]*|` +
	`://[^\s/:@"'<>]{0,127}:[^\s/@"'<>]{1,255}@|-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----|` +
	`(?i:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|private_?key|account_?key|credentials?|authorization)["'\\\] \t]{0,8}[=:][=:>]?[ \t]{0,16}["'\\]*[^\s"'&]{6,}`

func contenders(values []string) ([]contender, error) {
	rules := engine(values)
	own := func() func([]byte) {
		s := rules.NewStream()
		return func(p []byte) { s.Write(p) }
	}
	detector, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		return nil, err
	}
	fast, plain := re2.MustCompile(alternation), regexp.MustCompile(alternation)
	return []contender{
		{"memcpy, 32 KiB", 32 << 10, false, func() func([]byte) {
			to := make([]byte, 32<<10)
			return func(p []byte) { copy(to, p) }
		}},
		{"**Sallyport**, all rules and 500 values, 1", 1, false, own},
		{"**Sallyport**, 64", 64, false, own},
		{"**Sallyport**, 32 KiB", 32 << 10, false, own},
		{"**Sallyport**, 256 KiB", 256 << 10, false, own},
		{"go-re2, one expression, no values, 32 KiB", 32 << 10, false, func() func([]byte) {
			return func(p []byte) { fast.FindAllIndex(p, -1) }
		}},
		{"Go's regexp, the same, 32 KiB", 32 << 10, true, func() func([]byte) {
			return func(p []byte) { plain.FindAllIndex(p, -1) }
		}},
		{"gitleaks' detector, no values, 32 KiB", 32 << 10, true, func() func([]byte) {
			return func(p []byte) { detector.DetectBytes(p) }
		}},
		{"a writer for each of 500 values, as GitLab's runner, 32 KiB", 32 << 10, true, func() func([]byte) { return stacked(values) }},
		{"strings.Replacer of 500 values for each write, as Drone, 32 KiB", 32 << 10, true, func() func([]byte) { return replaced(values) }},
	}, nil
}

// stacked is a writer for each value, each of which hands on what it lets pass: it looks for the first byte of its own, and
// then compares one by one, without a failure function.
func stacked(values []string) func([]byte) {
	next := func([]byte) {}
	for _, v := range values {
		next = phrase([]byte(v), next)
	}
	return next
}

func phrase(value []byte, next func([]byte)) func([]byte) {
	matched := 0
	return func(p []byte) {
		from, i := 0, 0
		for i < len(p) {
			if matched == 0 {
				at := bytes.IndexByte(p[i:], value[0])
				if at < 0 {
					break
				}
				i += at
			}
			if p[i] == value[matched] {
				i++
				if matched++; matched == len(value) {
					next(p[from:max(from, i-matched)])
					next([]byte("[MASKED]"))
					from, matched = i, 0
				}
				continue
			}
			if matched > i-from { // what was held of the write before
				next(value[:matched-(i-from)])
			}
			if matched = 0; p[i] != value[0] {
				i++
			}
		}
		if last := len(p) - min(matched, len(p)-from); last > from {
			next(p[from:last])
		}
	}
}

// replaced knows nothing of the write before.
func replaced(values []string) func([]byte) {
	var pairs []string
	for _, v := range values {
		for line := range strings.Lines(v) {
			pairs = append(pairs, line, "******")
		}
	}
	r := strings.NewReplacer(pairs...)
	return func(p []byte) { _ = r.Replace(string(p)) }
}
