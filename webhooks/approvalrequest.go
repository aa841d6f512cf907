package webhooks

import (
	"context"
	"fmt"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

// ApprovalMutator stamps a decision that somebody adds with who decides and when. What is written by hand stays, for
// ApprovalValidator to judge.
type ApprovalMutator struct {
	Decoder admission.Decoder
	Now     func() time.Time
	// Username is Sallyport's own.
	Username string
}

// ApprovalValidator lets Sallyport make approval requests and people add one decision of their own, and nothing else.
type ApprovalValidator struct {
	Decoder admission.Decoder
	// Live reads grants from the API server, not from a cache, and asks the authorizer.
	Live client.Client
	Now  func() time.Time
	// Username is Sallyport's own.
	Username string
}

// Handle stamps.
func (m *ApprovalMutator) Handle(ctx context.Context, req admission.Request) admission.Response {
	if req.UserInfo.Username == m.Username || slices.Contains(caretakers(), req.UserInfo.Username) {
		return admission.Allowed("")
	}
	response, err := m.stamp(&req)
	if err != nil {
		return answer(ctx, err, "operation", req.Operation)
	}
	return response
}

func (m *ApprovalMutator) stamp(req *admission.Request) (admission.Response, error) {
	if req.Operation != admissionv1.Update {
		return admission.Response{}, refuse("Sallyport does not know this request, so it is denied")
	}
	old := &accessv1alpha1.ApprovalRequest{}
	if err := m.Decoder.DecodeRaw(req.OldObject, old); err != nil {
		return admission.Response{}, refuse("the stored approval request cannot be read, so the update is denied")
	}
	return patch(req, func(object map[string]any) error {
		return stampDecisions(object, old, req.UserInfo.Username, m.Now())
	})
}

// stampDecisions completes the decisions of object. It speaks up itself where the schema would later use words that do
// not help: when a patch replaced the list, and when somebody decides twice.
func stampDecisions(object map[string]any, old *accessv1alpha1.ApprovalRequest, username string, now time.Time) error {
	list, _, err := unstructured.NestedSlice(object, "spec", "decisions")
	if err != nil {
		return refuse("spec.decisions is not a list")
	}
	var approvers []string
	for i := range list {
		decision, ok := list[i].(map[string]any)
		if !ok {
			return refuse("spec.decisions[%d] is not an object", i)
		}
		stampDecision(decision, old, username, now)
		approver, _ := decision["approver"].(string)
		if approver == username && slices.Contains(approvers, approver) {
			return refuse("spec.decisions[%d]: %q has decided already, and a decision stands", i, username)
		}
		approvers = append(approvers, approver)
	}
	for _, d := range old.Spec.Decisions {
		if !slices.Contains(approvers, d.Approver) {
			return refuse("spec.decisions is append-only, and this would remove the decision of %q; add yours with: "+
				`kubectl patch approvalrequest -n %s %s --type=json -p '[{"op":"add","path":"/spec/decisions/-","value":{"verdict":"Approved"}}]'`,
				d.Approver, old.Namespace, old.Name)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return setField(object, list, "spec", "decisions")
}

// stampDecision fills in who and when. The time of a stored decision is put back where a client left it out.
func stampDecision(decision map[string]any, old *accessv1alpha1.ApprovalRequest, username string, now time.Time) {
	if approver, ok := decision["approver"]; !ok || approver == nil || approver == "" {
		decision["approver"] = username
	}
	if at, ok := decision["time"]; ok && at != nil {
		return
	}
	decision["time"] = now.UTC().Format(time.RFC3339)
	for _, d := range old.Spec.Decisions {
		if d.Approver == decision["approver"] && !d.Time.IsZero() {
			decision["time"] = d.Time.UTC().Format(time.RFC3339)
		}
	}
}

// Handle verifies.
func (v *ApprovalValidator) Handle(ctx context.Context, req admission.Request) admission.Response {
	return answer(ctx, v.check(ctx, &req), "operation", req.Operation)
}

func (v *ApprovalValidator) check(ctx context.Context, req *admission.Request) error {
	username := req.UserInfo.Username
	own := username != "" && username == v.Username
	switch req.Operation {
	case admissionv1.Create:
		return v.checkCreate(req, own)
	case admissionv1.Update:
		return v.checkUpdate(ctx, req, own)
	case admissionv1.Delete:
		if own || slices.Contains(caretakers(), username) || v.isOrphan(ctx, req) {
			return nil
		}
		return refuse("approval requests are deleted with their grant: kubectl delete executiongrant -n %s %s", req.Namespace, req.Name)
	case admissionv1.Connect:
		fallthrough
	default:
		return refuse("Sallyport does not know this request, so it is denied")
	}
}

// isOrphan reports whether the grant is gone. Its name would be blocked for ever if nobody could delete what it left.
func (v *ApprovalValidator) isOrphan(ctx context.Context, req *admission.Request) bool {
	r, grant := &accessv1alpha1.ApprovalRequest{}, &accessv1alpha1.ExecutionGrant{}
	if v.Decoder.DecodeRaw(req.OldObject, r) != nil || r.Spec.GrantRef.UID == "" {
		return false
	}
	err := v.Live.Get(ctx, client.ObjectKey{Namespace: req.Namespace, Name: r.Spec.GrantRef.Name}, grant)
	return apierrors.IsNotFound(err) || err == nil && string(grant.UID) != r.Spec.GrantRef.UID
}

func (v *ApprovalValidator) checkCreate(req *admission.Request, own bool) error {
	r := &accessv1alpha1.ApprovalRequest{}
	if err := v.Decoder.Decode(*req, r); err != nil {
		return refuse("the approval request cannot be read: %v", err)
	}
	if !own {
		return refuse("only Sallyport makes approval requests: make an ExecutionGrant, and Sallyport will ask for its approval")
	}
	if len(r.Spec.Decisions) > 0 {
		return refuse("spec.decisions: a new approval request has none")
	}
	return nil
}

// checkUpdate judges first what can be judged without asking anybody.
func (v *ApprovalValidator) checkUpdate(ctx context.Context, req *admission.Request, own bool) error {
	old, r := &accessv1alpha1.ApprovalRequest{}, &accessv1alpha1.ApprovalRequest{}
	if v.Decoder.DecodeRaw(req.OldObject, old) != nil || v.Decoder.DecodeRaw(req.Object, r) != nil {
		return refuse("the approval request cannot be read, so the update is denied")
	}
	who := person
	if own || slices.Contains(caretakers(), req.UserInfo.Username) {
		who = program
	}
	added, errs := addedDecision(old, r, who)
	if len(errs) > 0 || added < 0 {
		return invalid("ApprovalRequest", r.Name, errs)
	}
	f, err := v.facts(ctx, &req.UserInfo, old)
	if err != nil {
		return err
	}
	return invalid("ApprovalRequest", r.Name, validateDecision(old, r, added, &f))
}

// facts reads what the judgement of a decision depends on.
func (v *ApprovalValidator) facts(ctx context.Context, user *authenticationv1.UserInfo, r *accessv1alpha1.ApprovalRequest) (decisionFacts, error) {
	f := decisionFacts{user: user, now: v.Now(), grant: &accessv1alpha1.ExecutionGrant{}}
	switch err := v.Live.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: r.Spec.GrantRef.Name}, f.grant); {
	case apierrors.IsNotFound(err):
		f.grant = nil
	case err != nil:
		return f, fmt.Errorf("reading grant %s/%s: %w", r.Namespace, r.Spec.GrantRef.Name, err)
	}
	var err error
	f.mayApprove, err = access(ctx, v.Live, user, layout.VerbApprove, "approvalrequests", r.Namespace, r.Name)
	if err == nil && f.grant != nil {
		f.poses, err = v.poses(ctx, user, f.grant)
	}
	return f, err
}

// poses returns the service account that asks, or is asked for, and that the user may act as; empty if there is none.
func (v *ApprovalValidator) poses(ctx context.Context, user *authenticationv1.UserInfo, g *accessv1alpha1.ExecutionGrant) (string, error) {
	subjects := []accessv1alpha1.Subject{g.Spec.SubjectOrRequester()}
	if g.Spec.Requester != nil {
		subjects = append(subjects, accessv1alpha1.SubjectOf(g.Spec.Requester.Username))
	}
	for _, s := range subjects {
		if s.Kind != accessv1alpha1.SubjectServiceAccount {
			continue
		}
		for _, way := range []authorizationv1.ResourceAttributes{
			{Verb: "impersonate", Resource: "serviceaccounts"},
			{Verb: "create", Resource: "serviceaccounts", Subresource: "token"},
		} {
			way.Namespace, way.Name, way.Version = s.Namespace, s.Name, "v1"
			if may, err := mayDo(ctx, v.Live, user, way); may || err != nil {
				return s.Namespace + "/" + s.Name, err
			}
		}
	}
	return "", nil
}
