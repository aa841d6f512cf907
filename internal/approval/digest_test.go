package approval

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/test/gen"
)

// The values were computed outside of this program, by sha256sum over the encoding that Digest's comment describes. If
// one changes, every approval that is stored becomes void.
func TestDigestIsStable(t *testing.T) {
	tests := map[string]struct {
		grant *gen.Grant
		want  string
	}{
		"if it is for labels and a window, then it is this": {
			gen.MakeGrant("shop", "fix").Command("sh", "-c", "a && b > c").Reason("naïve <b>\u2028").
				Window(gen.Epoch(), gen.Epoch().Add(time.Hour)).Labels(map[string]string{"b": "2", "a": "1"}),
			"sha256:727bb2660637de615cf8556d656295d68dd743af4bb0025b48c958215c9ecc04",
		},
		"if it is for one pod and a duration, then it is this": {
			gen.MakeGrant("shop", "fix").PodUID("6a0c"), "sha256:d44204e41b589a47db8a8c1cd8d3e7bf3d8112726d6a45f9068619be74c1ebeb",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Digest(tc.grant.Obj()); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestDigestCoversEveryFact(t *testing.T) {
	changes := map[string]func(*gen.Grant){
		"UID":        func(g *gen.Grant) { g.UID("another") },
		"requester":  func(g *gen.Grant) { g.Requester("eve") },
		"groups":     func(g *gen.Grant) { g.Requester("developer", "devs") },
		"subject":    func(g *gen.Grant) { g.Subject(accessv1alpha1.Subject{Kind: "User", Name: "eve"}) },
		"actions":    func(g *gen.Grant) { g.Actions("Exec", "Attach") },
		"pod":        func(g *gen.Grant) { g.Pod("db") },
		"pod's UID":  func(g *gen.Grant) { g.PodUID("another") },
		"selector":   func(g *gen.Grant) { g.Labels(map[string]string{"app": "web"}) },
		"containers": func(g *gen.Grant) { g.Containers("app") },
		"images":     func(g *gen.Grant) { g.Images("busybox") },
		"commands":   func(g *gen.Grant) { g.Command("ls") },
		"reason":     func(g *gen.Grant) { g.Reason("another") },
		"ticket":     func(g *gen.Grant) { g.Ticket("OPS-1") },
		"duration":   func(g *gen.Grant) { g.Duration(time.Hour) },
		"window":     func(g *gen.Grant) { g.Window(gen.Epoch(), gen.Epoch().Add(time.Hour)) },
	}
	seen := map[string]string{Digest(gen.MakeGrant("shop", "fix").Obj()): "nothing"}
	for _, other := range []*gen.Grant{gen.MakeGrant("shop", "other").UID("grant-shop-fix-uid"), gen.MakeGrant("store", "fix").UID("grant-shop-fix-uid")} {
		seen[Digest(other.Obj())] = "name or namespace"
	}
	if len(seen) != 3 {
		t.Error("name or namespace do not change the digest")
	}
	for name, change := range changes {
		g := gen.MakeGrant("shop", "fix")
		change(g)
		digest := Digest(g.Obj())
		if before, ok := seen[digest]; ok {
			t.Errorf("changing %s gives the digest of changing %s", name, before)
		}
		seen[digest] = name
	}
}

// What is not asked for is not approved: labels, annotations, status and bookkeeping may change.
func TestDigestSurvivesBookkeeping(t *testing.T) {
	grant := gen.MakeGrant("shop", "fix").Obj()
	before := Digest(grant)
	grant.Labels = map[string]string{"a": "b"}
	grant.ResourceVersion, grant.Generation = "77", 3
	grant.Status.ApprovedDigest = before
	if got := Digest(grant); got != before {
		t.Errorf("got %s, want %s", got, before)
	}
}

func FuzzDigestIsThatOfTheStoredObject(f *testing.F) {
	f.Add("fix", "a <b> & \u2028 \x7f", "ls", int32(10))
	f.Add("", "\xff\xfe", "\"", int32(-1))
	form := regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	f.Fuzz(func(t *testing.T, name, reason, arg string, seconds int32) {
		grant := gen.MakeGrant("shop", name).Reason(reason).Command(arg, "**").Obj()
		grant.Spec.DurationSeconds = seconds
		got := Digest(grant)
		if !form.MatchString(got) {
			t.Fatalf("got %q, want a digest", got)
		}
		// Through the API server and back.
		raw, err := json.Marshal(grant)
		if err != nil {
			t.Fatal(err)
		}
		var stored accessv1alpha1.ExecutionGrant
		if err := json.Unmarshal(raw, &stored); err != nil {
			t.Fatal(err)
		}
		if again := Digest(&stored); again != got {
			t.Errorf("got %s before and %s after storing", got, again)
		}
	})
}

func TestDigestOfNothingIsEmpty(t *testing.T) {
	if got := Digest(nil); got != "" {
		t.Errorf("got %q", got)
	}
	if matches("", nil) {
		t.Error("nothing matches nothing")
	}
}
