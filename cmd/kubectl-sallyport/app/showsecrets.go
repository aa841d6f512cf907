package app

import (
	"context"
	"encoding/json"

	"github.com/sallyport-dev/sallyport/internal/recording"
)

// printSecrets says which Secrets of the pod were known when the session began.
func (o *showOptions) printSecrets(known *recording.SecretValues) {
	if known == nil {
		return
	}
	o.row("Secrets", known.Mode)
	for _, s := range known.Secrets {
		o.row("Secret", s.Words())
	}
	if known.Environment != nil {
		o.row("Secret", recording.SecretChange{Environment: known.Environment}.Words())
	}
}

// printChanges says what became of them during the session.
func (o *showOptions) printChanges(ctx context.Context, r *recording.Recording) error {
	if r.Manifest != nil && r.Manifest.Totals[recording.SecretValue].Records == 0 && len(r.Segments) == len(r.Manifest.Segments) {
		return nil
	}
	for rec, err := range r.Records(ctx) {
		if err != nil {
			return judge(err)
		}
		if rec.Stream != recording.SecretValue {
			continue
		}
		var change recording.SecretChange
		if err := json.Unmarshal(rec.Data, &change); err != nil {
			o.row("Changed", utc(rec.Time)+" (it does not parse)")
			continue
		}
		o.row("Changed", utc(rec.Time)+" "+change.Words())
	}
	return nil
}
