// Package webhooks is the admission side of Sallyport: it lets code into containers only where a grant covers it, and
// makes sure that every person in an object is the person who wrote it.
//
//   - ConnectHandler denies every exec, attach and port-forward that does not carry a live session token of the gateway.
//   - PodMutator and PodValidator let people make pods only under a grant for Run, and bind the pod to it.
//   - PodImageHandler lets people change the image of a pod only under such a grant.
//   - EphemeralHandler lets people add debugging containers only under a grant for Debug.
//   - GrantMutator and GrantValidator stamp and verify who requests a grant and for whom, and which pod it means.
//   - ApprovalMutator and ApprovalValidator stamp and verify who decides and when.
//   - OwnHandler keeps statuses and sessions for Sallyport's own service account.
//
// Invariants:
//
//   - Who asks is userInfo of the admission request, never a field of an object. Nobody is exempt by group, by label or
//     by prefix: system:masters passes here like everybody else. Exempt are exact names, listed in identities.go.
//   - Whatever is missing, unknown, malformed or cannot be read denies. A mutating handler is never trusted: the
//     validating one checks again what it stamped.
//   - Every handler may be called again with the same request (kubectl falls back from WebSocket to SPDY after a
//     refusal, and API servers retry): a denial changes nothing, and a session token is consumed last.
//
// Threat: a person with every right in RBAC, except the one to change the webhook configurations themselves, which
// admission cannot guard.
package webhooks
