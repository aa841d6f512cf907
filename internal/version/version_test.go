package version

import (
	"runtime/debug"
	"testing"
)

func TestChoose(t *testing.T) {
	tests := map[string]struct {
		linked, module, want string
	}{
		"if a version was linked, then that":          {linked: "v1.2.3", module: "v1.0.0", want: "v1.2.3"},
		"if none was linked, then the module's":       {module: "v1.0.0", want: "v1.0.0"},
		"if the module is a checkout, then unknown":   {module: "(devel)", want: "unknown"},
		"if nothing is known at all, then it says so": {want: "unknown"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := choose(tc.linked, &debug.BuildInfo{Main: debug.Module{Version: tc.module}}); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	if String() == "" {
		t.Error("this build has no version at all")
	}
}
