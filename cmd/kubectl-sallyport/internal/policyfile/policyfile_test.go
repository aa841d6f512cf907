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
		"if a field is unknown, then where":         {document("a", good+"  fly: true\n"), "", []string{`p.yaml:7: unknown field "spec.fly"`}},
		"if one in a list is, then where":           {document("a", "spec: {masking: {literals: [{name: x, value: some text, vale: y}]}}\n"), "", []string{`p.yaml:4: unknown field "spec.masking.literals[0].vale"`}},
		"if it is no word, then it is not told":     {document("a", good+"  f-7: true\n"), "", []string{"p.yaml:7: there is no such field in an ExecutionPolicy"}},
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

// planted are texts that nobody may see again: none has a piece of eight bytes that anything else here has.
var planted = []string{"qZ7-" + strings.Repeat("jX4w", 4), "90210" + strings.Repeat("8317", 3)}

// TestNothingIsQuoted: whatever is wrong with a file, a value in it is not told.
func TestNothingIsQuoted(t *testing.T) {
	literals := func(text string) string { return document("a", "spec:\n  masking:\n    literals:\n"+text) }
	value := func(text string) string { return literals("    - name: x\n      value: " + text + "\n") }
	for name, text := range map[string]string{
		"if it is an alias":                   value("*%"),
		"if it is an anchor":                  value("&%"),
		"if it is an anchor in itself":        value("&% [*%]"),
		"if it is a tag":                      value("!% x"),
		"if it is a tag with a handle":        value("!%!% x"),
		"if it is no integer":                 value("!!int %-"),
		"if it is no float":                   value("!!float %-"),
		"if it is no truth":                   value("!!bool %"),
		"if it is no base64":                  value("!!binary %!"),
		"if it is no time":                    value("!!timestamp %"),
		"if it is merged":                     literals("    - name: x\n      <<: %\n"),
		"if it is a field":                    literals("    - {name: x, %}\n"),
		"if it is a field beside":             value("a value\n      %: x"),
		"if it is a field of the file":        document("a", "%: x\n"),
		"if it is a field with dots":          value("a value\n      %.%[0]: {x: y}"),
		"if it is a field twice":              value("a value\n      %: x\n      %: y"),
		"if the value is there twice":         value("%\n      value: %"),
		"if it is a complex key":              value("a value\n      ? {a: %}\n      : x"),
		"if it is a list as a key":            value("a value\n      ? [%]\n      : x"),
		"if it is an item":                    literals("    - %\n"),
		"if it is the list":                   document("a", "spec: {masking: {literals: %}}\n"),
		"if it is what is masked":             document("a", "spec: {masking: %}\n"),
		"if it is the specification":          document("a", "spec: %\n"),
		"if it is the number":                 document("a", "spec: {masking: {patterns: [{name: x, literal: abc, expression: d, maxLength: %}]}}\n"),
		"if it is too great a number":         document("a", "spec: {masking: {patterns: [{name: x, literal: abc, expression: d, maxLength: 1%}]}}\n"),
		"if it is the time of the object":     strings.Replace(document("a", good), "{name: a}", "{name: a, creationTimestamp: %}", 1),
		"if it is in a label that is no text": strings.Replace(document("a", good), "{name: a}", "{name: a, labels: {%: 1}}", 1),
		"if it is the kind":                   "apiVersion: v1\nkind: %\n",
		"if it is the document":               "%\n",
		"if it is a list":                     "- %\n",
		"if it is in a list of policies":      "kind: List\nitems: [%]\n",
		"if it is a list of policies":         "kind: List\nitems: %\n",
		"if it is a directive":                "%% %\n---\n" + document("a", good),
		"if it is a list as a value":          value("[%]"),
		"if it is a mapping as a value":       value("{%: %}"),
		"if it is in open quotes":             value(`"%`),
		"if it is in open single quotes":      value(`'%`),
		"if it is in an open list":            value("[%"),
		"if it is in an open mapping":         value("{%"),
		"if it is behind a colon":             value("a: %"),
		"if it is behind an at":               value("@%"),
		"if it is behind a backquote":         value("`%"),
		"if it is behind an escape":           value(`"\q%"`),
		"if it is behind quotes":              value(`"a"%`),
		"if it is the head of a block":        value("|%"),
		"if it is indented by a tab":          value("a\n\t%: x"),
		"if it is indented less":              value("|\n%"),
		"if it is behind a control character": value("\x01%"),
		"if it is behind what is no UTF-8":    value("\xff%"),
		"if it is in broken JSON":             `{"spec": {"masking": {"literals": [{"value": "%"`,
		"if it is behind JSON":                `{"kind": "x"} %`,
		"if the name is bad":                  literals("    - {name: A B, value: %}\n"),
		"if the name is missing":              literals("    - {value: %}\n"),
		"if it is the name, by mistake":       literals("    - {name: % %, value: x}\n"),
	} {
		t.Run(name, func(t *testing.T) {
			for _, secret := range planted {
				text := strings.ReplaceAll(strings.ReplaceAll(text, "%%", "\x00"), "%", secret)
				policies, err := policyfile.Read("p.yaml", strings.NewReader(strings.ReplaceAll(text, "\x00", "%")))
				if err == nil {
					if name != "if the name is missing" && len(policies) != 1 {
						t.Error("no error, and no policy")
					}
					continue
				}
				for i := range len(secret) - 5 {
					if strings.Contains(err.Error(), secret[i:i+6]) {
						t.Fatalf("it is told: %v", err)
					}
				}
				t.Log(err)
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
