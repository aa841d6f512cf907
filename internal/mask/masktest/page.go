package masktest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
)

// Mark is where a secret lies in a page: [From, To) is for nobody, but the person may see the first Clear bytes of it.
type Mark struct {
	From, To, Clear int
	Secret          Secret
}

// Page is a text as a program printed it, and where its secrets are.
type Page struct {
	Text  []byte
	Marks []Mark
	rng   *rand.Rand
}

func (p *Page) printf(format string, args ...any) { p.Text = fmt.Appendf(p.Text, format, args...) }

// plant prints a secret, its secret part written in some notation.
func (p *Page) plant(s Secret, notation func(string) string) {
	p.printf("%s", s.Before)
	text := notation(s.Text)
	m := Mark{From: len(p.Text), To: len(p.Text) + len(text), Secret: s}
	if s.Exact {
		m.Clear = clearBytes(len(text))
	}
	p.Marks = append(p.Marks, m)
	p.printf("%s%s", text, s.After)
}

// encode prints a document in an encoding of whole groups: so many bits a digit, a line end after each width digits. A digit is secret
// if all its bits are.
func (p *Page) encode(doc *Page, digits string, bits, width int) {
	start := len(p.Text)
	at := func(digit int) int { return start + digit + digit/width }
	for i, d := range []byte(digits) {
		if i > 0 && i%width == 0 {
			p.printf("\n")
		}
		p.Text = append(p.Text, d)
	}
	for _, m := range doc.Marks {
		from, to := (8*m.From+bits-1)/bits, 8*m.To/bits
		p.Marks = append(p.Marks, Mark{From: at(from), To: at(to-1) + 1, Clear: clearBytes(to - from), Secret: m.Secret})
	}
}

func (p *Page) base64(doc *Page, width int) {
	p.encode(doc, base64.StdEncoding.EncodeToString(doc.Text), 6, width)
}

func (p *Page) hex(doc *Page, width int) { p.encode(doc, hexed(string(doc.Text)), 4, width) }

// sow puts escape sequences into the page, between any two bytes, on average one for each n.
func (p *Page) sow(sequences []string, n int) {
	p.insert(n, func(int) string { return pick(p.rng, sequences...) })
}

// wrap puts margins between them.
func (p *Page) wrap(n int) {
	p.insert(n, func(i int) string {
		if i == 0 {
			return ""
		}
		return edgeOf(p.rng, p.Text[i-1], p.Text[i])
	})
}

// insert puts pieces before bytes of a page, on average one for each n.
func (p *Page) insert(n int, piece func(i int) string) {
	var text []byte
	moved := make([]int, len(p.Text)+1)
	for i, b := range p.Text {
		if p.rng.IntN(n) == 0 {
			text = append(text, piece(i)...)
		}
		moved[i] = len(text)
		text = append(text, b)
	}
	moved[len(p.Text)] = len(text)
	p.Text = text
	for i := range p.Marks {
		m := &p.Marks[i]
		m.From, m.To = moved[m.From], moved[m.To-1]+1
	}
}

// add puts another page at the end of this one.
func (p *Page) add(other *Page) {
	for _, m := range other.Marks {
		m.From, m.To = m.From+len(p.Text), m.To+len(p.Text)
		p.Marks = append(p.Marks, m)
	}
	p.Text = append(p.Text, other.Text...)
}

// Leaks returns what of the secrets can be seen in a page after masking, for the person or in the recording. The person may have been given
// what stands before a margin, and all of a secret that has one in its beginning.
func (p *Page) Leaks(masked []byte, person bool) []Mark {
	var leaks []Mark
	for _, m := range p.Marks {
		if person && Margins(p.Text[max(0, m.From-longestBeginning):m.From+1]) > 0 {
			continue
		}
		if m.leaks(p.Text[m.From:m.To], masked[m.From:m.To], person) {
			leaks = append(leaks, m)
		}
	}
	return leaks
}

// longestBeginning is more than that of any rule, with what stands before it and margins in it.
const longestBeginning = 100

func (m Mark) leaks(raw, masked []byte, person bool) bool {
	screen, _ := look(raw)
	v := screen.wrapped(raw)
	margin := 0
	if n := len(v.margins); n > 0 && person {
		if margin = v.margins[n-1]; len(v.within) < n { // a line end of a kind hides nothing from the person
			return false
		}
	}
	visible := 0
	for i, b := range v.text {
		if v.at[i] < 0 || b == '\r' || b == '\n' {
			continue
		}
		visible++
		if !(person && (visible <= m.Clear || v.at[i] < margin)) && masked[v.at[i]] != '*' {
			return true
		}
	}
	return !person && slices.ContainsFunc(v.twins, func(t span) bool { return masked[t.from] == '*' && masked[t.to] != '*' })
}

// Over is how many bytes outside all secrets are masked.
func (p *Page) Over(masked []byte) int {
	secret := make([]bool, len(p.Text))
	for _, m := range p.Marks {
		for i := m.From; i < m.To; i++ {
			secret[i] = true
		}
	}
	n := 0
	for i := range masked {
		if !secret[i] && masked[i] != p.Text[i] {
			n++
		}
	}
	return n
}

// Seen reports whether a secret, past what the person may see of it, is in a masked page, be it across line ends.
func (p *Page) Seen(m Mark, masked []byte) bool {
	secret := Joined(p.Text[m.From:m.To])
	secret = secret[min(m.Clear, len(secret)):]
	return len(secret) >= 8 && !bytes.Contains(secret, []byte("*")) && bytes.Contains(Joined(masked), secret)
}
