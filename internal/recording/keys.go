package recording

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Object keys. Every name that others rely on is in this file.
const (
	root          = "sessions/"
	openName      = "open.json"
	closeName     = "close.json"
	segmentPrefix = "segment-"
	segmentSuffix = ".ndjson.zst"
)

// maxSegments is what eight digits count: keys must sort as their numbers do.
const maxSegments = 99_999_999

// Prefix returns the key prefix of a session, "sessions/2026/11/23/<id>/". The
// date is the UTC day of the id's own time, so that the id alone finds it. The
// id must be a UUID of version 7 in lower-case canonical form.
func Prefix(id string) (string, error) {
	t, err := idTime(id)
	if err != nil {
		return "", err
	}
	return dayPrefix(t) + id + "/", nil
}

// OpenKey, CloseKey and SegmentKey return the keys of a session's objects below
// its prefix. Segments count from 1.
func OpenKey(prefix string) string  { return prefix + openName }
func CloseKey(prefix string) string { return prefix + closeName }
func SegmentKey(prefix string, n int) string {
	return fmt.Sprintf("%s%s%08d%s", prefix, segmentPrefix, n, segmentSuffix)
}

// segmentNumber is the inverse of SegmentKey for the part after the prefix.
func segmentNumber(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, segmentPrefix)
	if !ok {
		return 0, false
	}
	digits, ok = strings.CutSuffix(digits, segmentSuffix)
	if !ok || len(digits) != 8 {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0
}

func dayPrefix(t time.Time) string {
	return root + t.UTC().Format("2006/01/02") + "/"
}

// earliestID sorts before every session id that was made at t or later, and after every other.
func earliestID(t time.Time) string {
	ms := max(t.UnixMilli(), 0)
	return fmt.Sprintf("%08x-%04x-", ms>>16, ms&0xffff)
}

// idTime returns the millisecond at which a session id was made.
func idTime(id string) (time.Time, error) {
	u, err := uuid.Parse(id)
	if err != nil || u.Version() != 7 || u.Variant() != uuid.RFC4122 || u.String() != id {
		return time.Time{}, fmt.Errorf("session id %q is not a lower-case UUID of version 7", id)
	}
	var ms int64
	for _, b := range u[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms).UTC(), nil
}
