package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
)

const (
	magic       = "SPB1"
	headerBytes = 12
	// MaxBatchBytes bounds one batch.
	MaxBatchBytes = 16 << 20
)

var (
	errLeftover = errors.New("nothing can be appended to a leftover")
	errGone     = errors.New("the journal is closed")
)

// checksum is the CRC-32C of length and data.
func checksum(length, data []byte) uint32 {
	castagnoli := crc32.MakeTable(crc32.Castagnoli) // made once, by the library
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, data)
}

// Journal is one session's part of the spool. It is safe for concurrent use.
type Journal struct {
	spool   *Spool
	session string
	dir     string

	mu     sync.Mutex
	file   *os.File      // of the segment being filled; nil before its first batch
	next   int           // its number
	good   map[int]int64 // how much of the segments of this process was acknowledged, by number
	failed error         // why nothing can be appended any more
}

// Append writes one batch of 1 to MaxBatchBytes bytes, and returns once it is on the disk.
func (j *Journal) Append(data []byte) error {
	if len(data) == 0 || len(data) > MaxBatchBytes {
		return fmt.Errorf("a batch of %d bytes", len(data))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed != nil {
		return j.failed
	}
	size := int64(headerBytes + len(data))
	if err := j.spool.reserve(size); err != nil {
		return err
	}
	if err := j.write(data); err != nil {
		j.failed = fmt.Errorf("writing to the spool: %w", err)
		_ = j.spool.reserve(j.torn(size) - size) // never fails: it gives back
		return j.failed
	}
	j.good[j.next] += size
	return nil
}

// torn is how much of a batch of that size is in the file, although it was not acknowledged: all, if nobody can tell.
func (j *Journal) torn(size int64) int64 {
	if j.file == nil {
		return 0
	}
	info, err := j.file.Stat()
	if err != nil {
		return size
	}
	return info.Size() - j.good[j.next]
}

func (j *Journal) write(data []byte) error {
	if j.file == nil {
		file, err := os.OpenFile(j.path(j.next), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		j.file = file
		if err := syncDir(j.dir); err != nil {
			return err
		}
	}
	header := append([]byte(nil), magic...)
	header = binary.BigEndian.AppendUint32(header, uint32(len(data))) //nolint:gosec // bounded by MaxBatchBytes
	header = binary.BigEndian.AppendUint32(header, checksum(header[4:], data))
	if _, err := j.file.Write(header); err != nil {
		return err
	}
	if _, err := j.file.Write(data); err != nil {
		return err
	}
	return syncData(j.file)
}

// Rotate ends the segment being filled and returns its number; 0 if it is empty.
func (j *Journal) Rotate() (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return 0, nil
	}
	err := j.file.Close()
	j.file = nil
	j.next++
	if err != nil && j.failed == nil {
		j.failed = fmt.Errorf("writing to the spool: %w", err)
	}
	return j.next - 1, err
}

// Segments are the numbers of those that are there, in order.
func (j *Journal) Segments() ([]int, error) {
	entries, err := os.ReadDir(j.dir)
	if err != nil {
		return nil, fmt.Errorf("reading the spool: %w", err)
	}
	var numbers []int
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil || n <= 0 || fmt.Sprintf("%08d", n) != e.Name() {
			return nil, fmt.Errorf("%s does not belong into the spool: move it away", filepath.Join(j.dir, e.Name()))
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return numbers, nil
}

// Read returns all whole batches of a segment, and how many bytes follow them that are none: these were written, but
// never acknowledged. Damaged is true if whole batches follow even those. Of a segment that this process wrote only what
// was acknowledged is read. The batches lie in room, which grows as needed.
func (j *Journal) Read(n int, room *[]byte) (batches [][]byte, torn int, damaged bool, err error) {
	raw, err := readFile(j.path(n), *room)
	if err != nil {
		return nil, 0, false, fmt.Errorf("reading the spool: %w", err)
	}
	*room = raw
	j.mu.Lock()
	good, ours := j.good[n]
	j.mu.Unlock()
	if ours && int64(len(raw)) > good {
		raw = raw[:good]
	}
	batches, rest := split(raw)
	if ours && int64(len(raw)) < good {
		return nil, 0, false, fmt.Errorf("reading the spool: %s was cut from %d bytes to %d", j.path(n), good, len(raw))
	}
	return batches, len(rest), hasBatch(rest), nil
}

// readFile is os.ReadFile into room.
func readFile(path string, room []byte) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written to it
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	raw := slices.Grow(room[:0], int(info.Size()))[:info.Size()]
	n, err := io.ReadFull(file, raw)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // Read judges what is missing
	}
	return raw[:n], err
}

// split returns the data of all whole batches, and what follows them.
func split(raw []byte) (batches [][]byte, rest []byte) {
	for rest = raw; ; {
		batch, ok := wholeBatch(rest)
		if !ok {
			return batches, rest
		}
		rest = rest[headerBytes+len(batch):]
		batches = append(batches, batch)
	}
}

func wholeBatch(raw []byte) ([]byte, bool) {
	if len(raw) < headerBytes || string(raw[:4]) != magic {
		return nil, false
	}
	n := binary.BigEndian.Uint32(raw[4:])
	if n == 0 || n > MaxBatchBytes || int(n) > len(raw)-headerBytes {
		return nil, false
	}
	data := raw[headerBytes : headerBytes+int(n)]
	return data, checksum(raw[4:8], data) == binary.BigEndian.Uint32(raw[8:])
}

func hasBatch(rest []byte) bool {
	for i := 1; i+headerBytes <= len(rest); i++ {
		if _, ok := wholeBatch(rest[i:]); ok {
			return true
		}
	}
	return false
}

// Release removes a segment that the object store has.
func (j *Journal) Release(n int) error {
	info, err := os.Stat(j.path(n))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = os.Remove(j.path(n))
	}
	if err != nil {
		return fmt.Errorf("removing from the spool: %w", err)
	}
	j.mu.Lock()
	delete(j.good, n)
	j.mu.Unlock()
	return j.spool.reserve(-info.Size())
}

// Leave closes the journal and keeps what it holds, as a leftover.
func (j *Journal) Leave() {
	j.close()
	j.spool.leave(j.session)
}

// Remove closes the journal and removes all of it. What cannot be removed stays, as a leftover.
func (j *Journal) Remove() error {
	j.close()
	defer j.spool.leave(j.session)
	segments, err := j.Segments()
	for _, n := range segments {
		err = errors.Join(err, j.Release(n))
	}
	if err != nil {
		return err
	}
	if err := os.Remove(j.dir); err != nil {
		return fmt.Errorf("removing from the spool: %w", err)
	}
	return nil
}

func (j *Journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file != nil {
		_ = j.file.Close() // every batch that was acknowledged is synced
		j.file = nil
	}
	if j.failed == nil {
		j.failed = errGone
	}
}

// Dir is where its segments lie.
func (j *Journal) Dir() string { return j.dir }

func (j *Journal) path(n int) string { return filepath.Join(j.dir, fmt.Sprintf("%08d", n)) }
