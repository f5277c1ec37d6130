// Command wanctl keeps a WAN behind a MikroTik router free of bufferbloat.
package main

import (
	"context"
	"os"

	"github.com/wanctl/wanctl/pkg/cli"
)

func main() { os.Exit(cli.Main(context.Background(), os.Args[1:])) }
