// Package session is the engine of one live stream: streams in, streams out, without HTTP.
//
// Between the person's leg and the container's every byte is masked, recorded durably, and only then passed on. Run ends with
// the command, or earlier with the first of: the grant's time, an event from the Registry, a recording that can no
// longer be kept, a client that leaves or breaks the protocol, a lost connection. Whatever ends it, the person reads
// one line that says why, and the recording says the same. It is sealed before the client gets its exit status, unless the
// store takes longer than SealTime: then it is safe in the spool, and the person is told.
//
// A command that outlives its session keeps its connection for some seconds more, without a person at the other end: its
// exit status tells whether it has ended; see leftover.
//
// Memory is bounded by the buffers of the legs, of the queues and of the recorder: a slow person, or a slow disk, slows the
// container. A slow store does once the spool is full: then the session ends.
package session

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

const (
	// farewellTime is how long a client may take to read its last line.
	farewellTime = 3 * time.Second
	// lastTime is how long input may take to get out of the client's leg once the client is gone.
	lastTime = time.Second
	// SealTime is how long a person waits for the store to seal the recording; it goes on without them.
	SealTime = 5 * time.Second
)

// Session is one stream that was decided and whose recording has begun.
type Session struct {
	Recorder *recording.Recorder
	Rules    *mask.Rules
	// Changes bring rules that apply from then on; nil for none.
	Changes <-chan *mask.Rules
	// Sealing is called before the recording is sealed, for what it still has to say; nil for nothing.
	Sealing func()
	// Target carries the container's side until the command ends; see streaming.Target.
	Target func(context.Context, streaming.Streams) error
	// Left is how long the grant lasts from now, and Expiry what to say then.
	Left   time.Duration
	Expiry *End
	TTY    bool
	// Waits is true where the end of the streams is the end of the process: for exec, not for attach.
	Waits bool
	// Started tells whether the container's side has begun, as far as the gateway knows. It is needed where Waits is true.
	Started func() bool
	// Kill ends the process of a session that is over, and says in words what it did; nil leaves the process. gone is closed
	// when the process has ended, and nil where nothing tells.
	Kill func(ctx context.Context, gone <-chan struct{}) string
	// Archive says which stream is a tar archive that passes unaltered, if one is.
	Archive *recording.ArchiveOpen

	live *rules
}

// rules are Rules, and then what Changes bring.
func (s *Session) rules() *rules {
	if s.live == nil {
		s.live = newRules(s.Rules)
	}
	return s.live
}

// Result is how a session went.
type Result struct {
	Exit recording.Exit
	// Sealed is nil if the recording is complete in the store, and recording.ErrPending if it will be.
	Sealed error
	// Status is for the client: nil, a streaming.ExitError, or an error with a metav1.Status.
	Status error
	// Cause is for the log: what the target leg and the streams said; nil for a command that ended.
	Cause error
}

// Run carries one session to its end. The recording is over when it returns.
func (s *Session) Run(ctx context.Context, client streaming.Client) Result {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	go s.rules().follow(ctx, s.Changes)
	expiry := time.AfterFunc(s.Left, func() { end(s.Expiry) })
	defer expiry.Stop()
	go func() {
		select {
		case <-s.Recorder.Failed():
			end(recordingFailed(s.Recorder.Err()))
		case <-ctx.Done():
		}
	}()
	taps := s.taps(ctx, client, end)
	leg, hangUp := context.WithCancel(ctx)
	if s.Waits {
		leg, hangUp = context.WithCancel(context.WithoutCancel(ctx))
		taps.outlast(ctx)
	}
	defer hangUp()
	over := make(chan error, 1)
	go func() { over <- s.stream(leg, taps.streams) }()
	select {
	case err := <-over:
		// What the masker held goes out now, to a person who may not read it: that, too, ends with the session.
		stop := context.AfterFunc(ctx, func() { client.Cut(farewellTime) })
		lost := taps.close()
		stop()
		return s.settle(ctx, client, s.judge(ctx, err, lost), leftover{})
	case <-ctx.Done():
	}
	// The target may wait for a person who does not read, or for a process that does not: the session does not wait with
	// it. After stop nothing more passes either way; after close, not even what waited for a person.
	client.Cut(farewellTime)
	if errors.Is(context.Cause(ctx), streaming.ErrClientGone) {
		taps.last()
	}
	taps.stop()
	if s.Waits {
		select {
		case err := <-over: // in the same moment
			return s.settle(ctx, client, s.judge(ctx, err, taps.close()), leftover{})
		default:
			return s.settle(ctx, client, s.judge(ctx, context.Cause(ctx), taps.close()), leave(over, hangUp))
		}
	}
	lost := taps.close()
	select {
	case err := <-over:
		return s.settle(ctx, client, s.judge(ctx, err, lost), leftover{})
	case <-time.After(farewellTime):
		return s.settle(ctx, client, s.judge(ctx, context.Cause(ctx), lost), leftover{})
	}
}

// stream is Target; a panic in it ends this session and no other.
func (s *Session) stream(ctx context.Context, streams streaming.Streams) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = caughtPanic("streaming", p)
		}
	}()
	return s.Target(ctx, streams)
}

// recordSizes passes terminal sizes on once they are recorded.
func (s *Session) recordSizes(ctx context.Context, from <-chan streaming.TerminalSize, end func(error)) <-chan streaming.TerminalSize {
	to := make(chan streaming.TerminalSize)
	go func() {
		defer close(to)
		for {
			select {
			case size, ok := <-from:
				if !ok {
					return
				}
				if err := errors.Join(s.Recorder.Resize(size.Width, size.Height), s.Recorder.Commit()); err != nil {
					end(recordingFailed(err))
					return
				}
				select {
				case to <- size:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return to
}

// settle tells the end, finds out about the process, and seals the recording.
func (s *Session) settle(ctx context.Context, client streaming.Client, result Result, left leftover) Result {
	var why *End
	if errors.As(result.Status, &why) {
		result.Status = why.StatusError()
		s.say(client, why.Text)
		if s.Waits {
			s.follow(ctx, client, &result.Exit, left)
		}
	}
	client.Cut(SealTime + farewellTime)
	// The session's context is over in most cases; the recording has to outlive it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), SealTime)
	defer cancel()
	if s.Sealing != nil {
		s.Sealing()
	}
	if result.Exit.Reason == ReasonInternal {
		s.Recorder.Abort(errInternal)
	}
	_, result.Sealed = s.Recorder.Close(ctx, result.Exit)
	switch {
	case errors.Is(result.Sealed, recording.ErrPending):
		s.tell(client, pending)
	case result.Sealed != nil && why == nil:
		why = notSealed()
		result.Status = why.StatusError()
		s.say(client, why.Text)
	}
	return result
}

// judge decides how the session ended. Its status is an *End if the session was ended.
func (s *Session) judge(ctx context.Context, err, lost error) Result {
	var exit streaming.ExitError
	exited := err == nil || errors.As(err, &exit)
	var api apierrors.APIStatus
	switch {
	case exited && (lost == nil || errors.Is(lost, errCut)):
		// Whatever else happened in the same moment, the command came to its end and all of it was delivered.
		process := recording.ProcessUnknown
		if s.Waits {
			process = recording.ProcessExited
		}
		result := Result{Exit: recording.Exit{Code: new(exit.Code), Reason: ReasonCompleted, Process: process}, Status: err}
		if err == nil && lost != nil {
			why := archiveCut() // and tar has not said so itself
			result.Exit.Reason, result.Exit.Message, result.Status = why.Reason, why.Text, why
		}
		return result
	case ctx.Err() == nil && errors.As(err, &api):
		status := api.Status()
		// It quotes the command that could not be run.
		status.Message = s.rules().text(status.Message)
		return Result{
			Exit:   recording.Exit{Reason: ReasonRefused, Message: status.Message, Process: recording.ProcessUnknown},
			Status: &apierrors.StatusError{ErrStatus: status}, Cause: errors.Join(err, lost),
		}
	default:
		cause := context.Cause(ctx)
		if bug, ok := errors.AsType[*caught](errors.Join(cause, err, lost)); ok {
			cause = bug // whatever else it led to
		}
		why := endOf(cause)
		end := recording.Exit{Reason: why.Reason, Message: why.Text, Process: recording.ProcessUnknown}
		if exited && s.Waits {
			end.Code, end.Process = new(exit.Code), recording.ProcessExited
		}
		return Result{Exit: end, Status: why, Cause: errors.Join(err, lost)}
	}
}

func endOf(cause error) *End {
	var end *End
	var bug *caught
	switch {
	case errors.As(cause, &end):
		return end
	case errors.As(cause, &bug):
		return internalError()
	case errors.Is(cause, streaming.ErrProtocol):
		return protocolError()
	case errors.Is(cause, streaming.ErrClientGone):
		return clientGone()
	default:
		return connectionLost()
	}
}
