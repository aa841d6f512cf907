// Package controllers moves grants through their life, and clears away sessions that are over.
//
//	requested ──► AwaitingApproval ──► AwaitingWindow ──► Active ──► Expired
//	                     └──► Denied, DeadlineExceeded, ApprovalVoid
//
// ExecutionGrantReconciler makes one ApprovalRequest for a new grant, once, and turns what was decided into the status
// of the grant. ApprovalRequestReconciler judges the decisions of people; the judgement is written under the resource
// version that was judged, so that of an approval, a denial and the deadline at the same moment one wins for good.
// SessionReconciler deletes ExecutionSessions some time after they were archived. ExecutionPolicyReconciler says of a
// policy whether it can be used; the gateways judge that for themselves.
//
// Each status is computed by a pure function of the objects and the clock, and written only where it differs: a restart
// at any moment, or a lost event, changes nothing but the moment of writing. What is due later is waited for exactly, by
// the next time that the function returns. Times are whole seconds. The time of activation is that of the deciding
// approval, so it does not move when Sallyport was away, and once written it never changes. What is final (Expired, or
// stalled) stays, whatever happens to the ApprovalRequest or to the clock.
//
// Whether a grant opens the door is not decided here alone: ExecutionGrant.ActiveAt compares the clock again at the
// time of use, so that a late write here leaves nothing open.
package controllers
