package recording

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// maxRecordBytes bounds the stream data in one record, so that a reader can
// bound a line.
const maxRecordBytes = 64 << 10

// timeLayout is RFC 3339 in UTC with all nine digits: lines sort as their times.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

// line is a record about to be written.
type line struct {
	n      uint64
	time   time.Time
	offset time.Duration
	by     []byte // the subject's username as a JSON string, quotes included
	stream Stream
	// connection is that of a port-forward session which the record is of; 0 for none.
	connection uint64
	data       []byte // at most maxRecordBytes
	hits       []mask.Hit
}

// appendLine appends the record as one line of JSON. It does not allocate when
// dst has room.
func appendLine(dst []byte, l *line) []byte {
	dst = append(dst, `{"n":`...)
	dst = strconv.AppendUint(dst, l.n, 10)
	dst = append(dst, `,"t":"`...)
	dst = l.time.UTC().AppendFormat(dst, timeLayout)
	dst = append(dst, `","o":`...)
	dst = strconv.AppendInt(dst, int64(l.offset), 10)
	dst = append(dst, `,"s":`...)
	dst = append(dst, l.by...)
	dst = append(dst, `,"c":"`...)
	dst = append(dst, l.stream...)
	dst = append(dst, '"')
	if l.connection > 0 {
		dst = append(dst, `,"k":`...)
		dst = strconv.AppendUint(dst, l.connection, 10)
	}
	dst = appendData(dst, l.data)
	dst = appendHits(dst, l.hits)
	return append(dst, '}', '\n')
}

// appendData appends the fields that hold data: "b" (base64), then "d" (text),
// then "e" (base64), whose bytes in this order are the data. Chunks are cut
// anywhere, so "b" and "e" hold the halves of a character cut at either end.
// Data that is not UTF-8, or would more than triple as text, is all "b".
func appendData(dst, data []byte) []byte {
	head, text, tail := cut(data)
	mark := len(dst)
	dst = appendBase64(dst, `,"b":"`, head)
	if len(text) > 0 {
		dst = append(dst, `,"d":"`...)
		var ok bool
		if dst, ok = appendText(dst, text); !ok {
			return appendBase64(dst[:mark], `,"b":"`, data)
		}
		dst = append(dst, '"')
	}
	return appendBase64(dst, `,"e":"`, tail)
}

func appendBase64(dst []byte, field string, data []byte) []byte {
	if len(data) == 0 {
		return dst
	}
	dst = append(dst, field...)
	dst = base64.StdEncoding.AppendEncode(dst, data)
	return append(dst, '"')
}

// cut splits data into the end of a character, valid UTF-8, and the start of a
// character. If that cannot be had, everything is in head.
func cut(data []byte) (head, text, tail []byte) {
	i := 0
	for i < len(data) && i < utf8.UTFMax-1 && !utf8.RuneStart(data[i]) {
		i++
	}
	j := len(data)
	for k := 1; k < utf8.UTFMax && k <= j-i; k++ {
		if utf8.RuneStart(data[j-k]) {
			if !utf8.FullRune(data[j-k:]) {
				j -= k
			}
			break
		}
	}
	if i == j || !utf8.Valid(data[i:j]) {
		return data, nil, nil
	}
	return data[:i], data[i:j], data[j:]
}

const hexDigits = "0123456789abcdef"

// appendText appends valid UTF-8 as the inside of a JSON string. It reports
// false, with dst spoilt, once escapes have more than tripled what they stand
// for, give or take a few: control characters as text are six bytes each.
func appendText(dst, text []byte) ([]byte, bool) {
	start := len(dst)
	for i := 0; ; i++ {
		n := plain(text[i:])
		dst = append(dst, text[i:i+n]...)
		if i += n; i == len(text) {
			return dst, true
		}
		dst = appendEscaped(dst, text[i])
		if len(dst)-start > 3*i+64 {
			return dst, false
		}
	}
}

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	default:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
	}
}

// plain returns the length of the longest prefix of text without a byte that
// JSON wants escaped: below 0x20, quote, backslash. It looks at eight bytes at a
// time; in each lane the high bit of hot is set exactly for the lowest such byte,
// and possibly for bytes above it, which does not matter.
func plain(text []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; len(text)-n >= 8; n += 8 {
		w := binary.LittleEndian.Uint64(text[n:])
		quote := w ^ ones*'"'
		slash := w ^ ones*'\\'
		hot := ((w - ones*0x20) & ^w) | ((quote - ones) & ^quote) | ((slash - ones) & ^slash)
		if hot &= highs; hot != 0 {
			return n + bits.TrailingZeros64(hot)/8
		}
	}
	for ; n < len(text); n++ {
		if c := text[n]; c < 0x20 || c == '"' || c == '\\' {
			break
		}
	}
	return n
}

// appendHits appends "m", the masked secrets whose masking ended in this record.
func appendHits(dst []byte, hits []mask.Hit) []byte {
	for i, h := range hits {
		if i == 0 {
			dst = append(dst, `,"m":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"r":"`...)
		dst, _ = appendText(dst, []byte(h.Rule))
		dst = append(dst, `","at":`...)
		dst = strconv.AppendInt(dst, h.Offset, 10)
		dst = append(dst, `,"len":`...)
		dst = strconv.AppendInt(dst, h.Length, 10)
		if h.Fingerprint != (mask.Fingerprint{}) {
			dst = append(dst, `,"fp":"`...)
			dst = hex.AppendEncode(dst, h.Fingerprint[:])
			dst = append(dst, '"')
		}
		dst = append(dst, '}')
	}
	if len(hits) > 0 {
		dst = append(dst, ']')
	}
	return dst
}

// maxRecordHits bounds the secrets of one record, so that a reader can bound a line.
const maxRecordHits = 1024

func hitEnd(h mask.Hit) int64 { return h.Offset + h.Length }

// byEnd returns hits in the order of their ends, which is the order in which they come but where they overlap.
func byEnd(hits []mask.Hit) []mask.Hit {
	order := func(a, b mask.Hit) int { return cmp.Compare(hitEnd(a), hitEnd(b)) }
	if slices.IsSortedFunc(hits, order) {
		return hits
	}
	hits = slices.Clone(hits)
	slices.SortStableFunc(hits, order)
	return hits
}

// split returns how many bytes, of those that a stream has from an offset on, and how many of the hits, the next record takes:
// it has the hits that end in it.
func split(at int64, data int, hits []mask.Hit) (n, ending int) {
	n = min(data, maxRecordBytes)
	for ending < len(hits) && (n == data || hitEnd(hits[ending]) <= at+int64(n)) {
		if ending == maxRecordHits {
			return min(n, int(max(0, hitEnd(hits[ending-1])-at))), ending
		}
		ending++
	}
	return n, ending
}
