// Package version says which build of Sallyport this is: the version that was set at link time, else the module's own,
// else "unknown". It stands in logs and recordings and decides nothing.
package version

import "runtime/debug"

// version is set at link time: -ldflags "-X github.com/sallyport-dev/sallyport/internal/version.version=v1.2.3".
var version string

// String is the version, never empty.
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return choose(version, info)
}

func choose(linked string, info *debug.BuildInfo) string {
	switch {
	case linked != "":
		return linked
	case info.Main.Version != "" && info.Main.Version != "(devel)":
		return info.Main.Version
	default:
		return "unknown"
	}
}
