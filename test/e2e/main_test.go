//go:build e2e

// Package e2e runs Sallyport on the real node of hack/devcluster, by stock kubectl, as real users. Run it by
// make e2e: it needs the node up and Sallyport installed, and the output of "devcluster env" in its environment.
package e2e

import (
	"errors"
	"os"
	"testing"

	"github.com/sallyport-dev/sallyport/test/node"
)

const namespace = node.Namespace

// What package node knows, by shorter names.
type (
	client = node.Client
	result = node.Result
	grant  = node.Grant
)

var (
	as, through           = node.As, node.Through
	request, active       = node.Request, node.Active
	verdict, waitFor      = node.Verdict, node.WaitFor
	openStore, eventually = node.OpenStore, node.Eventually
	signal, killProxy     = node.Signal, node.KillProxy
)

// jsClient is where the official JavaScript client is installed.
var jsClient string

func TestMain(m *testing.M) {
	os.Exit(node.Run(m, func() error {
		if jsClient = os.Getenv("JS_CLIENT"); jsClient == "" {
			return errors.New("JS_CLIENT is not set: run these tests by make e2e")
		}
		return nil
	}))
}
