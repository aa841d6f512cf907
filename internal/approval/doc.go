// Package approval decides whether people have agreed to a grant. It is pure: an ApprovalRequest, the grant and the
// time go in, an Outcome comes out; nothing is read or written.
//
// # What counts
//
//   - What people agree to is the Digest of the grant: its namespace, name, UID and spec. A request for another
//     digest or UID decides nothing about this grant; it is void.
//   - Any denial denies for good, whoever made it and whenever.
//   - An approval counts if its Verdict is Approved, admission stamped it before the deadline, and the person may
//     approve this grant (MayApprove): never the requester, never the subject, never a program.
//   - One person counts once. RequiredApprovals of them approve; the time of the last that was needed is the time
//     of the approval, so that it does not depend on when Sallyport got to see it.
//   - At the deadline, a request that was not approved by then is refused.
//
// Who the requester and the subject are is read from the grant, never from the request.
//
// # What stands
//
// Review judges the decisions as they are now. The first judgement that is not Pending is written into the status of
// the ApprovalRequest, under the resource version that was judged, and stands from then on (Settled): that write is the
// one point where a race between an approval, a denial and the deadline is decided.
package approval
