package forms

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

//go:embed common.txt
var commonText string

// common are the texts of common.txt.
var common = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	for line := range strings.Lines(commonText) {
		if word := strings.TrimSpace(line); word != "" && !strings.HasPrefix(word, "#") {
			words[word] = true
		}
	}
	return words
})

// minDigits is how many digits a number needs to be no common one. Addresses and times are numbers, too.
const minDigits = 8

// WhyPublic is what Unfit says of certificates.
const WhyPublic = "certificates and public keys are public"

// Unfit says why a text is not looked for: masking it would hide what is no secret. It is empty for one that is.
func Unfit(text []byte) string {
	text = bytes.TrimSpace(text)
	switch {
	case len(text) == 0:
		return "it is empty"
	case common()[strings.ToLower(string(text))]:
		return "it is a common word or a default"
	case len(text) < MinText:
		return fmt.Sprintf("it is shorter than %d bytes", MinText)
	case isRepeated(text):
		return "it is one character, repeated"
	case isSmallNumber(text):
		return fmt.Sprintf("it is a number of less than %d digits", minDigits)
	case isPublicPEM(text):
		return WhyPublic
	default:
		return ""
	}
}

func isRepeated(text []byte) bool {
	_, size := utf8.DecodeRune(text)
	return bytes.Count(text, text[:size])*size == len(text)
}

func isSmallNumber(text []byte) bool {
	digits := 0
	for _, b := range text {
		switch {
		case b >= '0' && b <= '9':
			digits++
		case strings.IndexByte("+-.,:/ ", b) < 0:
			return false
		}
	}
	return digits > 0 && digits < minDigits
}

const (
	pemBegin = "-----BEGIN "
	pemEnd   = "-----END "
)

// isPublicPEM tells a text that is nothing but PEM blocks, all of them public.
func isPublicPEM(text []byte) bool {
	inside, blocks := false, 0
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		switch {
		case bytes.HasPrefix(line, []byte(pemBegin)):
			if !isPublicBlock(line) {
				return false
			}
			inside = true
			blocks++
		case bytes.HasPrefix(line, []byte(pemEnd)):
			inside = false
		case !inside && len(line) > 0:
			return false
		}
	}
	return blocks > 0 && !inside
}

func isPublicBlock(begin []byte) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(string(begin), pemBegin), "-----")
	return slices.Contains([]string{"CERTIFICATE", "TRUSTED CERTIFICATE", "PUBLIC KEY", "RSA PUBLIC KEY", "X509 CRL", "DH PARAMETERS"}, name)
}

// The ends of names whose values are secret, and what may stand anywhere in such a name; in small letters, without separators.
var (
	secretEnds = []string{
		"token", "pass", "pwd", "pw", "psk", "auth", "bearer", "dsn", "connectionstring", "connstr", "signingkey", "encryptionkey",
		"masterkey", "sshkey", "jwtkey", "hmackey", "accountkey", "keydata", "authtoken",
	}
	secretWords = []string{"password", "passwd", "passphrase", "secret", "apikey", "accesskey", "privatekey", "credential"}
	// A name that ends so speaks about a secret and does not have one.
	publicEnds = []string{
		"file", "path", "dir", "name", "ref", "length", "policy", "enabled", "ttl", "expiry", "expires", "type", "algorithm", "keyid",
	}
)

// SecretName reports whether a name says that its value is secret: DB_PASSWORD, api-key, clientSecret; not PASSWORD_FILE.
func SecretName(name string) bool {
	var word strings.Builder
	for i := range len(name) {
		switch b := name[i]; {
		case isAlnum(b):
			word.WriteByte(b)
		case strings.IndexByte("-_. ", b) < 0:
			return false
		}
	}
	plain := strings.TrimRight(strings.ToLower(word.String()), "0123456789")
	ends := func(end string) bool { return strings.HasSuffix(plain, end) }
	switch {
	case slices.ContainsFunc(publicEnds, ends):
		return false
	case slices.ContainsFunc(secretEnds, ends):
		return true
	default:
		return slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(plain, word) })
	}
}
