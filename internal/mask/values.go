package mask

import (
	"bytes"
	"slices"

	"github.com/sallyport-dev/sallyport/internal/mask/forms"
	"github.com/sallyport-dev/sallyport/internal/mask/needle"
)

// Value is a text that is secret as it stands: the value of a Secret's key, or a part of it.
type Value struct {
	Rule string // as the record names it
	Text []byte
	// Plain: it is looked for as it stands, and in no encoding.
	Plain bool
}

// Ignored is a value that is not masked, or not in all its forms.
type Ignored struct {
	Rule string
	Why  string
	// Cut: there was no room, and not that it is no secret.
	Cut bool
}

// Values are exact values in all their forms. They are immutable and safe for concurrent use.
type Values struct {
	values  []Value
	needles []needle.Needle // their owners are indices of values
}

// NewValues makes the forms of values: first of all of them as they stand, then their encodings while there is room. It keeps
// none of the memory that it is given.
func NewValues(values []Value) (*Values, []Ignored) {
	v := &Values{}
	var ignored []Ignored
	size := 0
	room := func(all []needle.Needle) bool {
		sum := 0
		for _, n := range all {
			sum += len(n.Text)
		}
		if size+sum > maxForms {
			return false
		}
		size += sum
		v.needles = append(v.needles, all...)
		return true
	}
	for _, value := range values {
		if why := forms.Unfit(value.Text); why != "" {
			ignored = append(ignored, Ignored{value.Rule, why, false})
			continue
		}
		own := Value{value.Rule, bytes.Clone(value.Text), value.Plain}
		if !room(needles(forms.Plain(own.Text), len(v.values))) {
			clear(own.Text)
			ignored = append(ignored, Ignored{value.Rule, whyNoRoom, true})
			continue
		}
		v.values = append(v.values, own)
	}
	for i, own := range v.values {
		if !own.Plain && !room(needles(forms.Of(own.Text), i)) {
			ignored = append(ignored, Ignored{own.Rule, whyPlain, true})
		}
	}
	return v, ignored
}

const (
	// maxForms bounds the bytes of all forms of Values. With those of an operator's literals, at most some sixty times
	// maxLiteralSum, they fit one needle.Set: it would leave out the rest, and nobody would be told.
	maxForms  = 4 << 20
	whyNoRoom = "there is no room for it"
	whyPlain  = "there is no room for its encodings: it is masked as it stands only"
)

// needles are texts that stand for a value.
func needles(texts [][]byte, owner int) []needle.Needle {
	all := make([]needle.Needle, len(texts))
	for i, text := range texts {
		all[i] = needle.Needle{Text: text, Owner: owner}
	}
	return all
}

// With returns the same rules with these values, and no others, besides. Their digest is the same.
func (r *Rules) With(v *Values) *Rules {
	with := *r
	with.values = v
	return with.compile(with.texts())
}

// Keyed returns the same rules with fingerprints under a key, in Hit, and literals under it in Digest.
func (r *Rules) Keyed(key []byte) *Rules {
	keyed := *r
	keyed.key = slices.Clone(key)
	keyed.digest = keyed.sum()
	return keyed.compile(keyed.texts())
}

// texts are those that the rules look for: the operator's, and then the pod's. Their owners are indices of both.
func (r *Rules) texts() []needle.Needle {
	var all []needle.Needle
	for i, v := range r.literals {
		all = append(all, needles(forms.Of(v.Text), i)...)
	}
	if r.values != nil {
		for _, n := range r.values.needles {
			all = append(all, needle.Needle{Text: n.Text, Owner: n.Owner + len(r.literals)})
		}
	}
	return all
}

// compile makes the set of the rules' texts.
func (r *Rules) compile(texts []needle.Needle) *Rules {
	r.set, r.owners = nil, nil
	if len(texts) == 0 {
		return r
	}
	values := slices.Clone(r.literals)
	if r.values != nil {
		values = append(values, r.values.values...)
	}
	r.set, _ = needle.New(texts)
	for _, v := range values {
		r.owners = append(r.owners, owner{v.Rule, fingerprintOf(r.key, v.Text)})
	}
	return r
}

const (
	// A byte of a text is a node of 20 bytes and stands in the text itself.
	perByte = 23
	// A text has some words in tables, some dozen bytes in filters, and a fifth of a node with a row of a kilobyte, in memory
	// that grew by doubling.
	perText = 600
	perSet  = 32 << 10
)

// sizeOf is how many bytes a set of these texts takes at most, with the texts.
func sizeOf(texts []needle.Needle) int64 {
	size := int64(perSet)
	for _, n := range texts {
		size += perText + perByte*int64(len(n.Text))
	}
	return size
}
