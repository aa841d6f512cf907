package recording

// Journal is the write-ahead log of one recording. A byte that Append took survives the death of the process; package
// spool has the implementation.
//
//nolint:interfacebloat // the life of a file: appended to, rotated, read, released, removed
type Journal interface {
	// Append returns once data is durable. After an error nothing is appended any more.
	Append(data []byte) error
	// Rotate ends the segment being filled and returns its number, from 1; 0 if it is empty.
	Rotate() (int, error)
	// Segments are the numbers of those that were not released, in order.
	Segments() ([]int, error)
	// Read returns what was appended to a segment, how many bytes follow that were written but never acknowledged, and
	// whether acknowledged data follows even those, which only a broken disk explains.
	Read(n int) (data []byte, torn int, damaged bool, err error)
	// Release forgets a segment.
	Release(n int) error
	// Leave closes the journal and keeps what it holds for Resume.
	Leave()
	// Remove closes the journal and forgets it.
	Remove() error
}
