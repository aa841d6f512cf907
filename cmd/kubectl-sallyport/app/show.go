package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/progress"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/safeterm"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/transcript"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

const showLong = `Verify a recorded session and show it: who, where, why, who agreed, how much, and how it ended.

ID may be the beginning of a session's ID, if it is the only one. Verified is that nothing is missing, changed or out
of order between the first object and the last; nothing is signed yet, so not who wrote them.

  --log    each line of input and output with its time (UTC), its subject and its stream. Controls, and bytes that
           are no text, are written as \x1b. A line comes when it is complete, with the time of its first byte.
           resize is the terminal's new size, note a line of the gateway's, exit the end. Of a port-forward: each
           connection by its number, what was sent in and out, and why it ended. Of kubectl cp: each member of the
           archive, with type, mode, size, SHA-256 and path. secret is a Secret of the pod that changed meanwhile.
  --json   the records exactly, one JSON object a line: n, time, offset (seconds), by, stream, connection (of a
           port-forward), and text, or base64 where the bytes are no text; masked lists the rules that masked something,
           secrets what they masked: rule, at (the offset in the stream), length, and fingerprint.
  --masked the secrets that were masked, how often, and in which streams. Equal fingerprints are equal secrets, in all
           recordings of an installation; they do not tell what the secrets are. What was hidden because the terminal did
           not show it (no-echo), or because the gateway died before it knew (undecided), has none.

` + storeHelp

type showOptions struct {
	*plugin
	store  storeFlags
	log    bool
	json   bool
	masked bool
}

func (p *plugin) newShow() *cobra.Command {
	o := &showOptions{plugin: p}
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Verify a recorded session and show it",
		Long:  showLong,
		Example: `  kubectl sallyport sessions show 019ab034-5d00

  # Who typed and saw what, line by line
  kubectl sallyport sessions show 019ab034-5d00 --log | less -S

  # What was typed, exactly
  kubectl sallyport sessions show 019ab034-5d00 --json | jq -rj 'select(.stream == "stdin").text'

  # What was copied
  kubectl sallyport sessions show 019ab034-5d00 --json | jq -r 'select(.stream == "member").text | fromjson | [.sha256, .path] | @tsv'

  # What came out of the first connection of a port-forward
  kubectl sallyport sessions show 019ab034-5d00 --json | jq -rj 'select(.stream == "forward-out" and .connection == 1).text'`,
		Args: oneArg("the ID of a session"),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	}
	cmd.Flags().BoolVar(&o.log, "log", false, "print each line of input and output")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the records as JSON")
	cmd.Flags().BoolVar(&o.masked, "masked", false, "print the secrets that were masked, by fingerprint")
	o.store.add(cmd.Flags())
	return cmd
}

func (o *showOptions) run(cmd *cobra.Command, beginning string) error {
	if o.log && o.json || o.log && o.masked || o.json && o.masked {
		return usage(cmd, "give --log, --json or --masked, not both")
	}
	ctx := cmd.Context()
	r, store, err := o.load(ctx, &o.store, beginning)
	switch {
	case err != nil && r == nil:
		return err
	case err != nil:
		o.describe(ctx, store, r.ID, err)
		return err
	case o.log:
		return o.printLog(ctx, r)
	case o.json:
		return o.printRecords(ctx, r)
	case o.masked:
		return o.printMasked(ctx, r)
	}
	o.printRecording(r)
	if err := o.printChanges(ctx, r); err != nil {
		return err
	}
	o.print("%-13s %s", "Verified:", verified(r))
	return nil
}

// load finds and verifies a recording. If it does not verify, the recording returned with the error has an ID only.
func (p *plugin) load(ctx context.Context, f *storeFlags, beginning string) (*recording.Recording, objectstore.Store, error) {
	store, err := p.openStore(f)
	if err != nil {
		return nil, nil, err
	}
	waiting := progress.Start(ctx, p.Streams.ErrOut, p.ErrTerminal, p.Clock, "reading and verifying the recording")
	defer waiting.Stop()
	id, err := findSession(ctx, store, beginning)
	if err != nil {
		return nil, store, err
	}
	r, err := recording.Load(ctx, store, id)
	waiting.Stop()
	if err != nil {
		r = nil
		if fault := (*recording.Fault)(nil); errors.As(err, &fault) {
			r = &recording.Recording{ID: id}
		}
		return r, store, judge(err)
	}
	p.warn(r)
	return r, store, nil
}

// warn says what is odd about a recording that does verify.
func (p *plugin) warn(r *recording.Recording) {
	switch r.State {
	case recording.StateOpen:
		p.say("warning: this recording has no end: the session goes on, or was cut off")
	case recording.StateAborted:
		p.say("warning: this recording was aborted, records may be missing at its end: %s", safeterm.Line(r.Manifest.Fault))
	case recording.StateClosed:
	}
	for _, f := range r.Findings {
		p.say("warning: %s (version %s): %s", safeterm.Line(f.Key), safeterm.Line(f.VersionID), safeterm.Line(f.Problem))
	}
}

// describe shows as much as can be read of a recording that does not verify.
func (o *showOptions) describe(ctx context.Context, store objectstore.Store, id string, fault error) {
	if r, err := recording.Describe(ctx, store, id); err == nil {
		o.printRecording(r)
	} else {
		o.row("Session", id)
	}
	o.row("Verified", "NO: "+fault.Error())
}

func (o *showOptions) row(name, value string) {
	o.print("%-13s %s", name+":", orNone(safeterm.Line(value)))
}

func (o *showOptions) printRecording(r *recording.Recording) {
	open := &r.Open
	o.row("Session", r.ID)
	o.row("State", string(r.State))
	o.row("Subject", person(open.Subject))
	o.row("Requester", person(open.Requester))
	o.row("Cluster", open.Cluster)
	o.row("Action", open.Action)
	o.row("Pod", fmt.Sprintf("%s/%s (UID %s) on %s", open.Namespace, open.Pod, open.PodUID, orNone(open.Node)))
	if open.Container != "" { // a port-forward has none
		o.row("Container", fmt.Sprintf("%s, image %s %s", open.Container, orNone(open.Image), open.ImageID))
		o.print("%-13s %s", "Command:", orNone(quote(open.Argv)))
		o.row("Streams", fmt.Sprintf("terminal %t, input %t", open.TTY, open.Stdin))
	}
	if a := open.Archive; a != nil {
		o.row("Archive", fmt.Sprintf("%s is a tar archive that passed unaltered; recorded of it: %s; --log lists its members", a.Stream, a.Recorded))
	}
	o.row("Grant", fmt.Sprintf("%s/%s (%s)", open.Grant.Namespace, open.Grant.Name, open.Grant.Digest))
	o.row("Reason", open.Grant.Reason)
	if open.Grant.Ticket != "" {
		o.row("Ticket", open.Grant.Ticket)
	}
	if !open.Grant.ActiveFrom.IsZero() {
		o.row("Window", fmt.Sprintf("%s to %s", utc(open.Grant.ActiveFrom), utc(open.Grant.ActiveUntil)))
	}
	for _, a := range open.Approvals {
		o.row("Decision", strings.TrimSpace(fmt.Sprintf("%s by %s at %s %s", a.Decision, a.Approver, utc(a.Time), a.Comment)))
	}
	o.printSecrets(open.SecretValues)
	o.row("Started", utc(open.Started))
	o.row("Retained", fmt.Sprintf("until %s (%s)", utc(open.Retention.Until), open.Retention.Mode))
	o.row("Durability", keptWhere(open.Durability))
	o.row("Recorder", strings.TrimSpace(open.Recorder+" "+open.Gateway.Instance))
	if r.Manifest != nil {
		o.printManifest(open, r.Manifest)
	}
}

func (o *showOptions) printManifest(open *recording.Open, m *recording.Manifest) {
	o.row("Ended", utc(m.Ended)+", "+transcript.Ending(m.Exit))
	if open.Container != "" {
		o.row("Process", process(m.Exit))
	}
	for _, s := range slices.Sorted(maps.Keys(m.Totals)) {
		o.row("Total", fmt.Sprintf("%s: %d bytes in %d records", s, m.Totals[s].Bytes, m.Totals[s].Records))
	}
	for _, rule := range slices.Sorted(maps.Keys(m.Masked)) {
		o.row("Masked", fmt.Sprintf("%s: %d", rule, m.Masked[rule]))
	}
	o.row("Head", m.Head)
}

// keptWhere says what had to be true of a byte before it passed.
func keptWhere(d recording.Durability) string {
	switch d {
	case recording.Spooled:
		return "Spool: each byte was on the gateway's disk before it passed"
	case recording.Stored:
		return "Store: each byte was in the object store before it passed"
	}
	return "the recording does not say"
}

// process says what had become of the process, in one word and in how that is known.
func process(e recording.Exit) string {
	word := string(e.Process)
	if e.Killed {
		word = "killed"
	}
	if e.Detail == "" {
		return word
	}
	return word + ": " + e.Detail
}

func person(s recording.Subject) string {
	if len(s.Groups) == 0 {
		return s.Username
	}
	return s.Username + " (" + strings.Join(s.Groups, ", ") + ")"
}

// verified says what was proven about a recording that Load has accepted.
func verified(r *recording.Recording) string {
	objects := "1 object"
	if n := len(r.Segments) + 1; r.Manifest != nil {
		objects = fmt.Sprintf("%d objects", n+1)
	} else if n > 1 {
		objects = fmt.Sprintf("%d objects", n)
	}
	switch r.State {
	case recording.StateClosed:
		return "yes, all of it (" + objects + ")"
	case recording.StateAborted, recording.StateOpen:
		return "yes, as far as it goes (" + objects + ")"
	}
	return "no: unknown state " + string(r.State)
}
