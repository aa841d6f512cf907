package app

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/safeterm"
)

// outputFlags choose how a list is printed.
type outputFlags struct {
	format    string
	noHeaders bool
}

func (o *outputFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.format, "output", "o", "", "table, wide, json, yaml or name")
	cmd.Flags().BoolVar(&o.noHeaders, "no-headers", false, "print no headers")
}

func (o *outputFlags) check(cmd *cobra.Command) error {
	if !slices.Contains([]string{"", "table", "wide", "json", "yaml", "name"}, o.format) {
		return usage(cmd, "--output must be table, wide, json, yaml or name, not %q", o.format)
	}
	return nil
}

// human reports whether a table is asked for.
func (o *outputFlags) human() bool {
	return o.format == "" || o.format == "table" || o.format == "wide"
}

// column is one column of a table; wide ones show with -o wide only.
type column struct {
	name string
	wide bool
}

// table is rows of cells in the order of columns.
type table struct {
	columns []column
	rows    [][]string
}

// printTable prints a table; controls in cells come out as text. Without rows it prints nothing.
func (p *plugin) printTable(o *outputFlags, t table) error {
	out := &metav1.Table{}
	for _, c := range t.columns {
		definition := metav1.TableColumnDefinition{Name: c.name, Type: "string"}
		if c.wide {
			definition.Priority = 1
		}
		out.ColumnDefinitions = append(out.ColumnDefinitions, definition)
	}
	for _, row := range t.rows {
		cells := make([]any, len(row))
		for i, cell := range row {
			cells[i] = safeterm.Line(orNone(cell))
		}
		out.Rows = append(out.Rows, metav1.TableRow{Cells: cells})
	}
	options := printers.PrintOptions{NoHeaders: o.noHeaders, Wide: o.format == "wide"}
	return printers.NewTablePrinter(options).PrintObj(out, p.Streams.Out)
}

// printObject prints an object, or a list of objects, as JSON, YAML or names.
func (p *plugin) printObject(format string, obj runtime.Object) error {
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	if err := setKinds(scheme, obj); err != nil {
		return err
	}
	var printer printers.ResourcePrinter
	switch format {
	case "json":
		printer = &printers.OmitManagedFieldsPrinter{Delegate: &printers.JSONPrinter{}}
	case "yaml":
		printer = &printers.OmitManagedFieldsPrinter{Delegate: &printers.YAMLPrinter{}}
	case "name":
		printer = &printers.NamePrinter{ShortOutput: true}
		if meta.IsListType(obj) {
			return meta.EachListItem(obj, func(item runtime.Object) error { return printer.PrintObj(item, p.machine()) })
		}
	default:
		return fmt.Errorf("unknown output format %q", format)
	}
	return printer.PrintObj(obj, p.machine())
}

// setKinds writes apiVersion and kind, which typed clients leave out.
func setKinds(scheme *runtime.Scheme, obj runtime.Object) error {
	set := func(obj runtime.Object) error {
		kinds, _, err := scheme.ObjectKinds(obj)
		if err != nil {
			return fmt.Errorf("naming the kind of an object: %w", err)
		}
		obj.GetObjectKind().SetGroupVersionKind(kinds[0])
		return nil
	}
	if meta.IsListType(obj) {
		if err := meta.EachListItem(obj, set); err != nil {
			return err
		}
	}
	return set(obj)
}

// nothing says that a table has no rows.
func (p *plugin) nothing(what string, s clusterScope) {
	if s.namespace == "" {
		p.say("No %s found", what)
		return
	}
	p.say("No %s found in namespace %s", what, s.namespace)
}

// age is how long ago t was, as kubectl writes it.
func (p *plugin) age(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return duration.HumanDuration(p.Clock.Since(t))
}

// left is how long it is until t, or nothing if t has come.
func (p *plugin) left(t time.Time) string {
	if d := t.Sub(p.Clock.Now()); d > 0 {
		return duration.HumanDuration(d)
	}
	return ""
}

// utc writes a time to the second.
func utc(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func orNone(s string) string {
	if s == "" {
		return "<none>"
	}
	return s
}

// quote writes an argument vector so that a shell would read it, on one line and without controls.
func quote(argv []string) string {
	words := make([]string, len(argv))
	for i, arg := range argv {
		words[i] = safeterm.Line(arg)
		if arg == "" || strings.ContainsFunc(arg, needsQuotes) {
			words[i] = "'" + strings.ReplaceAll(words[i], "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

func needsQuotes(r rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+,", r)
}
