package approval

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/test/gen"
)

func TestSummary(t *testing.T) {
	epoch := gen.Epoch()
	grant := func() *gen.Grant { return gen.MakeGrant("shop", "fix") }
	tests := map[string]struct {
		grant *gen.Grant
		want  string
	}{
		"if little is said, the summary is short": {
			grant(),
			`user "developer" may Exec in namespace "shop", pod "web", any command, for 15m0s from the approval, because "a test wants it"`,
		},
		"if everything is said, everything is there": {
			grant().Requester("system:serviceaccount:ci:bot").Subject(accessv1alpha1.Subject{Kind: "Group", Name: "devs"}).
				Actions("Exec", "Debug").Labels(map[string]string{"tier": "b", "app": "web"}).Containers("app", "log").Images("busybox:*").
				Command("ls", "-l", "**").Command("cat", "/etc/*").Window(epoch, epoch.Add(time.Hour)).Ticket("OPS-1"),
			`anyone in group "devs" may Exec, Debug in namespace "shop", pods labelled "app=web,tier=b", containers "app", "log", images "busybox:*", ` +
				`commands ["ls" "-l" "**"] or ["cat" "/etc/*"], from 2026-03-01T12:00:00Z to 2026-03-01T13:00:00Z, because "a test wants it" (ticket "OPS-1"), ` +
				`requested by "system:serviceaccount:ci:bot"`,
		},
		"if a program runs a new pod, it says so": {
			grant().Subject(accessv1alpha1.Subject{Kind: "ServiceAccount", Namespace: "ci", Name: "bot"}).Actions("Run").Pod("").Images("busybox"),
			`service account "ci/bot" may Run in namespace "shop", new pods, images "busybox", any command, for 15m0s from the approval, because "a test wants it", ` +
				`requested by "developer"`,
		},
		"if the reason pretends to be ours, it is seen to be a quotation": {
			grant().Reason("x\", any command\n\u202eevil"),
			`user "developer" may Exec in namespace "shop", pod "web", any command, for 15m0s from the approval, because "x\", any command\n\u202eevil"`,
		},
		"if bytes are not recorded, it says so": {
			grant().Actions("Copy").Copies(accessv1alpha1.RecordedDigestOnly),
			`user "developer" may Copy in namespace "shop", pod "web", any command, with digests recorded of what is copied and not its bytes, ` +
				`for 15m0s from the approval, because "a test wants it"`,
		},
		"if bytes are stored before they pass, it says so": {
			grant().Durability(accessv1alpha1.DurabilityStore),
			`user "developer" may Exec in namespace "shop", pod "web", any command, with each byte in the object store before it passes, ` +
				`for 15m0s from the approval, because "a test wants it"`,
		},
		"if both are said, it says both": {
			grant().Actions("Copy").Copies(accessv1alpha1.RecordedDigestOnly).Durability(accessv1alpha1.DurabilityStore),
			`user "developer" may Copy in namespace "shop", pod "web", any command, with digests recorded of what is copied and not its bytes, ` +
				`with each byte in the object store before it passes, for 15m0s from the approval, because "a test wants it"`,
		},
		"if bytes are spooled before they pass, it says nothing": {
			grant().Durability(accessv1alpha1.DurabilitySpool),
			`user "developer" may Exec in namespace "shop", pod "web", any command, for 15m0s from the approval, because "a test wants it"`,
		},
		"if what is left is killed, it says so": {
			grant().OnEnd(accessv1alpha1.OnEndKill),
			`user "developer" may Exec in namespace "shop", pod "web", any command, and what still runs when a session ends is killed, ` +
				`for 15m0s from the approval, because "a test wants it"`,
		},
		"if all is recorded, it says nothing": {
			grant().Actions("Copy").Copies(accessv1alpha1.RecordedFull),
			`user "developer" may Copy in namespace "shop", pod "web", any command, for 15m0s from the approval, because "a test wants it"`,
		},
		"if nobody is known, nobody is named": {
			grant().Requester(""),
			`nobody may Exec in namespace "shop", pod "web", any command, for 15m0s from the approval, because "a test wants it"`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Summary(tt.grant.Obj()); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestSummaryOfTheLongestGrantHoldsEveryPart(t *testing.T) {
	long := strings.Repeat("\U000e0001", 1024) // ten bytes each once it is escaped
	grant := gen.MakeGrant(strings.Repeat("n", 63), "fix").Requester(long).
		Subject(accessv1alpha1.Subject{Kind: "ServiceAccount", Namespace: strings.Repeat("n", 63), Name: long}).
		Actions("Exec", "Attach", "Copy", "Run", "Debug").Copies("DigestOnly").Durability("Store").Labels(map[string]string{"a": long}).
		Containers(long).Images(long).Command(long).Reason(long).Ticket(long).
		Window(gen.Epoch(), gen.Epoch().Add(time.Hour)).Obj()
	got := Summary(grant)
	checkSummary(t, got)
	for _, part := range []string{"service account", "may Exec, Attach, Copy, Run, Debug", "digests", "pods labelled", "images", "commands", "from 2026", "because", "ticket", "requested by"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is missing in %s", part, got)
		}
	}
	if !strings.Contains(got, cutMark) {
		t.Error("the summary does not say that it was cut")
	}
}

func FuzzSummaryIsOneBoundedLine(f *testing.F) {
	f.Add("dev", "web", "ls", "why", "OPS-1")
	f.Add("\xff", "\u2028", "\x00", "\n\r", "\u202e")
	f.Fuzz(func(t *testing.T, who, where, what, why, ticket string) {
		grant := gen.MakeGrant("shop", "fix").Requester(who).Pod(where).Containers(where, where).Images(where).
			Command(what, what).Command(what).Reason(why).Ticket(ticket).Obj()
		checkSummary(t, Summary(grant))
		grant.Spec.Target.PodName = ""
		grant.Spec.Target.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: where, Operator: metav1.LabelSelectorOperator(what), Values: []string{why}},
		}}
		checkSummary(t, Summary(grant))
	})
}

func checkSummary(t *testing.T, s string) {
	t.Helper()
	if len(s) > 4096 {
		t.Errorf("the summary has %d bytes, want at most 4096", len(s))
	}
	if !utf8.ValidString(s) {
		t.Errorf("the summary is not UTF-8: %q", s)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			t.Errorf("the summary holds the character %U: %q", r, s)
		}
	}
}
