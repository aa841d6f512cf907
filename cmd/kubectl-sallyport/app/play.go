package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/player"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/safeterm"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/transcript"
	"github.com/sallyport-dev/sallyport/internal/asciicast"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

const playLong = `Verify a recorded session, and play what its terminal showed. ID may be the beginning of a session's ID.

What was printed into a recorded session was chosen by whoever was in it, and your terminal obeys it. So only text,
colours, cursor movement and the like are passed on; what sets the title or the clipboard, asks the terminal
questions, prints, resizes or erases the scrollback is left out and counted. --raw passes everything on.

If standard output is not a terminal, the bytes of the output are written as they are, at once and unfiltered; so do
not send them to a terminal after all. --cast writes an asciicast, which asciinema plays, instead.

` + storeHelp

type playOptions struct {
	*plugin
	store       storeFlags
	speed       float64
	idleLimit   time.Duration
	raw         bool
	cast        string
	castVersion int
}

func (p *plugin) newPlay() *cobra.Command {
	o := &playOptions{plugin: p}
	cmd := &cobra.Command{
		Use:   "play ID",
		Short: "Verify a recorded session and play it",
		Long:  playLong,
		Example: `  kubectl sallyport play 019ab034-5d00
  kubectl sallyport play 019ab034-5d00 --speed 4 --idle-limit 1s
  kubectl sallyport play 019ab034-5d00 --cast session.cast`,
		Args: oneArg("the ID of a session"),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	}
	fs := cmd.Flags()
	fs.Float64Var(&o.speed, "speed", 1, "2 is twice as fast")
	fs.DurationVar(&o.idleLimit, "idle-limit", 0, "longest pause to keep (0 keeps all)")
	fs.BoolVar(&o.raw, "raw", false, "pass every byte on to the terminal: dangerous")
	fs.StringVar(&o.cast, "cast", "", "write an asciicast to this new file, or to standard output with -")
	fs.IntVar(&o.castVersion, "cast-version", int(asciicast.V3), "version of the asciicast: 3 or 2")
	o.store.add(fs)
	return cmd
}

func (o *playOptions) run(cmd *cobra.Command, beginning string) error {
	switch {
	case !(o.speed > 0.001 && o.speed < 10000): // also refuses NaN
		return usage(cmd, "--speed must be between 0.001 and 10000")
	case o.idleLimit < 0:
		return usage(cmd, "--idle-limit must not be negative")
	case o.castVersion != int(asciicast.V2) && o.castVersion != int(asciicast.V3):
		return usage(cmd, "--cast-version must be 3 or 2, not %d", o.castVersion)
	}
	ctx := cmd.Context()
	r, _, err := o.load(ctx, &o.store, beginning)
	switch {
	case err != nil:
		return err
	case o.cast != "":
		return judge(o.writeCast(ctx, r))
	case o.OutTerminal:
		err = o.play(ctx, r)
	default:
		err = o.dump(ctx, r)
	}
	if err != nil {
		return judge(err)
	}
	where := strings.TrimSuffix(r.Open.Namespace+"/"+r.Open.Pod+"/"+r.Open.Container, "/")
	o.say("Session of %s in %s, %s; %s.", safeterm.Line(r.Open.Subject.Username), safeterm.Line(where), utc(r.Open.Started), safeterm.Line(ending(r)))
	if r.Open.Action == string(accessv1alpha1.ActionPortForward) {
		o.say("A port-forward shows nothing on a terminal. What passed: kubectl sallyport sessions show %s --log", safeterm.Line(r.ID))
	}
	return nil
}

func ending(r *recording.Recording) string {
	if r.Manifest == nil {
		return "no end is recorded"
	}
	return "ended: " + transcript.Exit(r.Manifest.Exit)
}

// play plays to the terminal, and leaves it as it was.
func (o *playOptions) play(ctx context.Context, r *recording.Recording) error {
	cast, stop, err := castOf(ctx, r)
	if err != nil {
		return err
	}
	defer stop()
	if cols, rows, err := o.Size(); err == nil && cols > 0 && rows > 0 && (cols < cast.Header().Cols || rows < cast.Header().Rows) {
		o.say("The session's terminal had %d columns and %d rows, yours has %d and %d.", cast.Header().Cols, cast.Header().Rows, cols, rows)
	}
	filter := safeterm.NewFilter(o.Streams.Out)
	var w io.Writer = filter
	if o.raw {
		w = o.Streams.Out
	}
	err = player.Play(ctx, w, cast, player.Options{Speed: o.speed, IdleLimit: o.idleLimit}, o.Clock)
	fmt.Fprintf(o.Streams.Out, "%s\n", filter.Restore())
	if n := filter.Dropped(); n > 0 {
		o.say("Control sequences left out: %d. --raw passes them on, sessions show --log shows them.", n)
	}
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	return err
}

// castOf reads the recording as a cast. stop must be called.
func castOf(ctx context.Context, r *recording.Recording) (cast *asciicast.Decoder, stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		pw.CloseWithError(recording.Cast(ctx, pw, r, asciicast.V3))
	}()
	stop = func() {
		cancel()
		_ = pr.Close() // never fails
		<-done
	}
	if cast, err = asciicast.NewDecoder(pr); err != nil {
		stop()
		return nil, nil, err
	}
	return cast, stop, nil
}

// dump writes the bytes of both output streams, as they are.
func (o *playOptions) dump(ctx context.Context, r *recording.Recording) error {
	controls := false
	for rec, err := range r.Records(ctx) {
		if err != nil {
			return err
		}
		if rec.Stream != recording.Stdout && rec.Stream != recording.Stderr {
			continue
		}
		controls = controls || bytes.IndexByte(rec.Data, '\x1b') >= 0
		if _, err := o.Streams.Out.Write(rec.Data); err != nil {
			return fmt.Errorf("writing the output: %w", err)
		}
	}
	if controls {
		o.say("warning: standard output is no terminal, so control sequences were written as they were recorded")
	}
	return nil
}

// writeCast writes an asciicast. A file must be new, and is removed if it could not be finished.
func (o *playOptions) writeCast(ctx context.Context, r *recording.Recording) (err error) {
	version := asciicast.Version(o.castVersion)
	if o.cast == "-" {
		return recording.Cast(ctx, o.machine(), r, version)
	}
	f, err := os.OpenFile(o.cast, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("making the asciicast: %w", err)
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			_ = os.Remove(o.cast) // the first error is the one to tell
		}
	}()
	if err := recording.Cast(ctx, f, r, version); err != nil {
		return err
	}
	o.say("Wrote %s (asciicast %d).", o.cast, o.castVersion)
	return nil
}
