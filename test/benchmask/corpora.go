package main

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/sallyport-dev/sallyport/internal/mask/masktest"
)

const size = 4 << 20

type corpus struct {
	name string
	text []byte
}

// texts are what is masked, and the exact values that are looked for.
func texts() (corpora []corpus, values []string) {
	rng := rand.New(rand.NewPCG(1, 2))
	values = masktest.Values(rng, 500)
	random := make([]byte, size)
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	words := strings.Fields("request completed GET /api/v1/items status=200 user cache miss upstream größer token secret key https://svc:8080/x")
	of := func(line func() string) []byte {
		var b strings.Builder
		for b.Len() < size {
			b.WriteString(line())
		}
		return []byte(b.String()[:size])
	}
	log := func() string {
		return fmt.Sprintf("2026-11-23T12:%02d:%02d.%06dZ INFO %s %s %s %s %s id=%x\n", rng.IntN(60), rng.IntN(60), rng.IntN(1e6),
			words[rng.IntN(len(words))], words[rng.IntN(len(words))], words[rng.IntN(len(words))], words[rng.IntN(len(words))], words[rng.IntN(len(words))], rng.Uint64())
	}
	json := func() string {
		return fmt.Sprintf("{\"id\":%d,\"name\":%q,\"tags\":[%q,%q],\"ok\":true,\"at\":\"2026-11-23T12:00:%02dZ\"}\n", rng.IntN(1e9),
			words[rng.IntN(len(words))], words[rng.IntN(len(words))], words[rng.IntN(len(words))], rng.IntN(60))
	}
	rules := strings.Fields("password=abc eyJabcdefgh. token: null ://u:p sk-abc ghp_ab AKIAB xoxb-a secret=x -----BEGIN glpat-a Bearer npm_a 4111 1111")
	near := func() string { return rules[rng.IntN(len(rules))] + " " + letters(rng, rng.IntN(5)) }
	part := func() string { // 7 to 23 bytes of a value
		v := values[rng.IntN(len(values))]
		return v[:min(7+rng.IntN(17), len(v)-1)] + " "
	}
	both := func() string {
		if rng.IntN(2) == 0 {
			return near()
		}
		return part()
	}
	return []corpus{
		{"log text", of(log)}, {"JSON", of(json)}, {"base64", base64.StdEncoding.AppendEncode(nil, random[:size/4*3])}, {"random", random},
		{"near misses of rules", of(near)}, {"of values", of(part)}, {"of both", of(both)},
	}, values
}

func letters(rng *rand.Rand, n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte('a' + rng.IntN(26))
	}
	return string(out)
}
