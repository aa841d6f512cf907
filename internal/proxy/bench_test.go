package proxy

import (
	"io"
	"strconv"
	"testing"
)

// BenchmarkExec moves output from an API server through the gateway to a client, all in this process and over TLS.
func BenchmarkExec(b *testing.B) {
	for _, transport := range transports {
		b.Run(transport, func(b *testing.B) {
			w := newWorld(b)
			b.SetBytes(32 << 10)
			b.ReportAllocs()
			b.ResetTimer()
			if err := w.exec(transport, nil, io.Discard, io.Discard, "exec", "flood", strconv.Itoa(b.N*32<<10)); err != nil {
				b.Fatal(err)
			}
		})
	}
}
