package app

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// maskedSecret is one secret that was masked, or, where there are no fingerprints, all of one rule.
type maskedSecret struct {
	rule  string
	print mask.Fingerprint
}

// maskedTimes is how often it was, and where.
type maskedTimes struct {
	times   int
	streams []string
}

// printMasked prints a table of what was masked: equal fingerprints are equal secrets.
func (o *showOptions) printMasked(ctx context.Context, r *recording.Recording) error {
	found := map[maskedSecret]maskedTimes{}
	for rec, err := range r.Records(ctx) {
		if err != nil {
			return judge(err)
		}
		for _, h := range rec.Hits {
			secret := maskedSecret{h.Rule, h.Fingerprint}
			at := found[secret]
			at.times++
			if !slices.Contains(at.streams, string(rec.Stream)) {
				at.streams = append(at.streams, string(rec.Stream))
			}
			found[secret] = at
		}
	}
	if len(found) == 0 {
		o.say("Nothing was masked.")
		return nil
	}
	t := table{columns: []column{{name: "Rule"}, {name: "Fingerprint"}, {name: "Times"}, {name: "Streams"}}}
	for _, secret := range slices.SortedFunc(maps.Keys(found), func(a, b maskedSecret) int {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(found[b].times, found[a].times), slices.Compare(a.print[:], b.print[:]))
	}) {
		at := found[secret]
		t.rows = append(t.rows, []string{secret.rule, secret.print.String(), strconv.Itoa(at.times), strings.Join(at.streams, ",")})
	}
	return o.printTable(&outputFlags{}, t)
}
