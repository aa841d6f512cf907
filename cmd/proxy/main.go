// Command proxy runs Sallyport's gateway: the aggregated API gateway.sallyport.dev.
package main

import (
	"os"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/sallyport-dev/sallyport/cmd/proxy/app"
)

func main() {
	if err := app.NewCommand(time.Now).ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		os.Exit(1)
	}
}
