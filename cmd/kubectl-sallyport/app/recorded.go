package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/progress"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// summary is one recording in a listing, as JSON or YAML.
type summary struct {
	ID       string              `json:"id"`
	Made     time.Time           `json:"made"`
	State    recording.State     `json:"state"`
	Problem  string              `json:"problem,omitempty"`
	Open     recording.Open      `json:"open"`
	Manifest *recording.Manifest `json:"manifest,omitempty"`
}

// listRecorded lists what the object store holds.
func (o *sessionsOptions) listRecorded(ctx context.Context) error {
	found, err := o.readRecorded(ctx)
	if err != nil {
		return err
	}
	if o.human() {
		if len(found) == 0 {
			o.say("No recorded sessions found in the last %s", o.since)
			return nil
		}
		return o.printTable(&o.outputFlags, o.recordedTable(found))
	}
	return o.printSummaries(found)
}

func (o *sessionsOptions) readRecorded(ctx context.Context) ([]summary, error) {
	store, err := o.openStore(&o.store)
	if err != nil {
		return nil, err
	}
	waiting := progress.Start(ctx, o.Streams.ErrOut, o.ErrTerminal, o.Clock, "reading the object store")
	defer waiting.Stop()
	now := o.Clock.Now()
	// The newest may be of a proxy whose clock is ahead.
	opts := recording.ListOptions{From: now.Add(-o.since), To: now.Add(time.Minute)}
	found := []summary{}
	for s, err := range recording.List(ctx, store, opts) {
		if err != nil {
			return nil, fmt.Errorf("listing recorded sessions: %w", err)
		}
		if !o.wants(&s) {
			continue
		}
		found = append(found, summary{s.ID, s.Made, s.State, s.Problem, s.Open, s.Manifest})
		if len(found) == o.limit {
			break
		}
	}
	return found, nil
}

// wants tells whether a recording belongs into the listing. One that does not say where it was always does.
func (o *sessionsOptions) wants(s *recording.Summary) bool {
	if o.live && s.State != recording.StateOpen {
		return false
	}
	namespace := *o.flags.Namespace
	return namespace == "" || o.all || s.Open.Namespace == namespace || s.Open.Namespace == ""
}

func (o *sessionsOptions) recordedTable(found []summary) table {
	t := table{columns: []column{
		{name: "ID"}, {name: "User"}, {name: "Action"}, {name: "Namespace"}, {name: "Pod"}, {name: "Container"}, {name: "Started"},
		{name: "State"}, {name: "Exit"}, {name: "Grant", wide: true}, {name: "Command", wide: true}, {name: "Problem", wide: true},
	}}
	for _, s := range found {
		exitCode, state := "", string(s.State)
		if s.Manifest != nil && s.Manifest.Exit.Code != nil {
			exitCode = strconv.Itoa(*s.Manifest.Exit.Code)
		}
		if s.Problem != "" {
			state = "damaged"
		}
		t.rows = append(t.rows, []string{
			s.ID, s.Open.Subject.Username, s.Open.Action, s.Open.Namespace, s.Open.Pod, s.Open.Container, utc(s.Made),
			state, exitCode, s.Open.Grant.Name, quote(s.Open.Argv), s.Problem,
		})
	}
	return t
}

func (o *sessionsOptions) printSummaries(found []summary) error {
	if o.format == "name" {
		for _, s := range found {
			o.print("%s", s.ID)
		}
		return nil
	}
	out, err := json.MarshalIndent(found, "", "    ")
	if o.format == "yaml" {
		out, err = yaml.Marshal(found)
	}
	if err != nil {
		return fmt.Errorf("encoding the list: %w", err)
	}
	_, err = o.machine().Write(append(bytes.TrimSpace(out), '\n'))
	return err
}
