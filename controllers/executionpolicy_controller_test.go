package controllers

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

func TestDesiredPolicyStatus(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	secret := strings.Repeat("s3", 2)
	literal := func(value string) *accessv1alpha1.MaskingPolicy {
		return &accessv1alpha1.MaskingPolicy{Literals: []accessv1alpha1.MaskLiteral{{Name: "bird", Value: value}}}
	}
	tests := map[string]struct {
		masking *accessv1alpha1.MaskingPolicy
		want    string   // the conditions, in short
		says    []string // in the message of Ready
		digest  bool
	}{
		"if it is silent, then it is ready":        {nil, "Ready=True:Accepted Effective=True:AllRulesEffective", []string{"new sessions follow it"}, true},
		"if it can be used, then it is ready":      {literal("blue" + "bird"), "Ready=True:Accepted Effective=True:AllRulesEffective", nil, true},
		"if it cannot be used, then it is stalled": {literal(secret), "Ready=False:Invalid Stalled=True:Invalid", []string{"spec.masking.literals[0].value", "4 bytes"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := &accessv1alpha1.ExecutionPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p", Generation: 3}}
			p.Spec.Masking = tt.masking
			status := desiredPolicyStatus(p, []byte("k"), now)
			var got []string
			for _, c := range status.Conditions {
				got = append(got, c.Type+"="+string(c.Status)+":"+c.Reason)
				if c.ObservedGeneration != 3 || strings.Contains(c.Message, secret) {
					t.Errorf("%+v", c)
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" || status.ObservedGeneration != 3 {
				t.Errorf("%s %+v", diff, status)
			}
			for _, says := range tt.says {
				if !strings.Contains(status.Conditions[0].Message, says) {
					t.Errorf("%q is not in %q", says, status.Conditions[0].Message)
				}
			}
			if (status.MaskDigest != "") != tt.digest {
				t.Errorf("digest %q", status.MaskDigest)
			}
			p.Status = status
			if diff := cmp.Diff(status, desiredPolicyStatus(p, []byte("k"), now.Add(time.Hour))); diff != "" {
				t.Errorf("it does not settle: %s", diff)
			}
		})
	}
}
