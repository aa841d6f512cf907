package proxy

import (
	"context"
	"reflect"
	"time"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/proxy/session"
)

// tellEvery is how often at most a recording and a status are told of the Secrets: some change many times a second.
const tellEvery = time.Second

// news has one while there is something that was not told.
type news chan struct{}

func (n news) come() {
	select {
	case n <- struct{}{}:
	default: // who is told will see this, too
	}
}

// each calls tell whenever there is news, at once and then after a pause; what comes meanwhile is told together. It returns
// when over is closed: what is left then is for the caller.
func (n news) each(pause time.Duration, over <-chan struct{}, tell func()) {
	for {
		select {
		case <-n:
			tell()
		case <-over:
			return
		}
		select {
		case <-time.After(pause):
		case <-over:
			return
		}
	}
}

// rotated takes in what is new of the Secrets. Where it cannot be masked, what was masked still is.
func (l *live) rotated(ctx context.Context) error {
	rules, report, err := l.compile(ctx)
	if over := ctx.Err(); over != nil {
		return over
	}
	if err == nil {
		l.values.hand(rules)
	} else {
		l.Log.Error(err, "masking the values of a session's Secrets", "session", l.object.Name)
	}
	l.values.learn(report)
	l.values.toRecord.come()
	l.values.toShow.come()
	if why := l.lacks(&report, err); why != nil {
		l.Registry.EndIf(func(f session.Facts) *session.End {
			if f.ID != l.object.Name {
				return nil
			}
			return session.Unmasked(why.Error())
		})
	}
	return err
}

// hand gives rules to the session's streams. Newer rules have all the values of older ones, which nobody needs any more then.
func (v *secretValues) hand(rules *mask.Rules) {
	select {
	case <-v.changes:
	default:
	}
	v.changes <- rules
}

// recordSecrets makes the recording say what is masked now.
func (l *live) recordSecrets() {
	l.values.recording.Lock()
	defer l.values.recording.Unlock()
	report := l.values.known()
	now := recordedReport(&report)
	for _, change := range changesOf(l.values.recorded, now) {
		// A recording that has failed ends the session by itself.
		_ = l.recorder.SecretChanged(change)
	}
	l.values.recorded = now
}

// showSecrets makes the status say what is masked, until the session is over.
func (l *live) showSecrets(status accessv1alpha1.ExecutionSessionStatus) {
	status.Conditions = l.conditions()
	l.report(status)
	shown := status.Conditions
	l.values.toShow.each(tellEvery, l.over, func() {
		if now := l.conditions(); !reflect.DeepEqual(now, shown) {
			l.report(accessv1alpha1.ExecutionSessionStatus{Conditions: now})
			shown = now
		}
	})
}
