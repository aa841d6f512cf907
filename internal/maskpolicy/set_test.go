package maskpolicy

import (
	"errors"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

var shop, pay = map[string]string{"team": "shop"}, map[string]string{"team": "pay"}

// put puts policies, each in a newer form than the one of its name before.
func put(s *Set, policies ...*object) {
	generation := map[string]int64{}
	for _, p := range policies {
		generation[p.Name]++
		p.Generation = generation[p.Name]
		s.Put(p)
	}
}

func selecting(p *object, labels map[string]string) *object {
	p.Spec.NamespaceSelector = &metav1.LabelSelector{MatchLabels: labels}
	return p
}

func unreadable(p *object) *object {
	p.Spec.NamespaceSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Like"}}}
	return p
}

func TestRules(t *testing.T) {
	tests := map[string]struct {
		policies []*object
		in       map[string]string
		off      string // a detector that is off
		force    string // the policies in force, with their generations
		refused  string // the policies that are not
	}{
		"if there is none, then the default rules apply":     {nil, shop, "", "", ""},
		"if one selects the namespace, then it applies":      {[]*object{selecting(newPolicy("a", off("jwt")), shop)}, shop, "jwt", "a1", ""},
		"if one selects another, then it does not":           {[]*object{selecting(newPolicy("a", off("jwt")), shop)}, pay, "", "", ""},
		"if one selects nothing, then it is for all":         {[]*object{newPolicy("a", off("jwt"))}, nil, "jwt", "a1", ""},
		"if one is silent about masking, then not in force":  {[]*object{newPolicy("a", nil), newPolicy("b", off("jwt"))}, shop, "jwt", "b1", ""},
		"if two select the namespace, then both are named":   {[]*object{newPolicy("b", off("jwt")), newPolicy("a", off())}, shop, "", "a1 b1", ""},
		"if one was changed, then the new form applies":      {[]*object{newPolicy("a", off("npm-token")), newPolicy("a", off("jwt"))}, shop, "jwt", "a2", ""},
		"if one never was good, then it refuses":             {[]*object{newPolicy("a", off("fly"))}, shop, "", "", "a"},
		"if two never were good, then both are named":        {[]*object{newPolicy("b", off("fly")), newPolicy("a", off("fly")), newPolicy("c", off())}, shop, "", "", "a b"},
		"if a bad one selects another, then it is not asked": {[]*object{selecting(newPolicy("a", off("fly")), shop)}, pay, "", "", ""},
		"if a bad one cannot say where, then everywhere":     {[]*object{unreadable(newPolicy("a", off("jwt")))}, pay, "", "", "a"},
		"if a good one became bad, then it stays in force":   {[]*object{newPolicy("a", off("jwt")), newPolicy("a", off("fly"))}, shop, "jwt", "a1", ""},
		"if it became bad and moved, then it stays":          {[]*object{selecting(newPolicy("a", off("jwt")), shop), selecting(newPolicy("a", off("fly")), pay)}, shop, "jwt", "a1", ""},
		"if it became good again, then the new form applies": {[]*object{newPolicy("a", off("jwt")), newPolicy("a", off("fly")), newPolicy("a", off("npm-token"))}, shop, "npm-token", "a3", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var s Set
			put(&s, tt.policies...)
			c, err := s.find(tt.in) // compiles nothing, which takes its time
			if refused, ok := errors.AsType[*RefusedError](err); ok != (tt.refused != "") || ok && strings.Join(refused.Policies, " ") != tt.refused {
				t.Fatalf("got %v, want %q", err, tt.refused)
			}
			if err != nil {
				return
			}
			var force []string
			for _, r := range c.refs {
				force = append(force, r.Name+string(rune('0'+r.Generation)))
			}
			if got := strings.Join(force, " "); got != tt.force {
				t.Errorf("in force: %q", got)
			}
			if got := strings.Join(Compose(c.policies).Off, " "); got != tt.off {
				t.Errorf("off: %q", got)
			}
		})
	}
}

// What each policy may have can be too much together.
func TestTooMuchTogetherIsRefused(t *testing.T) {
	var s Set
	put(&s, many(9)...)
	_, _, err := s.Rules(shop)
	if refused, ok := errors.AsType[*RefusedError](err); !ok || len(refused.Policies) != 9 || !strings.Contains(refused.Why, "at most 128") {
		t.Errorf("got %v", err)
	}
}

// many policies have patterns enough to be too many together.
func many(n int) (all []*object) {
	for i := range n {
		name := "p" + string(rune('0'+i))
		m := &masking{}
		for j := range 16 {
			m.Patterns = append(m.Patterns, customers("c"+string(rune('a'+j)), int32(16*i+j+1)).Patterns...)
		}
		all = append(all, newPolicy(name, m))
	}
	return all
}

func TestRefusalNamesThePolicyOnly(t *testing.T) {
	var s Set
	if why := s.Put(newPolicy("no-birds", off("fly"))); !strings.Contains(why, "spec.masking.disabledDetectors[0]") {
		t.Errorf("an administrator is told %q", why)
	}
	_, _, err := s.Rules(shop)
	if err == nil || !strings.Contains(err.Error(), "ExecutionPolicy no-birds cannot be used") || strings.Contains(err.Error(), "fly") {
		t.Errorf("a person is told %v", err)
	}
}

func TestDelete(t *testing.T) {
	var s Set
	bad := newPolicy("a", off("fly"))
	s.Put(bad)
	s.Delete(bad.UID)
	if rules, refs, err := s.Rules(shop); err != nil || rules != mask.Default() || len(refs) != 0 {
		t.Errorf("%v %v", refs, err)
	}
	again := newPolicy("a", off("jwt"))
	again.UID = "another"
	s.Put(again)
	if _, refs, err := s.Rules(shop); err != nil || len(refs) != 1 || refs[0].UID != "another" {
		t.Errorf("%v %v", refs, err)
	}
}

// A late event of an old form changes nothing.
func TestOldFormsAreIgnored(t *testing.T) {
	var s Set
	old := newPolicy("a", off("npm-token"))
	put(&s, old.DeepCopy(), newPolicy("a", off("jwt")))
	s.Put(old)
	if _, refs, err := s.Rules(shop); err != nil || refs[0].Generation != 2 {
		t.Errorf("%v %v", refs, err)
	}
}

func TestRulesMask(t *testing.T) {
	s := Set{Key: []byte("key")}
	s.Put(newPolicy("a", text("bird", "blue-heron-project")))
	s.Put(newPolicy("b", customers("customer", 8)))
	rules, _, err := s.Rules(shop)
	if err != nil {
		t.Fatal(err)
	}
	hits := rules.NewStream().Write([]byte("CUST-42424242 ")).Hits
	if len(hits) != 1 || hits[0].Rule != "customer" || hits[0].Fingerprint == (mask.Fingerprint{}) {
		t.Errorf("hits %+v", hits)
	}
	got := rules.Text("of CUST-42424242 and blue-heron-project.")
	if want := "of CUST-******** and "; !strings.HasPrefix(got, want) || strings.Contains(got, "heron") {
		t.Errorf("got %q", got)
	}
}

// What nobody can ask for any more is not kept.
func TestRulesAreForgotten(t *testing.T) {
	var s Set
	for generation := range int64(5) {
		p := newPolicy("a", off("jwt"))
		p.Generation = generation + 1
		s.Put(p)
		if _, err := s.find(shop); err != nil || len(s.compiled) != 1 {
			t.Errorf("%v: %d rules are kept", err, len(s.compiled))
		}
	}
	if s.Delete("uid-of-a"); len(s.compiled) != 0 {
		t.Error("rules of a policy are kept that was deleted")
	}
}

func TestRulesAreCompiledOnce(t *testing.T) {
	var s Set
	s.Put(newPolicy("a", off("jwt")))
	first, _, err := s.Rules(shop)
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			if again, _, err := s.Rules(pay); err != nil || again != first {
				t.Error("compiled again")
			}
		})
	}
	done.Wait()
}
