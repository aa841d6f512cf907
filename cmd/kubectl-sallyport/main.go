// Command kubectl-sallyport is the kubectl plugin of users, approvers and auditors: kubectl sallyport …
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := app.Run(ctx, app.System(), os.Args[1:])
	stop()
	os.Exit(int(code))
}
