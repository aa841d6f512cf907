// Package process is the first thing that a program in the cluster does: it gives its log a place, and finds the API
// server.
//
// The log is one JSON object a line, whether the program writes it, or client-go, or controller-runtime.
package process

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// Start makes w the place of the log for the whole process, and says how to reach the API server. It is called once.
func Start(w io.Writer) (logr.Logger, *rest.Config, error) {
	log := logr.FromSlogHandler(slog.NewJSONHandler(w, nil))
	ctrl.SetLogger(log)
	klog.SetLogger(log)
	config, err := ctrl.GetConfig()
	if err != nil {
		return log, nil, fmt.Errorf("finding the API server: %w", err)
	}
	return log, config, nil
}
