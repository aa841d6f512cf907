package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"

	"github.com/spf13/cobra"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/policyfile"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/safeterm"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/maskpolicy"
)

const maskLong = `Mask secrets in standard input as a session would, and write the rest as it is: to try rules before rollout.

Without --filename the rules are the default ones, else those that all the ExecutionPolicies in the files make of them
together, whichever namespaces they select. No cluster is asked. What a session masks besides, the values of the pod's
own Secrets, is not known here.

  --record    as the recording would have it, which holds back more than the person's terminal
  --explain   tell on standard error which rule hit where, as LINE:COLUMN, offset and length in bytes, rule, and a
              fingerprint: equal secrets have equal ones, within one run
  -o json     instead of the text, one JSON object a line for each secret: line, column, offset, length, rule, fingerprint
  --check     exit with code 3 if anything was found
  --list      list the detectors of the default rules, and which of them the policies leave on`

// chunkSize is how much is read at once.
const chunkSize = 64 << 10

type maskOptions struct {
	*plugin
	files                        []string
	record, explain, check, list bool
	output                       outputFlags
}

func (p *plugin) newMask() *cobra.Command {
	o := &maskOptions{plugin: p}
	cmd := &cobra.Command{
		Use:   "mask",
		Short: "Mask secrets in standard input, with the rules of policy files",
		Long:  maskLong,
		Example: `  kubectl logs web-0 | kubectl sallyport mask --explain
  kubectl sallyport mask -f policy.yaml --record < sample.log
  kubectl sallyport mask -f policy.yaml --check -o json < sample.log
  kubectl sallyport mask --list -o wide`,
		Args: o.noFile,
		RunE: o.run,
	}
	fs := cmd.Flags()
	fs.StringArrayVarP(&o.files, "filename", "f", nil, "file with ExecutionPolicies, as YAML or JSON; may be given several times")
	fs.BoolVar(&o.record, "record", false, "mask as the recording does")
	fs.BoolVar(&o.explain, "explain", false, "tell which rule hit where")
	fs.BoolVar(&o.check, "check", false, "exit with code 3 if anything was found")
	fs.BoolVar(&o.list, "list", false, "list the detectors, and read no input")
	fs.StringVarP(&o.output.format, "output", "o", "", "json; with --list: table, wide, json or yaml")
	fs.BoolVar(&o.output.noHeaders, "no-headers", false, "print no headers")
	return cmd
}

// noFile says how to give a file to who names one.
func (o *maskOptions) noFile(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(cmd, "unexpected argument %q: give the text on standard input: kubectl sallyport mask < %s", args[0], args[0])
}

func (o *maskOptions) run(cmd *cobra.Command, _ []string) error {
	formats := []string{"", "json"}
	if o.list {
		formats = []string{"", "table", "wide", "json", "yaml"}
	}
	switch {
	case !slices.Contains(formats, o.output.format):
		return usage(cmd, "--output must be json, or with --list table, wide, json or yaml, not %q", o.output.format)
	case o.list && (o.record || o.explain || o.check):
		return usage(cmd, "--list reads no input: give it without --record, --explain and --check")
	}
	config, err := o.config()
	if err != nil {
		return err
	}
	if o.list {
		return o.printDetectors(config)
	}
	rules, err := mask.New(config)
	if err != nil {
		return fmt.Errorf("the policies cannot be used together: %w", err)
	}
	found, err := o.filter(cmd.Context(), rules)
	if err == nil && o.check && found > 0 {
		return exit.New(exit.Refused, "secrets found: %d", found)
	}
	return err
}

// config is what the files make of the rules.
func (o *maskOptions) config() (mask.Config, error) {
	var policies []*accessv1alpha1.ExecutionPolicy
	var errs []error
	for _, name := range o.files {
		read, err := readPolicies(name)
		policies, errs = append(policies, read...), append(errs, err)
	}
	for _, p := range policies {
		if ignored := maskpolicy.Ignored(p); ignored != "" {
			o.say("warning: the ExecutionPolicy %s has %s", safeterm.Line(p.Name), safeterm.Line(ignored))
		}
	}
	return maskpolicy.Compose(policies), errors.Join(errs...)
}

func readPolicies(name string) ([]*accessv1alpha1.ExecutionPolicy, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading a policy: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	return policyfile.Read(name, f)
}

// filter masks standard input, and returns how many secrets there were.
func (o *maskOptions) filter(ctx context.Context, rules *mask.Rules) (int, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return 0, fmt.Errorf("making a key: %w", err)
	}
	f := &masking{maskOptions: o, stream: rules.Keyed(key).NewStream(), to: o.machine(), counts: map[string]int{}}
	for chunk, err := range o.input(ctx) {
		if err != nil {
			return f.found, err
		}
		f.places.add(chunk)
		if err := f.put(f.stream.Write(chunk)); err != nil {
			return f.found, err
		}
	}
	err := f.put(f.stream.Flush())
	if o.explain {
		f.sum()
	}
	return f.found, err
}

// input yields what comes in. A read that waits for a person does not outlast the context.
func (o *maskOptions) input(ctx context.Context) iter.Seq2[[]byte, error] {
	type read struct {
		chunk []byte
		err   error
	}
	return func(yield func([]byte, error) bool) {
		reads, over := make(chan read), make(chan struct{})
		defer close(over)
		go func() {
			for err := error(nil); err == nil; {
				var n int
				buf := make([]byte, chunkSize)
				n, err = o.Streams.In.Read(buf)
				select {
				case reads <- read{buf[:n], err}:
				case <-over:
					return
				}
			}
		}()
		for {
			select {
			case <-ctx.Done():
				yield(nil, errors.New("interrupted"))
				return
			case r := <-reads:
				if !yield(r.chunk, nil) || errors.Is(r.err, io.EOF) {
					return
				}
				if r.err != nil {
					yield(nil, fmt.Errorf("reading standard input: %w", r.err))
					return
				}
			}
		}
	}
}

// masking is one run over one text.
type masking struct {
	*maskOptions

	stream *mask.Stream
	to     io.Writer
	places places
	found  int
	counts map[string]int
}

// hit is one secret, for machines.
type hit struct {
	Line        int64  `json:"line,omitempty"`
	Column      int64  `json:"column,omitempty"` // in bytes, from 1
	Offset      int64  `json:"offset"`
	Length      int64  `json:"length"`
	Rule        string `json:"rule"`
	Fingerprint string `json:"fingerprint,omitempty"`
}

func (m *masking) put(out mask.Output) error {
	text := out.User
	if m.record {
		text = out.Record
	}
	if m.output.format == "" {
		if _, err := m.to.Write(text); err != nil {
			return fmt.Errorf("writing the text: %w", err)
		}
	}
	for _, found := range out.Hits {
		m.found++
		m.counts[found.Rule]++
		h := hit{Offset: found.Offset, Length: found.Length, Rule: found.Rule, Fingerprint: found.Fingerprint.String()}
		h.Line, h.Column = m.places.of(found.Offset)
		if m.explain {
			m.say("%d:%d\toffset %d\tlength %d\t%s\t%s", h.Line, h.Column, h.Offset, h.Length, h.Rule, orNone(h.Fingerprint))
		}
		if m.output.format == "json" {
			if err := json.NewEncoder(m.to).Encode(h); err != nil {
				return fmt.Errorf("writing what was found: %w", err)
			}
		}
	}
	return nil
}
