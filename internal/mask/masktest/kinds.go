package masktest

import (
	_ "embed" // of the kinds
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
)

// Each kind has a name, traits, a text with a secret and, behind "---", one without. What stands in angle quotes is filled in.
//
//go:embed kinds.txt
var kindsText string

// Output is a kind of it.
type Output struct {
	Name   string
	with   string
	around string
	traits []string
}

// Has reports whether a kind has a trait: "exact" (only exact values show in it), "escapes" (it has escape sequences), "inline" (no
// quote and no line end can be in a secret), "dump" (by the program that the kind is named after; the oracle reads none).
func (k Output) Has(trait string) bool { return slices.Contains(k.traits, trait) }

// Outputs are all kinds.
var Outputs = sync.OnceValue(func() []Output {
	var kinds []Output
	for _, part := range strings.Split("\n"+kindsText, "\n=== ")[1:] {
		head, text, _ := strings.Cut(part, "\n")
		name, traits, _ := strings.Cut(head, " | ")
		with, around, _ := strings.Cut(text, "\n---\n")
		kinds = append(kinds, Output{name, with + "\n", strings.TrimRight(around, "\n") + "\n", strings.Fields(traits)})
	}
	return kinds
})

// Print makes a page of one kind with secrets in it, some of them exact values. Without secrets it is what is around them.
func (k Output) Print(rng *rand.Rand, rules []Rule, values []string, secrets int) *Page {
	p := &Page{rng: rng}
	p.fill(k.around, nil)
	for range secrets {
		s := k.secret(rng, rules, values)
		p.fill(k.with, func() { k.show(p, s) })
		for range rng.IntN(3) {
			p.fill(k.around, nil)
		}
	}
	return p
}

// secret makes one that a kind can show.
func (k Output) secret(rng *rand.Rand, rules []Rule, values []string) Secret {
	for {
		var s Secret
		if k.Has("exact") || rng.IntN(2) == 0 && len(values) > 0 {
			s = Planted(pick(rng, values...))
		} else {
			s = Grow(rng, pick(rng, rules...), k.Has("inline"))
		}
		if !s.Lines || !k.Has("inline") {
			return s
		}
	}
}

// fill prints a text with its places filled in.
func (p *Page) fill(text string, secret func()) {
	for text != "" {
		before, rest, _ := strings.Cut(text, "«")
		place, after, _ := strings.Cut(rest, "»")
		p.printf("%s", before)
		text = after
		switch place {
		case "":
		case "secret":
			secret()
		case "e":
			p.printf("\x1b")
		case "cr":
			p.printf("\r")
		default:
			p.printf("%s", noise[place](p.rng))
		}
	}
}

// show puts a secret into a page as a kind shows it.
func (k Output) show(p *Page, s Secret) {
	for _, trait := range k.traits {
		switch write, encode := notations[trait], encodings[trait]; {
		case write != nil:
			part := &Page{rng: p.rng}
			if trait == "percent" && !s.Exact {
				write = plain // as it is written by who does not know better
			}
			part.plant(s, write)
			if k.Has("painted") {
				part.sow(Paint, 6)
			}
			if k.Has("wrapped") {
				part.sow([]string{"\x1b[12;1H", "\r\n", "\r\n\x1b[K", "\x1b[13;1H\x1b[33m"}, 40)
			}
			if k.Has("margins") {
				part.wrap(20)
			}
			p.add(part)
		case encode != nil || trait == "dump":
			doc := &Page{rng: p.rng}
			if k.Has("in-line") {
				doc.printf("%s:", word(p.rng)[:1+p.rng.IntN(2)])
				doc.plant(s, plain)
			} else {
				doc.printf("%s\n%s: ", sentence(p.rng), word(p.rng))
				doc.plant(s, plain)
				doc.printf(" %s\n", sentence(p.rng))
			}
			if encode == nil {
				p.dump(doc, Dumpers[k.Name])
				continue
			}
			encode(p, doc)
		}
	}
}
