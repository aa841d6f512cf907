// Package policyfile reads ExecutionPolicies from files, and says in which line of which file something is wrong.
//
// A file is YAML or JSON, with any number of documents; a document is one policy, or a list of them as kubectl get
// prints it. What cannot be in a policy, or could not be used as one, is an error, and all errors are told at once.
//
// No error quotes a literal, wherever in the file it stands: not as the name of an anchor or of a tag, either, nor as that of a
// field, but for names of a few letters and nothing else, as fields have. So what decoders say is told in words of this package's
// own, but for what has no part of the file in it.
package policyfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	serializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	yamlnode "sigs.k8s.io/yaml/goyaml.v3"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/maskpolicy"
)

// Read reads all policies of a file of this name.
func Read(name string, r io.Reader) ([]*accessv1alpha1.ExecutionPolicy, error) {
	var all []*accessv1alpha1.ExecutionPolicy
	var errs []error
	for decoder := yamlnode.NewDecoder(r); ; {
		var document yamlnode.Node
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s", name, syntax(err)))
			break
		}
		for _, node := range items(document.Content[0]) {
			policy, err := decode(name, node)
			all, errs = append(all, policy), append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: there is no ExecutionPolicy in it", name)
	}
	return all, nil
}

// items are the policies of a document.
func items(root *yamlnode.Node) []*yamlnode.Node {
	kind := child(root, "kind")
	if kind == nil || !strings.HasSuffix(kind.Value, "List") {
		return []*yamlnode.Node{root}
	}
	list := child(root, "items")
	if list == nil {
		return nil
	}
	return list.Content
}

// decode makes a policy of a node, if it could be used.
func decode(file string, node *yamlnode.Node) (*accessv1alpha1.ExecutionPolicy, error) {
	at := func(n *yamlnode.Node) string { return fmt.Sprintf("%s:%d", file, n.Line) }
	if kind, version := text(node, "kind"), text(node, "apiVersion"); kind != "ExecutionPolicy" || version != accessv1alpha1.GroupVersion.String() {
		return nil, fmt.Errorf("%s: it is no ExecutionPolicy of %s", at(node), accessv1alpha1.GroupVersion)
	}
	var plain any
	if err := node.Decode(&plain); err != nil {
		return nil, content(file, node, err)
	}
	object, err := json.Marshal(plain)
	if err != nil {
		return nil, fmt.Errorf("%s: a field's name is no text", at(node))
	}
	policy := &accessv1alpha1.ExecutionPolicy{}
	if err := strictly(object, policy); err != nil {
		return nil, form(file, node, object, err)
	}
	var errs []error
	for _, e := range maskpolicy.Validate(policy) {
		errs = append(errs, fmt.Errorf("%s: %s: %s", at(find(node, e.Field)), e.Field, e.Detail))
	}
	return policy, errors.Join(errs...)
}

// strictly decodes as the API server does for kubectl: what it does not know is an error.
func strictly(object []byte, policy *accessv1alpha1.ExecutionPolicy) error {
	scheme := runtime.NewScheme()
	if err := accessv1alpha1.AddToScheme(scheme); err != nil {
		return fmt.Errorf("knowing the kind: %w", err)
	}
	decoder := serializer.NewSerializerWithOptions(serializer.DefaultMetaFactory, scheme, scheme, serializer.SerializerOptions{Strict: true})
	_, _, err := decoder.Decode(object, nil, policy)
	return err
}

// find is the node at a path like spec.masking.patterns[2].expression, or the nearest one around it that is there.
func find(node *yamlnode.Node, path string) *yamlnode.Node {
	_, value := findField(node, path)
	return value
}

// findField is find, with the name of the field.
func findField(node *yamlnode.Node, path string) (name, value *yamlnode.Node) {
	name = node
	for part := range strings.SplitSeq(strings.ReplaceAll(path, "[", ".["), ".") {
		called, next := field(node, part)
		if index, ok := strings.CutPrefix(part, "["); ok {
			if i, err := strconv.Atoi(strings.TrimSuffix(index, "]")); err == nil && i < len(node.Content) {
				called, next = node.Content[i], node.Content[i]
			}
		}
		if next == nil {
			return name, node
		}
		name, node = called, next
	}
	return name, node
}

// child is a field of a mapping; nil if there is none.
func child(node *yamlnode.Node, name string) *yamlnode.Node {
	_, value := field(node, name)
	return value
}

// field is one of a mapping, with its name; nil if there is none.
func field(node *yamlnode.Node, called string) (name, value *yamlnode.Node) {
	for i := 0; node.Kind == yamlnode.MappingNode && i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == called {
			return node.Content[i], node.Content[i+1]
		}
	}
	return nil, nil
}

func text(node *yamlnode.Node, name string) string {
	if found := child(node, name); found != nil {
		return found.Value
	}
	return ""
}
