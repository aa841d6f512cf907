package policyfile_test

import (
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/policyfile"
)

const head = "apiVersion: access.sallyport.dev/v1alpha1\nkind: ExecutionPolicy\nmetadata: {name: %}\n"

func document(name, spec string) string { return strings.Replace(head, "%", name, 1) + spec }

const good = "spec:\n  masking:\n    disabledDetectors: [jwt]\n"

func TestRead(t *testing.T) {
	tests := map[string]struct {
		text  string
		names string   // of the policies
		says  []string // of the error
	}{
		"if there is one, then it is read":          {document("a", good), "a", nil},
		"if there are two, then both are":           {document("a", good) + "---\n" + document("b", good), "a b", nil},
		"if it is JSON, then it is read":            {`{"apiVersion": "access.sallyport.dev/v1alpha1", "kind": "ExecutionPolicy", "metadata": {"name": "a"}, "spec": {"masking": {}}}`, "a", nil},
		"if it is a list, then its items are":       {"apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(document("a", good)), "\n", "\n  "), "a", nil},
		"if it is empty, then that is said":         {"# nothing\n", "", []string{"p.yaml: there is no ExecutionPolicy"}},
		"if it is something else, then where":       {document("a", good) + "---\napiVersion: v1\nkind: Pod\n", "", []string{"p.yaml:8: it is no ExecutionPolicy of access.sallyport.dev/v1alpha1"}},
		"if it is another version, then where":      {strings.Replace(document("a", good), "v1alpha1", "v9", 1), "", []string{"p.yaml:1: it is no"}},
		"if it is no mapping, then where":           {"\n- x\n", "", []string{"p.yaml:2: it is no"}},
		"if a field is unknown, then it is named":   {document("a", good+"  fly: true\n"), "", []string{"p.yaml:1: ", `unknown field "spec.fly"`}},
		"if it is no YAML, then the line is told":   {document("a", "spec: [\n"), "", []string{"p.yaml: yaml: line 4"}},
		"if a key is there twice, then it is found": {document("a", good+good), "", []string{"p.yaml: ", "line 7"}},
		"if rules are bad, then all lines are told": {
			document("a", good) + "---\n" + document("b", `spec:
  namespaceSelector:
    matchExpressions: [{key: a, operator: Like}]
  masking:
    disabledDetectors:
    - jwt
    - fly
    literals:
    - name: short
      value: sec
    patterns:
    - {name: fine, literal: abc, expression: d, maxLength: 1}
    - name: open
      literal: abc
      expression: "(d"
      maxLength: 1
    - name: endless
      literal: abc
      expression: d
`), "", []string{
				`p.yaml:13: spec.namespaceSelector: "Like" is not a valid label selector operator`,
				`p.yaml:17: spec.masking.disabledDetectors[1]: there is no detector "fly"`,
				`p.yaml:20: spec.masking.literals[0].value: it has 3 bytes`,
				`p.yaml:25: spec.masking.patterns[1].expression: error parsing regexp`,
				`p.yaml:27: spec.masking.patterns[2].maxLength: it is 0`,
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			policies, err := policyfile.Read("p.yaml", strings.NewReader(tt.text))
			var names []string
			for _, p := range policies {
				names = append(names, p.Name)
			}
			if strings.Join(names, " ") != tt.names || (err == nil) != (tt.says == nil) {
				t.Fatalf("%v, %v", names, err)
			}
			for _, says := range tt.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%q is not in:\n%v", says, err)
				}
			}
			if len(tt.says) == 5 && strings.Count(err.Error(), "\n") != 4 {
				t.Errorf("more than asked for:\n%v", err)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add(document("a", good) + "---\n[]\n---\n")
	f.Add("kind: List\nitems: {a: b}\n")
	f.Add("apiVersion: v1\nkind: List\nitems: [1, [2], {kind: x}, &a [*a]]\n")
	f.Fuzz(func(t *testing.T, text string) {
		policies, err := policyfile.Read("p.yaml", strings.NewReader(text))
		if (err == nil) == (len(policies) == 0) {
			t.Errorf("%d policies, %v", len(policies), err)
		}
	})
}
