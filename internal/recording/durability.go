package recording

import "fmt"

// Durability says where the record of a byte is before the byte passes: what Commit waits for.
type Durability string

const (
	// Spooled: the journal has it on disk. The zero value means this too: nothing weaker exists.
	Spooled Durability = "Spool"
	// Stored: the object store has acknowledged it.
	Stored Durability = "Store"
)

// stricter returns the stricter of two, which is never the zero value.
func stricter(a, b Durability) (Durability, error) {
	strictest := Spooled
	for _, d := range []Durability{a, b} {
		switch d {
		case "", Spooled:
		case Stored:
			strictest = Stored
		default:
			return "", fmt.Errorf("unknown durability %q", d)
		}
	}
	return strictest, nil
}

// Durability is what Commit waits for.
func (r *Recorder) Durability() Durability { return r.opts.Durability }
