package streaming

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
)

func BenchmarkOutput(b *testing.B) {
	for _, client := range []string{"WebSocket v5", "SPDY v4"} {
		b.Run(client, func(b *testing.B) {
			block := make([]byte, chunkBytes)
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = Serve(w, r, Options{Stdout: true}, func(_ context.Context, c Client) error {
					for range b.N {
						if _, err := c.Stdout.Write(block); err != nil {
							return err
						}
					}
					return nil
				})
			}))
			defer server.Close()
			executor, err := clients[client](&rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(chunkBytes)
			b.ReportAllocs()
			b.ResetTimer()
			if err := executor.StreamWithContext(b.Context(), remotecommand.StreamOptions{Stdout: io.Discard}); err != nil {
				b.Fatal(err)
			}
		})
	}
}
