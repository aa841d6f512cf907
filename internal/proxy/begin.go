package proxy

import (
	"context"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/proxy/session"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// begin makes the open object and the ExecutionSession, side by side; where one of them fails, the other is ended, or taken back. Before, it
// decides once more: what ended between the first decision and the moment in which the registry knew of the session must
// not be lost.
func (l *live) begin(ctx context.Context, id string) error {
	action, grant := l.request.attributes.Action, l.request.decision.Grant
	if err := l.decide(ctx, l.request); err != nil {
		return err
	}
	if l.request.attributes.Action != action || l.request.decision.Grant != grant {
		return forbidden("the grant for the action " + action + " is over, and another one covers this; run the command again")
	}
	open, journal, err := l.prepare(ctx, id)
	if err != nil {
		return err
	}
	l.object = sessionObject(l.request, l.CommandKey, id, l.Proxy)
	announced := ahead(func() (*accessv1alpha1.ExecutionSession, error) { return l.object, l.Store.Create(ctx, l.object) })
	err = l.record(ctx, journal, open)
	switch _, failed := announced(); {
	case err == nil && failed == nil:
		l.values.Announce(l.rotated)
		l.reports.Go(func() { l.values.toRecord.each(tellEvery, l.over, l.recordSecrets) })
		l.uncount = l.Counts.add(l.object, func() (in, out int64) { return bytesOf(l.recorder.Totals()) })
		l.Log.Info("session opened", append(l.request.logValues(), "session", id, "grant", l.request.decision.Grant.Name)...)
		return nil
	case err == nil:
		l.Log.Error(failed, "making an executionsession", "session", id)
		if sealed := l.seal(recording.Exit{Reason: session.ReasonRefused, Message: "the session did not begin"}); sealed != nil {
			l.Log.Error(sealed, "sealing the recording of a session that did not begin", "session", id)
		}
		return unavailable("the gateway cannot make an executionsession; run the command again")
	case failed == nil:
		l.takeBack(ctx)
		return err
	default:
		return err
	}
}

// takeBack deletes the ExecutionSession of a session that did not begin. If it cannot, the resumer finds it.
func (l *live) takeBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTime)
	defer cancel()
	if err := l.Store.Delete(ctx, l.object); err != nil {
		l.Log.Error(err, "deleting the executionsession of a session that did not begin", "session", l.object.Name)
	}
}

// prepare describes the session while its journal is made.
func (l *live) prepare(ctx context.Context, id string) (recording.Open, recording.Journal, error) {
	made := ahead(func() (recording.Journal, error) { return l.Journal(id) })
	unread := l.know()
	var open recording.Open
	var err error
	if unread == nil {
		open, err = l.openObject(ctx, l.request, id)
	}
	journal, failed := made()
	switch {
	case failed != nil:
		return open, nil, l.notRecorded(failed, id)
	case unread != nil:
		l.discard(journal, id)
		return open, nil, unread
	case err != nil:
		l.Log.Error(err, "describing a session", l.request.logValues()...)
		l.discard(journal, id)
		return open, nil, unavailable("the gateway cannot read your grant now; run the command again")
	default:
		return open, journal, nil
	}
}

// discard removes the journal of a session that did not begin.
func (l *live) discard(journal recording.Journal, id string) {
	if err := journal.Remove(); err != nil {
		l.Log.Error(err, "removing the journal of a session that did not begin", "session", id)
	}
}

// record puts the open object.
func (l *live) record(ctx context.Context, journal recording.Journal, open recording.Open) (err error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if l.recorder, err = l.Record(ctx, journal, open); err != nil {
		return l.notRecorded(err, open.Session)
	}
	return nil
}

func (l *live) notRecorded(err error, id string) error {
	l.Log.Error(err, "starting a recording", append(l.request.logValues(), "session", id)...)
	return unavailable("the recording store is unreachable or refuses this recording; no session without a recording")
}
