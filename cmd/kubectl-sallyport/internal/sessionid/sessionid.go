// Package sessionid finds sessions by the beginning of their identifier.
//
// Identifiers are UUIDs of version 7: the first 48 bits are the milliseconds since 1970 at which they were made. A
// beginning therefore names a span of time, and only recordings of that span have to be looked at.
package sessionid

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	// MinLength is how many hexadecimal digits a beginning must have: four name a span of 50 days.
	MinLength = 4

	length     = 32 // hexadecimal digits of a UUID
	timeLength = 12 // those that are a time
)

// Prefix is the beginning of an identifier, or all of it.
type Prefix struct {
	digits string // lower-case, without hyphens
}

// Parse reads a beginning, with or without hyphens, in either case.
func Parse(s string) (Prefix, error) {
	digits := strings.ToLower(strings.ReplaceAll(s, "-", ""))
	switch {
	case strings.Trim(digits, "0123456789abcdef") != "":
		return Prefix{}, fmt.Errorf("%q is not a session ID: it has characters other than 0-9 and a-f", s)
	case len(digits) < MinLength:
		return Prefix{}, fmt.Errorf("%q is too short: give at least %d digits of the session ID", s, MinLength)
	case len(digits) > length:
		return Prefix{}, errors.New("too long for a session ID")
	}
	return Prefix{digits: digits}, nil
}

// Whole returns the identifier in canonical form if the prefix is all of it.
func (p Prefix) Whole() (string, bool) {
	if len(p.digits) != length {
		return "", false
	}
	d := p.digits
	return strings.Join([]string{d[:8], d[8:12], d[12:16], d[16:20], d[20:]}, "-"), true
}

// Matches reports whether an identifier in canonical form begins with the prefix.
func (p Prefix) Matches(id string) bool {
	return strings.HasPrefix(strings.ReplaceAll(id, "-", ""), p.digits)
}

// Span returns the times between which a matching identifier was made: from inclusive, to exclusive.
func (p Prefix) Span() (from, to time.Time) {
	digits := p.digits[:min(len(p.digits), timeLength)]
	missing := timeLength - len(digits)
	// Parse has checked the digits: 48 bits always fit.
	first, err := strconv.ParseInt(digits+strings.Repeat("0", missing), 16, 64)
	if err != nil {
		return time.Time{}, time.Time{}
	}
	return time.UnixMilli(first).UTC(), time.UnixMilli(first + 1<<(4*missing)).UTC()
}
