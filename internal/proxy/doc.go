// Package proxy is the HTTP face of Sallyport: the aggregated API gateway.sallyport.dev.
//
// Under /apis/gateway.sallyport.dev/v1alpha1/gateways/main/proxy lies the whole Kubernetes API. A request
// there takes one of three ways, chosen by its path alone (route):
//
//   - pods/exec, pods/attach and pods/portforward become sessions: decided, recorded and masked (package session). A request for
//     them that does not ask for an upgrade is refused, never passed on.
//   - everything that could carry a stream past the recorder is refused: every proxy subresource,
//     the gateway itself (a loop), and every other upgrade, however its headers are spelled.
//   - all else goes to the API server as the user, byte for byte: lists, watches, logs, apply.
//
// Invariants:
//
//   - The user is who the API server's front proxy, or a credential of their own, says; headers that claim an
//     identity never travel on. The session token is set by this proxy only.
//   - The path that was judged is the path that is sent. One that two parsers could read differently (encoded
//     slashes and dots, empty or dot segments, a trailing slash) is refused.
//   - No session without a decision that allows it, no byte before the open object is in the store, and no
//     clean exit status before the recording is sealed.
//
// RBAC, admission and audit of the API server apply to every request a second time, as the user.
package proxy
