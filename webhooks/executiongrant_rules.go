package webhooks

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer/grant"
)

// grantFacts is what a new grant is judged by, besides itself.
type grantFacts struct {
	user      *authenticationv1.UserInfo
	namespace string
	now       time.Time
	// pods are those that the target means now.
	pods []corev1.Pod
	// mayDelegate is whether the user may declare grants for others.
	mayDelegate bool
}

// validateNewGrant judges a grant that was stamped. What the schema says is not said again.
func validateNewGrant(g *accessv1alpha1.ExecutionGrant, f *grantFacts) field.ErrorList {
	spec := field.NewPath("spec")
	var errs field.ErrorList
	errs = append(errs, validateRequester(g, f, spec)...)
	errs = append(errs, validateSubject(g, f, spec.Child("subject"))...)
	errs = append(errs, validateTarget(&g.Spec.Target, f, spec.Child("target"))...)
	errs = append(errs, validatePin(&g.Spec.Target, f, spec.Child("target", "podUID"))...)
	errs = append(errs, validatePatterns(&g.Spec, spec)...)
	errs = append(errs, validateText(spec.Child("reason"), g.Spec.Reason, true)...)
	errs = append(errs, validateText(spec.Child("ticket"), g.Spec.Ticket, false)...)
	if w := g.Spec.Window; w != nil && !f.now.Before(w.NotAfter.Time) {
		errs = append(errs, field.Invalid(spec.Child("window", "notAfter"), w.NotAfter.UTC().Format(time.RFC3339),
			"is over already: it is now "+f.now.UTC().Format(time.RFC3339)))
	}
	return errs
}

func validateRequester(g *accessv1alpha1.ExecutionGrant, f *grantFacts, spec *field.Path) field.ErrorList {
	r := g.Spec.Requester
	if r != nil && apiequality.Semantic.DeepEqual(r, identityOf(f.user)) {
		return nil
	}
	var name string
	if r != nil {
		name = r.Username
	}
	return field.ErrorList{field.Invalid(spec.Child("requester"), name, fmt.Sprintf("leave it out: it is stamped with who you are, %q", f.user.Username))}
}

func validateSubject(g *accessv1alpha1.ExecutionGrant, f *grantFacts, path *field.Path) field.ErrorList {
	s := g.Spec.Subject
	switch {
	case s == nil:
		return field.ErrorList{field.Required(path, "it was not stamped")}
	case *s == accessv1alpha1.SubjectOf(f.user.Username):
		return nil
	case !f.mayDelegate:
		return field.ErrorList{field.Forbidden(path, fmt.Sprintf(
			"a grant for somebody else (%s %q) takes the verb delegate on executiongrants in namespace %q (ClusterRole sallyport-delegate); "+
				"leave it out to request for yourself",
			s.Kind, s.Name, f.namespace))}
	default:
		return validateText(path.Child("name"), s.Name, false)
	}
}

// validateTarget refuses a grant that could never open anything that is there now.
func validateTarget(t *accessv1alpha1.Target, f *grantFacts, path *field.Path) field.ErrorList {
	switch {
	case len(f.pods) > 0:
		return validateContainers(t, f, path.Child("containers"))
	case t.PodName != "":
		return field.ErrorList{field.Invalid(path.Child("podName"), t.PodName, fmt.Sprintf("there is no such pod: kubectl get pods -n %s lists them", f.namespace))}
	case t.Selector != nil:
		return field.ErrorList{field.Invalid(path.Child("selector"), f.namespace, fmt.Sprintf(
			"it matches no pod: kubectl get pods -n %s --show-labels lists them", f.namespace))}
	default:
		return nil
	}
}

// validateContainers asks that each container is in at least one of the pods.
func validateContainers(t *accessv1alpha1.Target, f *grantFacts, path *field.Path) field.ErrorList {
	var names []string
	for i := range f.pods {
		names = append(names, containersOf(&f.pods[i].Spec)...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	var errs field.ErrorList
	for i, name := range t.Containers {
		if !slices.Contains(names, name) {
			errs = append(errs, field.Invalid(path.Index(i), name, "there is no such container, only: "+strings.Join(names, ", ")))
		}
	}
	return errs
}

func containersOf(spec *corev1.PodSpec) []string {
	var names []string
	for _, containers := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range containers {
			names = append(names, containers[i].Name)
		}
	}
	for i := range spec.EphemeralContainers {
		names = append(names, spec.EphemeralContainers[i].Name)
	}
	return names
}

// validatePin asks that the grant is bound to the pod which has the name now.
func validatePin(t *accessv1alpha1.Target, f *grantFacts, path *field.Path) field.ErrorList {
	switch {
	case t.PodName == "" && t.PodUID == "":
		return nil
	case t.PodName != "" && len(f.pods) == 0:
		return nil // validateTarget has said so
	case t.PodName != "" && t.PodUID != "" && t.PodUID == string(f.pods[0].UID):
		return nil
	default:
		return field.ErrorList{field.Invalid(path, t.PodUID, "leave it out: it is stamped with the UID of the pod that target.podName names")}
	}
}

func validatePatterns(s *accessv1alpha1.ExecutionGrantSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, p := range s.Commands {
		for j, glob := range p.Argv {
			// A script has lines.
			errs = append(errs, validateGlob(path.Child("commands").Index(i).Child("argv").Index(j), glob, true)...)
		}
	}
	for i, glob := range s.Target.Images {
		errs = append(errs, validateGlob(path.Child("target", "images").Index(i), glob, false)...)
	}
	return errs
}

func validateGlob(path *field.Path, glob string, lines bool) field.ErrorList {
	if errs := validateText(path, glob, lines); len(errs) > 0 {
		return errs
	}
	if !grant.ValidGlob(glob) {
		return field.ErrorList{field.Invalid(path, glob, `ends in a lone backslash: write \\ for a backslash`)}
	}
	return nil
}

// validateText refuses what a reader would not see as it is: control and format characters (among them those that turn
// the direction of text), blanks at the ends, and what is not UTF-8. A text of several lines may hold line breaks and tabs.
func validateText(path *field.Path, text string, lines bool) field.ErrorList {
	invisible := func(r rune) bool {
		return !unicode.IsPrint(r) && (!lines || r != '\n' && r != '\t')
	}
	switch {
	case !utf8.ValidString(text), strings.ContainsFunc(text, invisible):
		return field.ErrorList{field.Invalid(path, fmt.Sprintf("%q", text), "holds characters that cannot be seen")}
	case !lines && strings.TrimSpace(text) != text:
		return field.ErrorList{field.Invalid(path, text, "begins or ends with a blank")}
	default:
		return nil
	}
}

// validateGrantUpdate says again what the schema says: nothing that was asked for may change.
func validateGrantUpdate(old, g *accessv1alpha1.ExecutionGrant) field.ErrorList {
	if !apiequality.Semantic.DeepEqual(old.Spec, g.Spec) {
		return field.ErrorList{field.Forbidden(field.NewPath("spec"), "the spec of a grant is immutable: delete this grant and request another")}
	}
	return nil
}
