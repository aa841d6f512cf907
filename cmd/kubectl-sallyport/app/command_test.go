package app

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
)

func TestUsageErrors(t *testing.T) {
	tests := map[string]struct {
		args string
		says []string
	}{
		"if the command is unknown, then 2":             {"fly", []string{`unknown command "fly"`, "hint: kubectl sallyport --help"}},
		"if the subcommand is unknown, then 2":          {"sessions fly", []string{`unknown command "fly"`}},
		"if a flag is unknown, then 2":                  {"login --fly", []string{"unknown flag: --fly"}},
		"if an argument is too much, then 2":            {"grants x", []string{`unexpected argument "x"`}},
		"if an argument is missing, then 2":             {"approve", []string{"give the name"}},
		"if two are given, then 2":                      {"play a b", []string{"nothing else"}},
		"if a denial has no comment, then 2":            {"deny x", []string{"say why with -m"}},
		"if a denial's comment is blank, then 2":        {"deny x --comment=", []string{"say why with -m"}},
		"if the output format is unknown, then 2":       {"grants -o xml", []string{"--output must be"}},
		"if log and JSON are asked for, then 2":         {"sessions show 019ab034 --log --json", []string{"not both"}},
		"if the speed is zero, then 2":                  {"play 019ab034 --speed 0", []string{"--speed"}},
		"if the speed is no number, then 2":             {"play 019ab034 --speed NaN", []string{"--speed"}},
		"if the cast's version is unknown, then 2":      {"play 019ab034 --cast - --cast-version 1", []string{"3 or 2"}},
		"if the idle limit is negative, then 2":         {"play 019ab034 --idle-limit -1s", []string{"--idle-limit"}},
		"if --since stands alone, then 2":               {"sessions --since 1h", []string{"--since needs --recorded"}},
		"if --since is nothing, then 2":                 {"sessions --recorded --since 0s", []string{"--since"}},
		"if the gateway's name is a path, then 2":       {"login --gateway ../x", []string{"--gateway"}},
		"if request has no reason, then 2":              {"request --pod web-0", []string{"--reason"}},
		"if request has no target, then 2":              {"request --reason why", []string{"--pod or --selector"}},
		"if request has two targets, then 2":            {"request --reason why --pod a -l b=c", []string{"not both"}},
		"if request has a command without dashes, then": {"request x ls --pod a --reason why", []string{"a command stands after --"}},
		"if request has an unknown dry run, then 2":     {"request --pod a --reason why --dry-run=x", []string{"--dry-run"}},
		"if request has an unknown output, then 2":      {"request --pod a --reason why -o wide", []string{"json, yaml or name"}},
		"if request has two time spans, then 2": {
			"request --pod a --reason why --for 10m --until 2026-11-23T14:00:00Z", []string{"--for or --until"},
		},
		"if request's kubectl line is about another namespace, then 2": {
			"request --reason why -n shop -- kubectl exec -n other a -- ls", []string{`--namespace is "shop"`, `"other"`},
		},
		"if request's kubectl line names another container, then 2": {
			"request --reason why -c x -- kubectl exec -c y a -- ls", []string{"--container"},
		},
		"if request's kubectl line cannot be read, then 2": {
			"request --reason why -- kubectl cp a:/x y", []string{"not kubectl cp"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			newWorld(t).run(strings.Fields(tc.args)...).want(t, exit.Usage, nil, append(tc.says, "hint: kubectl sallyport"))
		})
	}
}

func TestStoreMustBeGiven(t *testing.T) {
	w := newWorld(t)
	w.getenv = map[string]string{"S3_BUCKET": "evidence", "AWS_SECRET_ACCESS_KEY": "s3cr3t"}
	for _, args := range []string{"play 019ab034", "sessions --recorded", "sessions show 019ab034"} {
		r := w.run(strings.Fields(args)...)
		r.want(t, exit.Usage, nil, []string{"--s3-endpoint (or S3_ENDPOINT), AWS_ACCESS_KEY_ID\n"})
	}
}

// Every command that does something says how, with an example.
func TestHelp(t *testing.T) {
	p := &plugin{flags: genericclioptions.NewConfigFlags(true)}
	root := p.newRoot()
	if !strings.Contains(root.Long, exit.Help) {
		t.Error("the exit codes are not documented")
	}
	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		for _, child := range cmd.Commands() {
			check(child)
		}
		path := cmd.CommandPath()
		if strings.Contains(path, "completion") || strings.Contains(path, " help") || cmd == root || cmd.Name() == "options" {
			return
		}
		if cmd.Short == "" || !strings.Contains(cmd.Example, "kubectl sallyport "+strings.Fields(strings.TrimPrefix(path, "kubectl sallyport"))[0]) {
			t.Errorf("%s: no description or no example", path)
		}
		if !strings.HasPrefix(cmd.UsageString(), "Usage:\n  kubectl sallyport") || strings.Contains(cmd.UsageString(), "--kubeconfig") {
			t.Errorf("%s: usage\n%s", path, cmd.UsageString())
		}
	}
	check(root)
}

func TestInformation(t *testing.T) {
	w := newWorld(t)
	w.run("version").want(t, exit.OK, []string{"kubectl-sallyport ", "go1."}, nil)
	w.run("options").want(t, exit.OK, []string{"--kubeconfig", "--namespace"}, nil)
	w.run().want(t, exit.OK, []string{"Exit codes:", "approvals"}, nil)
	w.run("completion", "--help").want(t, exit.OK, []string{"kubectl_complete-sallyport"}, nil)
}
