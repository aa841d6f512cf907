// Command manager runs Sallyport's controllers and webhooks.
package main

import (
	"os"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/sallyport-dev/sallyport/cmd/manager/app"
)

func main() {
	if err := app.NewCommand(time.Now).ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		os.Exit(1)
	}
}
