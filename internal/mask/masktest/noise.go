package masktest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// word is what a page says besides its secrets. Words that rules must know from secrets are among them.
func word(rng *rand.Rand) string {
	return pick(rng, strings.Fields(`request completed cache miss upstream reconciled deployment replicas token refreshed secret mounted password
	rotated connection reset retrying größer session authorization header credential provider leader elected GET index rebuilt user
	logged out api key missing basic bearer private public volume attached skipped ok`)...)
}

// noise is what fills the places of a kind.
var noise = map[string]func(*rand.Rand) string{
	"word":  word,
	"words": sentence,
	"n":     func(rng *rand.Rand) string { return letters(rng, digits, 1+rng.IntN(6)) },
	"hex16": func(rng *rand.Rand) string { return letters(rng, digits+"abcdef", 16) },
	"hex40": func(rng *rand.Rand) string { return letters(rng, digits+"abcdef", 40) },
	"name": func(rng *rand.Rand) string {
		return pick(rng, "api", "web", "worker", "billing") + "-" + letters(rng, digits+"abcdef", 9) + "-" + letters(rng, small, 5)
	},
	"time": func(rng *rand.Rand) string {
		return fmt.Sprintf("2026-11-%02dT%02d:%02d:%02d.%03dZ", 1+rng.IntN(28), rng.IntN(24), rng.IntN(60), rng.IntN(60), rng.IntN(1000))
	},
	"ip": func(rng *rand.Rand) string {
		return fmt.Sprintf("10.%d.%d.%d", rng.IntN(256), rng.IntN(256), 1+rng.IntN(254))
	},
	"path": func(rng *rand.Rand) string {
		return "/" + pick(rng, "api", "v1", "static") + "/" + pick(rng, "items", "users", "orders") + "/" + letters(rng, digits, 5)
	},
}

func sentence(rng *rand.Rand) string {
	some := make([]string, 4+rng.IntN(7))
	for i := range some {
		some[i] = word(rng)
	}
	return strings.Join(some, " ")
}
