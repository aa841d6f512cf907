// Package v1alpha1 holds the API of Sallyport, group access.sallyport.dev.
//
// An ExecutionGrant is the permission to run code in pods for a bounded time. An ApprovalRequest
// carries the decisions of people about one grant. An ExecutionSession is one live or recent
// stream that a grant covers. An ExecutionPolicy is what an administrator demands of all streams
// in some namespaces.
//
// Who wrote what: a person writes the spec of a grant and adds to the decisions of an
// ApprovalRequest; admission stamps and verifies who they are. Everything else, every status
// included, is written by Sallyport's own service account and by nobody else.
//
// +kubebuilder:object:generate=true
// +groupName=access.sallyport.dev
package v1alpha1
