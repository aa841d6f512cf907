package layout_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
)

func TestFromEnvironment(t *testing.T) {
	tests := map[string]struct {
		env     map[string]string
		want    layout.Layout
		wantErr string
	}{
		"if only HOME is set, then the XDG defaults below it": {
			env:  map[string]string{"HOME": "/home/me"},
			want: layout.Layout{State: "/home/me/.local/state/sallyport/node", Cache: "/home/me/.cache/sallyport"},
		},
		"if XDG directories are set, then below them": {
			env:  map[string]string{"HOME": "/home/me", "XDG_STATE_HOME": "/s", "XDG_CACHE_HOME": "/c"},
			want: layout.Layout{State: "/s/sallyport/node", Cache: "/c/sallyport"},
		},
		"if an XDG directory is relative, then it is ignored": {
			env:  map[string]string{"HOME": "/home/me", "XDG_STATE_HOME": "s", "XDG_CACHE_HOME": "c"},
			want: layout.Layout{State: "/home/me/.local/state/sallyport/node", Cache: "/home/me/.cache/sallyport"},
		},
		"if the node's own variables are set, then they win": {
			env:  map[string]string{"HOME": "/home/me", "XDG_STATE_HOME": "/s", "SALLYPORT_NODE": "/n", "SALLYPORT_CACHE": "/k"},
			want: layout.Layout{State: "/n", Cache: "/k"},
		},
		"if nothing is set, then an error names what to set": {wantErr: "SALLYPORT_NODE"},
		"if the state directory is too long for sockets, then an error": {
			env:     map[string]string{"HOME": "/home/me", "SALLYPORT_NODE": "/" + strings.Repeat("x", layout.MaxStateDirBytes)},
			wantErr: "too long",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := layout.FromEnvironment(func(key string) string { return tt.env[key] })
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Fatalf("error %v, want one with %q", err, tt.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
