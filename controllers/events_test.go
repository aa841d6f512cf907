package controllers

import (
	"strings"
	"testing"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestChangeEvent(t *testing.T) {
	ready := func(reason, message string) []metav1.Condition {
		return []metav1.Condition{{Type: "Ready", Status: metav1.ConditionTrue, Reason: reason, Message: message}}
	}
	stalledFor := func(reason string) []metav1.Condition { return stalled(reason, "why").summary() }
	tests := map[string]struct {
		before, after []metav1.Condition
		want          event
		happened      bool
	}{
		"if there is no condition, nothing happened":         {nil, nil, event{}, false},
		"if the reason is the same, nothing happened":        {ready("Active", "a"), ready("Active", "b"), event{}, false},
		"if it is the first reason, it happened":             {nil, ready("AwaitingApproval", "m"), event{"Normal", "AwaitingApproval", "RequestApproval", "m"}, true},
		"if it opened, it happened":                          {ready("AwaitingApproval", "m"), ready("Active", "m"), event{"Normal", "Active", "Open", "m"}, true},
		"if its window is awaited, it was approved":          {ready("AwaitingApproval", "m"), ready("AwaitingWindow", "m"), event{"Normal", "AwaitingWindow", "Approve", "m"}, true},
		"if it was approved, it was approved":                {ready("AwaitingApproval", "m"), ready("Approved", "m"), event{"Normal", "Approved", "Approve", "m"}, true},
		"if it expired, that is normal":                      {ready("Active", "m"), ready("Expired", "m"), event{"Normal", "Expired", "Close", "m"}, true},
		"if it was denied, that is a warning":                {ready("AwaitingApproval", "m"), stalledFor("Denied"), event{"Warning", "Denied", "Refuse", "why"}, true},
		"if nobody decided in time, that is a warning":       {ready("AwaitingApproval", "m"), stalledFor("DeadlineExceeded"), event{"Warning", "DeadlineExceeded", "Refuse", "why"}, true},
		"if an active grant turns out void, it is a warning": {ready("Active", "m"), stalledFor("ApprovalVoid"), event{"Warning", "ApprovalVoid", "Refuse", "why"}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, happened := changeEvent(tt.before, tt.after)
			if got != tt.want || happened != tt.happened {
				t.Errorf("got %v %v, want %v %v", got, happened, tt.want, tt.happened)
			}
		})
	}
}

func TestNotesAreBounded(t *testing.T) {
	for _, long := range []string{strings.Repeat("a", 5000), strings.Repeat("ä", 600), strings.Repeat("世", 400)} {
		got := clip(long)
		if len(got) > noteBound || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
			t.Errorf("got %d bytes, ending in %q", len(got), got[len(got)-5:])
		}
	}
	if got := clip("short"); got != "short" {
		t.Errorf("got %q", got)
	}
}
