package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/spool"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

const (
	headerTime  = 10 * time.Second
	headerBytes = 1 << 20 // holds the longest command that the API server takes
	idleTime    = 2 * time.Minute
)

// gatewayServer serves h over TLS. Client certificates are asked for and judged by package identity.
func gatewayServer(h http.Handler, certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, MaxHeaderBytes: headerBytes, IdleTimeout: idleTime,
		TLSConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, GetCertificate: certificate, ClientAuth: tls.RequestClientCert,
		},
	}
}

// healthServer tells whether the proxy lives and can take sessions, and shows its metrics.
func healthServer(ready func() error, metrics prometheus.Gatherer) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, ready()) })
	mux.Handle("/metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	return &http.Server{Handler: mux, ReadHeaderTimeout: headerTime}
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	// A probe that left while it was answered will come again.
	_, _ = w.Write([]byte("ok\n"))
}

// serve runs a server on an address until it is shut down.
func serve(ctx context.Context, server *http.Server, address string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", address, err)
	}
	if server.TLSConfig != nil {
		err = server.ServeTLS(streaming.Listener(listener), "", "")
	} else {
		err = server.Serve(listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving on %s: %w", address, err)
}

// metrics are those of the proxy.
type metrics struct {
	*prometheus.Registry

	ended          *prometheus.CounterVec
	outages, aside prometheus.Gauge
}

func newMetrics(live func() int, kept *spool.Spool, values *mask.Shared) *metrics {
	m := &metrics{
		Registry: prometheus.NewRegistry(),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_sessions_ended_total", Help: "Sessions that ended, by reason and by whether their recording is complete in the store.",
		}, []string{"reason", "sealed"}),
	}
	m.outages = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sallyport_store_outages", Help: "Sessions whose recordings the object store does not take now; they go on while the spool has room.",
	})
	m.aside = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sallyport_recordings_aside", Help: "Recordings that cannot be ended and are set aside until the next start; the log says why.",
	})
	m.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.MustRegister(m.ended, m.outages, m.aside, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sallyport_spool_bytes", Help: "What the spool holds for the object store.",
	}, func() float64 { return float64(kept.Used()) }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sallyport_spool_limit_bytes", Help: "What the spool can hold; sessions end when it is full.",
	}, func() float64 { return float64(kept.Limit()) }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sallyport_sessions_live", Help: "Sessions that live in this proxy.",
	}, func() float64 { return float64(live()) }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sallyport_secret_values_bytes", Help: "What is compiled from the values of pods' Secrets, at most, for the sessions that live.",
	}, func() float64 { return float64(values.Used()) }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sallyport_secret_values_limit_bytes", Help: "How much that can be; beyond it values are not masked, or sessions refused.",
	}, func() float64 { return float64(values.Limit) }))
	return m
}

func (m *metrics) outage(begins bool) {
	if begins {
		m.outages.Inc()
	} else {
		m.outages.Dec()
	}
}

func (m *metrics) sessionEnded(reason string, sealed bool) {
	m.ended.WithLabelValues(reason, map[bool]string{true: "yes", false: "no"}[sealed]).Inc()
}
