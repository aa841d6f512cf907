package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Fingerprint is the first 64 bits of an HMAC-SHA-256.
type Fingerprint [8]byte

// String is lower-case hex; empty for none.
func (f Fingerprint) String() string {
	if f == (Fingerprint{}) {
		return ""
	}
	return hex.EncodeToString(f[:])
}

// maxSeen bounds what of a secret is kept for its fingerprint. Of a longer one the rest counts by its length.
const maxSeen = 512

// secret is what a machine has seen of one, for its fingerprint.
type secret struct {
	bytes []byte
	total int // bytes seen
	kept  int // of them, bytes that are masked
}

// empty keeps the memory.
func (c *secret) empty() secret { return secret{bytes: c.bytes[:0]} }

func (c *secret) add(s *Stream, b byte) {
	if s.rules.key == nil {
		return
	}
	if c.total++; len(c.bytes) < maxSeen {
		c.bytes = append(c.bytes, b)
	}
}

// drop takes the last byte back.
func (c *secret) drop() {
	if c.total > 0 {
		c.total--
		c.bytes = c.bytes[:min(len(c.bytes), c.total)]
	}
}

// keep makes all that was seen part of the secret.
func (c *secret) keep() { c.kept = c.total }

func (c *secret) fingerprint(s *Stream) (f Fingerprint) {
	if s.rules.key == nil {
		return f
	}
	if s.hmac == nil {
		s.hmac = hmac.New(sha256.New, s.rules.key)
	}
	s.hmac.Reset()
	_, _ = s.hmac.Write(c.bytes[:min(len(c.bytes), c.kept)]) // never fails
	if c.kept > maxSeen {
		s.sum = binary.BigEndian.AppendUint64(s.sum[:0], uint64(c.kept))
		_, _ = s.hmac.Write(s.sum)
	}
	s.sum = s.hmac.Sum(s.sum[:0])
	copy(f[:], s.sum)
	return f
}

// fingerprintOf is that of a whole secret.
func fingerprintOf(key, text []byte) (f Fingerprint) {
	if key == nil {
		return f
	}
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write(text)
	copy(f[:], mac.Sum(nil))
	return f
}
