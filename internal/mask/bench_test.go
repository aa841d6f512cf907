package mask_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

func logText(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	words := []string{"request", "completed", "GET", "/api/v1/items", "status=200", "user", "token", "secret", "cache", "miss", "password", "upstream", "größer", "https://svc:8080/x", "key"}
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "2026-11-23T12:%02d:%02d.%06dZ INFO", rng.IntN(60), rng.IntN(60), rng.IntN(1e6))
		for range 8 {
			fmt.Fprintf(&b, " %s", words[rng.IntN(len(words))])
		}
		fmt.Fprintf(&b, " id=%x\n", rng.Uint64())
	}
	return b.Bytes()[:n]
}

func BenchmarkWrite(b *testing.B) {
	random := make([]byte, 4<<20)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	nearly := "password=abc eyJabcdefghijk. token: null x://u:p sk-abc ghp_ab AKIAB "
	var values []mask.Value
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	for i := range 500 {
		text := make([]byte, 16+rng.IntN(24))
		for k := range text {
			text[k] = letters[rng.IntN(len(letters))]
		}
		values = append(values, mask.Value{Rule: fmt.Sprint("secret/app/", i), Text: text})
	}
	compiled, _ := mask.NewValues(values)
	rules := mask.Default().With(compiled).Keyed([]byte("benchmark"))
	near := bytes.Clone(random[:4<<20])
	for i := range near {
		near[i] = letters[int(near[i])%len(letters)]
	}
	for i := 0; i+40 < len(near); i += 12 {
		v := values[rng.IntN(len(values))].Text
		copy(near[i:], v[:min(len(v)-1, 5+rng.IntN(10))])
	}
	corpora := []struct {
		name string
		data []byte
	}{
		{"log", logText(4 << 20)},
		{"random", random},
		{"near", near},
		{"adversarial", []byte(strings.Repeat(nearly, 4<<20/len(nearly)))},
		{"base64", base64.StdEncoding.AppendEncode(nil, random[:3<<20])},
	}
	for _, c := range corpora {
		for _, chunk := range []int{1, 64, 256 << 10} {
			b.Run(fmt.Sprintf("%s/%d", c.name, chunk), func(b *testing.B) {
				s := rules.NewStream()
				b.SetBytes(int64(chunk))
				b.ReportAllocs()
				off, before := 0, cpu()
				for b.Loop() {
					if off+chunk > len(c.data) {
						off = 0
					}
					s.Write(c.data[off : off+chunk])
					off += chunk
				}
				b.ReportMetric(float64(b.N*chunk)/float64(cpu()-before)*1e3, "MB/cpu-s")
			})
		}
	}
}

// cpu is the processor time of this process: what other work on the machine
// does not disturb.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
