package mask

// Hit is one masked secret: its rule, and where it lies in the stream. Spans of
// different rules may overlap.
type Hit struct {
	Rule   string
	Offset int64 // of the first masked byte, from the stream's start
	Length int64 // up to and including the last masked byte
	// Fingerprint is equal for equal secrets under one key, and zero without a key.
	Fingerprint Fingerprint
}

func (s *Stream) report(h Hit) {
	if s.reading.tells(h) {
		s.hits = append(s.hits, h)
	}
}
