package app

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/safeterm"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/transcript"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// logTime is UTC to the microsecond, always of the same width.
const logTime = "2006-01-02T15:04:05.000000Z"

// printLog prints each line of the session.
func (o *showOptions) printLog(ctx context.Context, r *recording.Recording) error {
	w := bufio.NewWriter(o.Streams.Out)
	for e, err := range transcript.Entries(&r.Open, r.Records(ctx)) {
		if err != nil {
			return judge(err)
		}
		_, err = fmt.Fprintf(w, "%s  %s  %-6s  %s\n", e.Time.UTC().Format(logTime), safeterm.Line(e.By), safeterm.Line(e.Source()),
			safeterm.Line(string(e.Text)))
		if err != nil {
			return err
		}
	}
	return w.Flush()
}

// jsonRecord is one record as --json prints it.
type jsonRecord struct {
	N          uint64           `json:"n"`
	Time       time.Time        `json:"time"`
	Offset     float64          `json:"offset"` // seconds since the session's start
	By         string           `json:"by"`
	Stream     recording.Stream `json:"stream"`
	Connection uint64           `json:"connection,omitempty"` // the number of the forwarded connection
	Text       *string          `json:"text,omitempty"`
	Base64     []byte           `json:"base64,omitempty"`  // where the bytes are no text
	Masked     []string         `json:"masked,omitempty"`  // rules that masked something in it
	Secrets    []jsonSecret     `json:"secrets,omitempty"` // what they masked
}

// jsonSecret is one masked secret.
type jsonSecret struct {
	Rule        string `json:"rule"`
	At          int64  `json:"at"` // in the stream
	Length      int64  `json:"length"`
	Fingerprint string `json:"fingerprint,omitempty"`
}

// printRecords prints the records, one JSON object a line.
func (o *showOptions) printRecords(ctx context.Context, r *recording.Recording) error {
	w := bufio.NewWriter(o.machine())
	enc := json.NewEncoder(w)
	for rec, err := range r.Records(ctx) {
		if err != nil {
			return judge(err)
		}
		if err := enc.Encode(recordJSON(rec)); err != nil {
			return fmt.Errorf("printing record %d: %w", rec.N, err)
		}
	}
	return w.Flush()
}

func recordJSON(rec recording.Record) jsonRecord {
	j := jsonRecord{N: rec.N, Time: rec.Time.UTC(), Offset: rec.Offset.Seconds(), By: rec.By, Stream: rec.Stream, Connection: rec.Connection}
	if utf8.Valid(rec.Data) {
		j.Text = new(string(rec.Data))
	} else {
		j.Base64 = rec.Data
	}
	for _, h := range rec.Hits {
		if !slices.Contains(j.Masked, h.Rule) {
			j.Masked = append(j.Masked, h.Rule)
		}
		j.Secrets = append(j.Secrets, jsonSecret{h.Rule, h.Offset, h.Length, h.Fingerprint.String()})
	}
	return j
}
