package mask_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask/masktest"
)

// Each target takes bytes that become a text of few letters (masktest.Small) and, where it has to cut or to sow, a seed.

// seeds are what the examples of the rules come to, and some bytes.
func seeds(f *testing.F) {
	f.Helper()
	rng := rand.New(rand.NewPCG(17, 18))
	for i := range 40 {
		raw := make([]byte, 3+rng.IntN(40))
		for k := range raw {
			raw[k] = byte(rng.IntN(256))
		}
		f.Add(raw, uint8(i), uint64(i))
	}
}

// fuzzed runs a check on the text and the setting that the input stands for.
func fuzzed(f *testing.F, escapes []string, check func(t *testing.T, s setting, rng *rand.Rand, text []byte)) {
	f.Helper()
	seeds(f)
	all := settings()
	f.Fuzz(func(t *testing.T, raw []byte, which uint8, seed uint64) {
		s := all[int(which)%len(all)]
		check(t, s, rand.New(rand.NewPCG(seed, 1)), masktest.Small(raw, s.texts, escapes...))
	})
}

func sequences() []string {
	return slices.Concat(masktest.Paint, masktest.Moves, []string{"\x1b", "\x1b[", "\x1b]", "\x1bP", "\x1b\\", "\x07", "\x18", "\x1b[C"})
}

// FuzzOracle: P2 and P7.
func FuzzOracle(f *testing.F) {
	fuzzed(f, sequences(), func(t *testing.T, s setting, _ *rand.Rand, text []byte) {
		s.isAsOracleSays(t, text)
	})
}

// FuzzOracleRaw is FuzzOracle with any bytes.
func FuzzOracleRaw(f *testing.F) {
	for _, ex := range examples {
		for _, marked := range ex.yes {
			in, _ := expect(marked)
			f.Add([]byte(in))
		}
	}
	s := settings()[0]
	f.Fuzz(func(t *testing.T, text []byte) {
		s.isAsOracleSays(t, text)
	})
}

// FuzzTangle is FuzzOracle with texts of pieces of rules, half of them in a narrow terminal.
func FuzzTangle(f *testing.F) {
	all := settings()
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, seed, more uint64) {
		rng := rand.New(rand.NewPCG(seed, more))
		s := all[seed%uint64(len(all))]
		text := masktest.Tangle(rng, s.rules.Specs(), append(sequences(), s.texts...)...)
		if rng.IntN(2) == 0 {
			text = masktest.Wrap(rng, text, 2+rng.IntN(30))
		}
		s.isAsOracleSays(t, text)
		s.isCutAnywhere(t, text, masktest.Split(rng, text, 20))
	})
}

// FuzzCut: P1, P3, P4 and P10.
func FuzzCut(f *testing.F) {
	fuzzed(f, sequences(), func(t *testing.T, s setting, rng *rand.Rand, text []byte) {
		s.isCutAnywhere(t, text, masktest.Split(rng, text, 20))
	})
}

// FuzzPaint: P5.
func FuzzPaint(f *testing.F) {
	fuzzed(f, nil, func(t *testing.T, s setting, rng *rand.Rand, text []byte) {
		s.isSeenThroughPaint(t, text, masktest.Sow(rng, text, masktest.Paint, 5))
	})
}

// FuzzAgain: P6.
func FuzzAgain(f *testing.F) {
	fuzzed(f, sequences(), func(t *testing.T, s setting, _ *rand.Rand, text []byte) {
		s.isStable(t, text)
	})
}

// FuzzApart: P11.
func FuzzApart(f *testing.F) {
	fuzzed(f, sequences(), func(t *testing.T, s setting, rng *rand.Rand, text []byte) {
		s.isApart(t, text, masktest.Split(rng, text, 20))
	})
}

// FuzzChange: P12.
func FuzzChange(f *testing.F) {
	seeds(f)
	all := settings()
	f.Fuzz(func(t *testing.T, raw []byte, which uint8, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 1))
		a, b := all[int(which)%len(all)], all[rng.IntN(len(all))]
		text := masktest.Small(raw, slices.Concat(a.texts, b.texts), sequences()...)
		if rng.IntN(2) == 0 {
			text = masktest.Wrap(rng, text, 2+rng.IntN(30))
		}
		parts := append(masktest.Split(rng, text, 10+rng.IntN(300)), nil)
		a.changes(t, b, parts, rng.IntN(len(parts)))
	})
}

// FuzzDump: P1, P3, P4 and P10 of dumps, and of what looks like one.
func FuzzDump(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	all := settings()
	f.Fuzz(func(t *testing.T, seed, more uint64) {
		rng := rand.New(rand.NewPCG(seed, more))
		s := all[seed%uint64(len(all))]
		text := masktest.DumpTangle(rng, s.texts)
		s.isCutAnywhere(t, text, masktest.Split(rng, text, 20))
	})
}
