// Package command is the program node-side, which prepares the embedded cluster's API server for KubeVirt and plays its
// nodes. It is built once per release of KubeVirt, from that release's packages.
package command

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"kubevirt.io/client-go/kubecli"

	"embedded-cluster/certificates"
	"embedded-cluster/emulation"
	"embedded-cluster/setup"
)

const usage = `usage: node-side <command> -directory <directory> [flags]
  certificates  write certificates, tokens and kubeconfigs (-api-server-port)
  setup         install what virt-controller and the node side need (-virt-api-port, -crds)
  activate      install the webhooks and wait until VirtualMachines may be created (-virt-api-port)
  run           play the nodes until SIGTERM, or with -lifeline until standard input closes
`

type options struct {
	directory     string
	apiServerPort int
	virtAPIPort   int
	crds          string
	timeout       time.Duration
	lifeline      bool
	temporary     bool
}

// Main runs the program for a release of KubeVirt and ends the process.
func Main(release setup.Release) {
	if err := run(release, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "node-side: %v\n", err)
		os.Exit(1)
	}
}

func run(release setup.Release, arguments []string) error {
	if len(arguments) == 0 {
		return fmt.Errorf("no command given\n%s", usage)
	}
	var o options
	flags := flag.NewFlagSet(arguments[0], flag.ContinueOnError)
	flags.StringVar(&o.directory, "directory", "", "the cluster's directory")
	flags.IntVar(&o.apiServerPort, "api-server-port", 0, "the port of kube-apiserver")
	flags.IntVar(&o.virtAPIPort, "virt-api-port", 0, "the port of virt-api")
	flags.StringVar(&o.crds, "crds", "", "a directory of further CRDs as YAML files")
	flags.DurationVar(&o.timeout, "timeout", 2*time.Minute, "how long to wait for other programs")
	flags.BoolVar(&o.lifeline, "lifeline", false, "stop every program of the cluster when standard input closes")
	flags.BoolVar(&o.temporary, "temporary", false, "with -lifeline, remove the directory as well")
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	if o.directory == "" {
		return fmt.Errorf("-directory is missing\n%s", usage)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()

	switch arguments[0] {
	case "certificates":
		return certificates.Write(o.directory, o.apiServerPort)
	case "setup":
		client, err := newClient(o.directory, "admin")
		if err != nil {
			return err
		}
		limited, cancel := context.WithTimeout(ctx, o.timeout)
		defer cancel()
		return setup.Install(limited, client, release, o.directory, o.crds, o.virtAPIPort)
	case "activate":
		client, err := newClient(o.directory, "admin")
		if err != nil {
			return err
		}
		limited, cancel := context.WithTimeout(ctx, o.timeout)
		defer cancel()
		return setup.Activate(limited, client, o.directory, o.virtAPIPort)
	case "run":
		return play(ctx, o)
	default:
		return fmt.Errorf("unknown command %q\n%s", arguments[0], usage)
	}
}

func play(ctx context.Context, o options) error {
	if o.lifeline {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			endCluster(o.directory, o.temporary)
		}()
	}
	client, err := newClient(o.directory, "admin")
	if err != nil {
		return err
	}
	handlerClient, err := newClient(o.directory, "virt-handler")
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	if err := emulation.AwaitAPI(limited, client); err != nil {
		return fmt.Errorf("waiting for the API server to serve KubeVirt's kinds: %w", err)
	}
	return emulation.Run(ctx, client, handlerClient)
}

// newClient has no rate limit worth the name: the default of five requests a second starves several components that
// share it.
func newClient(directory, identity string) (kubecli.KubevirtClient, error) {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(directory, "kubeconfigs", identity))
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 500, 1000
	return kubecli.GetKubevirtClientFromRESTConfig(config)
}
