package controllers

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// lookup reads the object of a name, from one reader after the other until it is the wanted one: what the cache does not
// show may be there all the same, and what it shows may be gone. It returns what the last reader saw; nil if nothing.
func lookup[T any, P interface {
	*T
	client.Object
}](ctx context.Context, key client.ObjectKey, wanted func(P) bool, readers ...client.Reader) (P, error) {
	var last P
	for _, reader := range readers {
		found := P(new(T))
		err := reader.Get(ctx, key, found)
		switch {
		case apierrors.IsNotFound(err):
			last = nil
		case err != nil:
			return nil, err
		case wanted(found):
			return found, nil
		default:
			last = found
		}
	}
	return last, nil
}
