package mask

import "slices"

// Sets of bytes.
const (
	alnum   = "A-Za-z0-9"
	hexa    = "a-f0-9"
	upper   = "A-Z0-9"
	word    = "A-Za-z0-9_"
	base64  = "A-Za-z0-9_-" // the URL-safe alphabet
	std64   = "A-Za-z0-9+/=-"
	dotted  = "A-Za-z0-9_.-"
	slashed = "A-Za-z0-9+/=_-" // both alphabets of base64
	uuid    = "a-f0-9-"
)

const uuidLength = 36

// token is a rule for a literal followed by a run of one class.
func token(name, set string, decide int, literals ...string) rule {
	return rule{
		name: name, version: 1, kind: kindToken, literals: literals, exact: true, boundary: true,
		class: newClass(set), decide: decide,
	}
}

// sized is a rule for a literal followed by a run of one class and one length.
// The length is what tells the token from a name with the same beginning.
func sized(name, set string, length int, literals ...string) rule {
	r := token(name, set, 0, literals...)
	r.exactly, r.mixed = length, true
	return r
}

// varied needs a digit or an upper-case letter: else words joined by hyphens or underscores are tokens.
func (r rule) varied() rule {
	r.mixed = true
	return r
}

// not64 is for a beginning of letters and digits alone, which base64 has by chance, also where its lines begin. A token of a
// known length is told from that by its end: in base64 there is none.
func (r rule) not64() rule {
	r.notIn64 = true
	if r.exactly > 0 {
		r.class['+'], r.class['/'] = true, true
	}
	return r
}

// anywhere is for what is no beginning, but the middle of a token.
func (r rule) anywhere() rule {
	r.boundary = false
	return r
}

// revised is a rule that has changed what it finds.
func (r rule) revised() rule {
	r.version++
	return r
}

// wellKnown is the fixed set of this form. Lengths are shortened to where a decision is safe: a longer run is still one
// secret.
//
// Above each rule stands where its shape is from. "page" is a text of the issuer that was read: documentation, API
// description or source, and says at least the public beginning. "seen" is somebody else's public text that was read,
// such as a scanner's rules. An issuer's name alone is from memory.
func wellKnown() []rule {
	return slices.Concat(codeTokens(), cloudTokens(), accessTokens(), serviceTokens(), aiTokens(), structures(), assignments())
}

// structures are secrets that are told by what stands around them.
func structures() []rule {
	bearer := token("bearer-token", "A-Za-z0-9._~+/=-", 16, "bearer ").varied() // RFC 6750, section 2.1
	bearer.exact = false
	return []rule{
		bearer,
		{name: "jwt", version: 1, kind: kindJWT, literals: []string{"eyJ"}, exact: true, boundary: true},
		{name: "url-credentials", version: 1, kind: kindURL, literals: []string{"://"}},
		{name: "private-key", version: 2, kind: kindPEM, exact: true, literals: []string{
			"-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN EC PRIVATE KEY-----",
			"-----BEGIN DSA PRIVATE KEY-----", "-----BEGIN OPENSSH PRIVATE KEY-----",
			"-----BEGIN ENCRYPTED PRIVATE KEY-----", "-----BEGIN PGP PRIVATE KEY BLOCK-----",
		}},
		{name: "card-number", version: 1, kind: kindCard, opens: cardOpening},
		{name: "iban", version: 1, kind: kindIBAN, opens: ibanOpening},
	}
}
