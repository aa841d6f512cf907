package mask

import (
	"bytes"
	"strings"
)

// Strings returns a copy of an argument vector with the secrets in it masked.
// Each argument is masked as a stream of its own. Beyond that, the value of an
// option or variable whose name says secret (--password=x, PASSWORD=x, or x after
// --password) is masked whole, however short: here the whole value is known.
func (r *Rules) Strings(args []string) []string {
	masked := make([]string, len(args))
	next := false
	for i, arg := range args {
		switch name, value, assigned := strings.Cut(arg, "="); {
		case next && !strings.HasPrefix(arg, "--"):
			masked[i], next = stars(arg), false
		case assigned && isSecretName(name):
			masked[i], next = name+"="+stars(value), false
		default:
			masked[i], next = r.Text(arg), !assigned && strings.HasPrefix(arg, "-") && isSecretName(arg)
		}
	}
	return masked
}

// Text returns a text that is complete with the secrets in it masked, as the record has them.
func (r *Rules) Text(text string) string {
	s := r.NewStream()
	out := bytes.Clone(s.Write([]byte(text)).Record)
	return string(append(out, s.Flush().Record...))
}

func stars(text string) string { return strings.Repeat("*", len(text)) }

// secretNames are the ends of names whose values are secret, without separators.
var secretNames = []string{
	"password", "passwd", "passphrase", "secret", "token", "apikey", "accesskey", "secretkey", "privatekey",
	"accountkey", "credential", "credentials",
}

// isSecretName tells --db-password, DB_PASSWORD and dbPassword; not "echo
// password", which is no name.
func isSecretName(name string) bool {
	var word strings.Builder
	for i := range len(name) {
		switch b := name[i]; {
		case isAlnum(b):
			word.WriteByte(fold(b))
		case b != '-' && b != '_' && b != '.':
			return false
		}
	}
	for _, end := range secretNames {
		if strings.HasSuffix(word.String(), end) {
			return true
		}
	}
	return false
}
