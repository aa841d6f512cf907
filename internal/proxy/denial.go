package proxy

import (
	"strings"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/mask"
)

// denial says why not, and what to do now: commands to paste.
func denial(a authorizer.Attributes, d authorizer.Decision, rules *mask.Rules) string {
	lines := []string{"sallyport does not let you into container " + a.Container + " of pod " + a.Namespace + "/" + a.Pod + "."}
	for _, reason := range d.Reasons {
		lines = append(lines, "  "+reason)
	}
	if d.Outcome == authorizer.NeedsApproval {
		return strings.Join(append(lines, "To see who has to approve:",
			"  kubectl get executiongrants,approvalrequests -n "+shellQuote(a.Namespace)), "\n")
	}
	return strings.Join(append(lines, "To ask for a grant:", "  "+requestCommand(a, rules)), "\n")
}

func requestCommand(a authorizer.Attributes, rules *mask.Rules) string {
	words := []string{
		"kubectl", "sallyport", "request", "-n", a.Namespace, "--pod", a.Pod, "--container", a.Container,
		"--action", a.Action, "--reason", "WHY",
	}
	if len(a.Command) > 0 {
		words = append(append(words, "--"), rules.Strings(a.Command)...)
	}
	for i, word := range words {
		words[i] = shellQuote(word)
	}
	return strings.Join(words, " ")
}

// shellQuote makes a word that a POSIX shell reads back as s.
func shellQuote(s string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./:=@%+,", c)
	}
	if s != "" && strings.IndexFunc(s, func(c rune) bool { return !plain(c) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
