package masktest

import (
	"encoding/base64"
	"strings"
)

// Forms returns how a value may stand in a text, by encoders of this package's own: so that a form that package forms forgets
// shows.
func Forms(value string) [][]byte {
	flat := func(s string) string { return strings.NewReplacer("\r", "", "\n", "").Replace(s) }
	known := map[string]bool{}
	add := func(form string) {
		if form = flat(form); len(form) >= 6 {
			known[form] = true
		}
	}
	for _, notation := range []func(string) string{plain, jsonText, jsonPlain, goText, percent, percentPath, doubled, shellText, xmlText, pythonText} {
		add(notation(value))
	}
	add(hexed(value))
	add(strings.ToUpper(hexed(value)))
	for shift := range 3 {
		padded := strings.Repeat("\x00", shift) + value
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			from, to := (8*shift+5)/6, 8*len(padded)/6
			add(encoding.EncodeToString([]byte(padded))[from:to])
		}
	}
	var forms [][]byte
	for form := range known {
		forms = append(forms, []byte(form))
	}
	return forms
}
