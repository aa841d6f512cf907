// Command golangci-lint is golangci-lint with kube-api-linter compiled in as a module plugin, so that one pinned
// binary runs both .golangci.yml and .golangci-kal.yml. It stands in for `golangci-lint custom`, which clones a
// repository and rewrites it at each build; here the versions are locked by this module's go.sum.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/golangci/golangci-lint/v2/pkg/commands"
	"github.com/golangci/golangci-lint/v2/pkg/exitcodes"
	_ "sigs.k8s.io/kube-api-linter" // registers the kubeapilinter plugin
)

const linterModule = "github.com/golangci/golangci-lint/v2"

func main() {
	if err := commands.Execute(buildInfo()); err != nil {
		fmt.Fprintf(os.Stderr, "golangci-lint: %v\n", err)
		os.Exit(exitcodes.Failure)
	}
}

// buildInfo names the linter's own version, not this module's: golangci-lint keys its cache and its version check on it.
func buildInfo() commands.BuildInfo {
	info := commands.BuildInfo{Version: "unknown", Commit: "unknown", Date: "unknown"}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	info.GoVersion = build.GoVersion
	for _, dep := range build.Deps {
		if dep.Path == linterModule {
			info.Version = strings.TrimPrefix(dep.Version, "v")
			info.Commit = dep.Sum
		}
	}
	return info
}
