package app

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

func parse(t *testing.T, args ...string) *options {
	t.Helper()
	var o options
	flags := pflag.NewFlagSet("manager", pflag.ContinueOnError)
	o.bind(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return &o
}

func TestTheDefaultsAreTheManifests(t *testing.T) {
	o := parse(t)
	if err := o.validate(); err != nil {
		t.Fatal(err)
	}
	if o.username() != "system:serviceaccount:sallyport-system:sallyport" {
		t.Errorf("user name %q", o.username())
	}
	if diff := cmp.Diff([]string{"sallyport-webhooks.sallyport-system.svc"}, o.dnsNames()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if o.webhookPort != 9443 || o.healthAddress != ":8081" || o.approvalTimeout != time.Hour {
		t.Errorf("got %+v", o)
	}
}

func TestEverythingWrongIsToldAtOnce(t *testing.T) {
	err := parse(t, "--namespace=", "--service-account=", "--webhook-service=", "--webhook-port=70000",
		"--approval-timeout=1s", "--keep-sessions=0").validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, flag := range []string{"--namespace", "--service-account", "--webhook-service", "--webhook-port", "--approval-timeout", "--keep-sessions"} {
		if !strings.Contains(err.Error(), flag) {
			t.Errorf("%s is not named in: %v", flag, err)
		}
	}
}
