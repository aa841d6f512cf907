package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// keptLines is how many lines a secret may span and still be told by its first one.
const keptLines = 1 << 16

// places knows where the lines of a text begin, of its last ones at least.
type places struct {
	size   int64   // of the text
	before int64   // lines that are forgotten
	starts []int64 // of the lines after them, but for the first line of the text
}

func (p *places) add(text []byte) {
	for at := 0; ; {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			break
		}
		at += i + 1
		p.starts = append(p.starts, p.size+int64(at))
	}
	p.size += int64(len(text))
	if extra := len(p.starts) - 2*keptLines; extra > 0 {
		p.before += int64(extra + keptLines)
		p.starts = slices.Delete(p.starts, 0, extra+keptLines)
	}
}

// of is the line and the column of an offset, both from 1; zeros if that is forgotten.
func (p *places) of(offset int64) (line, column int64) {
	i, begins := slices.BinarySearch(p.starts, offset)
	if begins {
		i++
	}
	switch {
	case i > 0:
		return p.before + int64(i) + 1, offset - p.starts[i-1] + 1
	case p.before > 0:
		return 0, 0
	default:
		return 1, offset + 1
	}
}

// sum says how often each rule hit.
func (m *masking) sum() {
	if m.found == 0 {
		m.say("No secrets found")
		return
	}
	parts := make([]string, 0, len(m.counts))
	for _, rule := range slices.Sorted(maps.Keys(m.counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", rule, m.counts[rule]))
	}
	m.say("Secrets found: %d (%s)", m.found, strings.Join(parts, ", "))
}

// detector is one detector, for machines.
type detector struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Enabled bool   `json:"enabled"`
	Finds   string `json:"finds"`
}

// shownFinds is how much a table shows of what a detector finds.
const shownFinds = 60

func (o *maskOptions) printDetectors(config mask.Config) error {
	var all []detector
	for _, d := range mask.Detectors() {
		all = append(all, detector{d.Name, d.Version, !slices.Contains(config.Off, d.Name), d.Finds})
	}
	switch o.output.format {
	case "json":
		encoder := json.NewEncoder(o.machine())
		encoder.SetIndent("", "    ")
		return encoder.Encode(all)
	case "yaml":
		text, err := yaml.Marshal(all)
		if err == nil {
			_, err = o.machine().Write(text)
		}
		return err
	}
	t := table{columns: []column{{name: "Name"}, {name: "Version"}, {name: "State"}, {name: "Finds what begins with"}}}
	for _, d := range all {
		state, finds := "on", []rune(d.Finds)
		if !d.Enabled {
			state = "off"
		}
		if o.output.format != "wide" && len(finds) > shownFinds {
			finds = append(finds[:shownFinds-1], '…')
		}
		t.rows = append(t.rows, []string{d.Name, strconv.Itoa(d.Version), state, string(finds)})
	}
	return o.printTable(&o.output, t)
}
