package webhooks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/sallyport-dev/sallyport/internal/layout"
)

// hook is what both kinds of webhooks have in common.
type hook struct {
	Name                    string
	Mutating                bool
	ClientConfig            admissionregistrationv1.WebhookClientConfig
	Rules                   []admissionregistrationv1.RuleWithOperations
	FailurePolicy           *admissionregistrationv1.FailurePolicyType
	MatchPolicy             *admissionregistrationv1.MatchPolicyType
	NamespaceSelector       any
	ObjectSelector          any
	SideEffects             *admissionregistrationv1.SideEffectClass
	TimeoutSeconds          *int32
	AdmissionReviewVersions []string
	MatchConditions         []admissionregistrationv1.MatchCondition
}

// generated reads the manifest that is installed.
func generated(t *testing.T) []hook {
	t.Helper()
	manifest, err := os.ReadFile("../config/webhook/manifests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var hooks []hook
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096)
	for {
		var document struct {
			Kind     string `json:"kind"`
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
			Webhooks []hook `json:"webhooks"`
		}
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return hooks
		}
		if err != nil {
			t.Fatal(err)
		}
		if document.Metadata.Name != "sallyport" {
			t.Errorf("%s %q is not found by who keeps the CA bundle", document.Kind, document.Metadata.Name)
		}
		for _, h := range document.Webhooks {
			h.Mutating = document.Kind == "MutatingWebhookConfiguration"
			hooks = append(hooks, h)
		}
	}
}

func TestEveryWebhookFailsClosedAndIsAskedAboutEverything(t *testing.T) {
	for _, h := range generated(t) {
		t.Run(*h.ClientConfig.Service.Path, func(t *testing.T) {
			if h.FailurePolicy == nil || *h.FailurePolicy != admissionregistrationv1.Fail {
				t.Error("it does not fail closed")
			}
			if h.ObjectSelector != nil || h.NamespaceSelector != nil {
				t.Error("it has a selector: an object without metadata, or a label, would slip by")
			}
			if h.MatchPolicy == nil || *h.MatchPolicy != admissionregistrationv1.Equivalent {
				t.Error("it does not match equivalent versions")
			}
			if h.SideEffects == nil || *h.SideEffects != admissionregistrationv1.SideEffectClassNoneOnDryRun || h.TimeoutSeconds == nil || *h.TimeoutSeconds != 10 {
				t.Errorf("side effects %v, timeout %v", h.SideEffects, h.TimeoutSeconds)
			}
			if s := h.ClientConfig.Service; s.Name != layout.WebhookService || s.Namespace != layout.SystemNamespace || h.ClientConfig.URL != nil {
				t.Errorf("it is served by %+v", s)
			}
			for _, rule := range h.Rules {
				if rule.Scope != nil && *rule.Scope != admissionregistrationv1.AllScopes {
					t.Errorf("its rule is limited to the scope %s", *rule.Scope)
				}
			}
			wantConditions(t, h)
		})
	}
}

// wantConditions holds the matchConditions to the list that the handler has.
func wantConditions(t *testing.T, h hook) {
	t.Helper()
	var want []admissionregistrationv1.MatchCondition
	path := *h.ClientConfig.Service.Path
	if slices.Contains([]string{PathMutatePods, PathValidatePods, PathPodImages}, path) {
		quoted := make([]string, 0, len(PodControllers()))
		for _, name := range PodControllers() {
			quoted = append(quoted, "'"+name+"'")
		}
		want = []admissionregistrationv1.MatchCondition{{
			Name: "not-a-controller", Expression: fmt.Sprintf("!(request.userInfo.username in [%s])", strings.Join(quoted, ", ")),
		}}
	}
	if path == PathPodImages {
		const images = "%[1]s.spec.containers.map(c, c.?image) != %[2]s.spec.containers.map(c, c.?image) || " +
			"%[1]s.spec.?initContainers.orValue([]).map(c, c.?image) != %[2]s.spec.?initContainers.orValue([]).map(c, c.?image)"
		want = append(want, admissionregistrationv1.MatchCondition{Name: "changes-an-image", Expression: fmt.Sprintf(images, "object", "oldObject")})
	}
	if diff := cmp.Diff(want, h.MatchConditions); diff != "" {
		t.Errorf("matchConditions (-want +got):\n%s", diff)
	}
}

func TestTheRulesAreComplete(t *testing.T) {
	want := map[string]string{
		PathConnect:             "CONNECT v1 pods/exec,pods/attach,pods/portforward",
		PathMutatePods:          "CREATE v1 pods",
		PathValidatePods:        "CREATE v1 pods",
		PathPodImages:           "UPDATE v1 pods",
		PathEphemeralContainers: "UPDATE v1 pods/ephemeralcontainers",
		PathMutateGrants:        "CREATE,UPDATE access.sallyport.dev/v1alpha1 executiongrants",
		PathValidateGrants:      "CREATE,UPDATE access.sallyport.dev/v1alpha1 executiongrants",
		PathMutateApprovals:     "UPDATE access.sallyport.dev/v1alpha1 approvalrequests",
		PathValidateApprovals:   "CREATE,UPDATE,DELETE access.sallyport.dev/v1alpha1 approvalrequests",
		PathValidatePolicies:    "CREATE,UPDATE access.sallyport.dev/v1alpha1 executionpolicies",
		PathOwn:                 "CREATE,UPDATE access.sallyport.dev/v1alpha1 executionsessions,executionsessions/status,executiongrants/status,approvalrequests/status,executionpolicies/status",
	}
	got := map[string]string{}
	for _, h := range generated(t) {
		path := *h.ClientConfig.Service.Path
		if h.Mutating != strings.HasPrefix(path, "/mutate-") {
			t.Errorf("%s is mutating: %t", path, h.Mutating)
		}
		for _, rule := range h.Rules {
			operations := make([]string, 0, len(rule.Operations))
			for _, op := range rule.Operations {
				operations = append(operations, string(op))
			}
			group := strings.Trim(rule.APIGroups[0]+"/"+rule.APIVersions[0], "/")
			got[path] += strings.Join([]string{strings.Join(operations, ","), group, strings.Join(rule.Resources, ",")}, " ")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

type paths map[string]http.Handler

func (p paths) Register(path string, h http.Handler) { p[path] = h }

func TestEveryPathOfTheManifestIsServed(t *testing.T) {
	w := world{}
	registered := paths{}
	complete := Options{
		Scheme: testScheme(), Live: w.client(), Authorizer: authorizerFunc(allowed),
		PublicKey: make([]byte, 32), CommandKey: commandKey, Now: clock, Username: sallyport,
	}
	if err := Setup(registered, complete); err != nil {
		t.Fatal(err)
	}
	var called []string
	for _, h := range generated(t) {
		called = append(called, *h.ClientConfig.Service.Path)
	}
	slices.Sort(called)
	if diff := cmp.Diff(called, slices.Sorted(maps.Keys(registered))); diff != "" {
		t.Errorf("paths (-called +served):\n%s", diff)
	}
	for name, change := range map[string]func(*Options){
		"if the key is missing, then it does not start":        func(o *Options) { o.PublicKey = nil },
		"if the other is missing, then it does not start":      func(o *Options) { o.CommandKey = nil },
		"if the authorizer is missing, then it does not start": func(o *Options) { o.Authorizer = nil },
		"if it does not know its name, then it does not start": func(o *Options) { o.Username = "" },
		"if the clock is missing, then it does not start":      func(o *Options) { o.Now = nil },
	} {
		t.Run(name, func(t *testing.T) {
			o := complete
			change(&o)
			if err := Setup(paths{}, o); err == nil {
				t.Error("started")
			}
		})
	}
}
