package approval

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// Bounds of the parts of a summary in bytes, so that a long one does not push the others out. Together with the words
// between them they stay below 4096, the bound of the field.
const (
	nameBound    = 350
	targetBound  = 800
	imagesBound  = 450
	commandBound = 850
	reasonBound  = 650
	ticketBound  = 200
)

const cutMark = "… (cut: see the grant)"

// Summary says in one line of at most 4096 bytes what an approver agrees to: who may do what, where, with which commands,
// for how long, and why. What people wrote stands in quotes, escaped, so that it cannot pass for Sallyport's words.
// The line is for reading; the Digest is what binds.
func Summary(grant *accessv1alpha1.ExecutionGrant) string {
	spec := &grant.Spec
	subject := spec.SubjectOrRequester()
	var b strings.Builder
	b.WriteString(subjectPhrase(subject) + " may " + actionsPhrase(spec.Actions))
	b.WriteString(" in namespace " + strconv.Quote(grant.Namespace))
	b.WriteString(clip(targetPhrase(&spec.Target), targetBound))
	if len(spec.Target.Images) > 0 {
		b.WriteString(", " + clip("images "+quoteAll(spec.Target.Images, ", "), imagesBound))
	}
	b.WriteString(", " + clip(commandsPhrase(spec.Commands), commandBound))
	b.WriteString(recordingPhrase(spec.Recording))
	if spec.OnEnd == accessv1alpha1.OnEndKill {
		b.WriteString(", and what still runs when a session ends is killed")
	}
	b.WriteString(", " + spanPhrase(spec))
	b.WriteString(", because " + clip(strconv.Quote(spec.Reason), reasonBound))
	if spec.Ticket != "" {
		b.WriteString(" (ticket " + clip(strconv.Quote(spec.Ticket), ticketBound) + ")")
	}
	if r := spec.Requester; r != nil && accessv1alpha1.SubjectOf(r.Username) != subject {
		b.WriteString(", requested by " + clip(strconv.Quote(r.Username), nameBound))
	}
	return b.String()
}

func subjectPhrase(s accessv1alpha1.Subject) string {
	switch s.Kind {
	case accessv1alpha1.SubjectServiceAccount:
		return "service account " + clip(strconv.Quote(s.Namespace+"/"+s.Name), nameBound)
	case accessv1alpha1.SubjectGroup:
		return "anyone in group " + clip(strconv.Quote(s.Name), nameBound)
	case accessv1alpha1.SubjectUser:
		return "user " + clip(strconv.Quote(s.Name), nameBound)
	default:
		return "nobody"
	}
}

func actionsPhrase(actions []accessv1alpha1.Action) string {
	names := make([]string, len(actions))
	for i, a := range actions {
		names[i] = string(a)
	}
	return strings.Join(names, ", ")
}

func targetPhrase(t *accessv1alpha1.Target) string {
	var where string
	switch {
	case t.PodName != "":
		where = ", pod " + strconv.Quote(t.PodName)
	case t.Selector != nil:
		where = ", pods labelled " + strconv.Quote(metav1.FormatLabelSelector(t.Selector))
	default:
		where = ", new pods"
	}
	if len(t.Containers) > 0 {
		where += ", containers " + quoteAll(t.Containers, ", ")
	}
	return where
}

func commandsPhrase(patterns []accessv1alpha1.CommandPattern) string {
	if len(patterns) == 0 {
		return "any command"
	}
	words := make([]string, len(patterns))
	for i, p := range patterns {
		words[i] = "[" + quoteAll(p.Argv, " ") + "]"
	}
	return "commands " + strings.Join(words, " or ")
}

// recordingPhrase is empty where recording is as always.
func recordingPhrase(r *accessv1alpha1.RecordingPolicy) string {
	if r == nil {
		return ""
	}
	var phrase string
	switch r.Copies {
	case "", accessv1alpha1.RecordedFull:
	case accessv1alpha1.RecordedDigestOnly:
		fallthrough
	default:
		phrase = ", with digests recorded of what is copied and not its bytes"
	}
	if r.Durability == accessv1alpha1.DurabilityStore {
		phrase += ", with each byte in the object store before it passes"
	}
	return phrase
}

func spanPhrase(spec *accessv1alpha1.ExecutionGrantSpec) string {
	if w := spec.Window; w != nil {
		return "from " + w.NotBefore.UTC().Format(time.RFC3339) + " to " + w.NotAfter.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("for %s from the approval", time.Duration(spec.DurationSeconds)*time.Second)
}

func quoteAll(words []string, separator string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	return strings.Join(quoted, separator)
}

// clip cuts s to at most bound bytes, at the border of a character, and says so.
func clip(s string, bound int) string {
	if len(s) <= bound {
		return s
	}
	end := bound - len(cutMark)
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + cutMark
}
