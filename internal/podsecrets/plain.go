package podsecrets

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/sallyport-dev/sallyport/internal/mask/forms"
)

// plain takes the variables that stand in the pod's specification: a value whose name says secret, and of every other one
// what says so of itself.
func (s *Session) plain(pod *corev1.Pod, container string) {
	for _, c := range containersOf(pod, container) {
		for _, e := range c.Env {
			if e.ValueFrom != nil {
				continue // what it holds does not stand here
			}
			rule, value := "env/"+e.Name, []byte(e.Value)
			if !forms.SecretName(e.Name) {
				s.take(&s.environment, rule, e.Name, forms.Embedded(value))
				continue
			}
			if why := forms.Unfit(value); why != "" {
				s.environment.ignore(Ignored{Key: e.Name, Why: why})
			}
			s.take(&s.environment, rule, e.Name, forms.Parts("", e.Name, value))
		}
	}
}
