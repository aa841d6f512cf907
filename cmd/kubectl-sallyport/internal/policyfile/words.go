package policyfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	yamlnode "sigs.k8s.io/yaml/goyaml.v3"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

var (
	lineForm = regexp.MustCompile(`line \d+`)
	// constant is what the parser says in words that have no part of the file in them.
	constant = regexp.MustCompile(`^yaml: (line \d+: )?(did not find |could not find |found |mapping values |block |while |control characters |` +
		`exceeded max depth |invalid (leading|trailing) UTF-8 |incomplete UTF-|input error)`)
	unknownField = regexp.MustCompile(`^unknown field "(.*)"$`)
	// fieldName is a path that is told. A literal that slipped into a field's place rarely is such a word; one that is can be told.
	fieldName = regexp.MustCompile(`^[a-z][A-Za-z]{0,23}(\[\d{1,3}\])*(\.[a-z][A-Za-z]{0,23}(\[\d{1,3}\])*)*$`)
)

// syntax says why a document cannot be parsed.
func syntax(err error) string {
	text := err.Error()
	switch line := lineForm.FindString(text); {
	case constant.MatchString(text):
		return text
	case strings.HasPrefix(text, "yaml: unknown anchor "):
		return "there is a * before what is no anchor; a text that begins with * has to be in quotes"
	case line != "":
		return "yaml: " + line + ": it is no YAML"
	default:
		return "it is no YAML"
	}
}

// content says what about a document's content cannot be.
func content(file string, node *yamlnode.Node, err error) error {
	var several *yamlnode.TypeError
	if !errors.As(err, &several) {
		return fmt.Errorf("%s:%d: it has a value that is not what its tag says, a field whose name is no text, or an anchor in itself",
			file, node.Line)
	}
	var errs []error
	for _, one := range several.Errors {
		what := "it cannot be read"
		if strings.Contains(one, "already defined at") {
			what = "the field is there twice"
		}
		errs = append(errs, fmt.Errorf("%s: %s: %s", file, lineForm.FindString(one), what))
	}
	return errors.Join(errs...)
}

// form says what about an object is not as in a policy.
func form(file string, node *yamlnode.Node, object []byte, err error) error {
	if wrong, is := errors.AsType[*json.UnmarshalTypeError](json.Unmarshal(object, &accessv1alpha1.ExecutionPolicy{})); is {
		kind, _, _ := strings.Cut(wrong.Value, " ") // the number may follow
		kind = strings.NewReplacer("array", "list", "object", "mapping").Replace(kind)
		return fmt.Errorf("%s:%d: %s must be a %s, and there is a %s", file, find(node, wrong.Field).Line, wrong.Field, wanted(wrong), kind)
	}
	strict, ok := runtime.AsStrictDecodingError(err)
	if !ok {
		return fmt.Errorf("%s:%d: it cannot be decoded as an ExecutionPolicy", file, node.Line)
	}
	var errs []error
	for _, one := range strict.Errors() {
		line, what := node.Line, "it is not as an ExecutionPolicy has to be"
		if found := unknownField.FindStringSubmatch(one.Error()); found != nil {
			name, _ := findField(node, found[1])
			line, what = name.Line, "there is no such field in an ExecutionPolicy"
			if fieldName.MatchString(found[1]) {
				what = one.Error()
			}
		}
		errs = append(errs, fmt.Errorf("%s:%d: %s", file, line, what))
	}
	return errors.Join(errs...)
}

// wanted is what there has to be, in words of YAML.
func wanted(e *json.UnmarshalTypeError) string {
	switch kind := e.Type.Kind().String(); kind {
	case "struct", "map":
		return "mapping"
	case "slice":
		return "list"
	case "int32", "int64":
		return "whole number"
	default:
		return kind
	}
}
