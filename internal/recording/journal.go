package recording

import (
	"bytes"
	"fmt"
)

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
	// Read returns what was appended to a segment, batch by batch, how many bytes follow that were written but never
	// acknowledged, and whether acknowledged data follows even those, which only a broken disk explains.
	// The batches lie in room, which grows as needed.
	Read(n int, room *[]byte) (batches [][]byte, torn int, damaged bool, err error)
	// Release forgets a segment.
	Release(n int) error
	// Leave closes the journal and keeps what it holds for Resume.
	Leave()
	// Remove closes the journal and forgets it.
	Remove() error
}

// batchFrom is how many bytes of lines are compressed for the journal. Fewer would compress badly alone: they wait, as
// lines, for their segment.
const batchFrom = 16 << 10

// appendBatch makes the batch of whole lines: the lines themselves, or zstd frames.
func appendBatch(dst, lines []byte) []byte {
	if len(lines) < batchFrom {
		return append(dst, lines...)
	}
	return appendFrames(dst, lines)
}

func isLines(batch []byte) bool { return len(batch) > 0 && batch[0] == '{' }

// appendFrames compresses whole lines into frames.
func appendFrames(dst, lines []byte) []byte {
	for len(lines) > 0 {
		n := len(lines)
		if n > frameBytes {
			if n = bytes.LastIndexByte(lines[:frameBytes], '\n') + 1; n == 0 {
				n = bytes.IndexByte(lines, '\n') + 1
			}
		}
		dst = encoder.EncodeAll(lines[:n], dst)
		lines = lines[n:]
	}
	return dst
}

// linesOf decodes the records of batches.
func linesOf(batches [][]byte) ([]byte, error) {
	var lines []byte
	for _, b := range batches {
		if _, b = cutCursors(b); isLines(b) {
			lines = append(lines, b...)
			continue
		}
		var err error
		if lines, err = decoder.DecodeAll(b, lines); err != nil {
			return nil, fmt.Errorf("decompressing what the spool holds: %w", err)
		}
	}
	return lines, nil
}
