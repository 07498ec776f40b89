package setup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "kubevirt.io/api/core/v1"
	"kubevirt.io/client-go/kubecli"
)

const (
	kubeVirtNamespace = "kubevirt"
	interval          = 50 * time.Millisecond
)

// Release is a release of KubeVirt: what is installed for it and differs from others.
type Release struct {
	Version string
	// FurtherCRDs are those its virt-operator installs besides the ones of 1.6.
	FurtherCRDs []func() (*extv1.CustomResourceDefinition, error)
	// ControllerRBAC is what its virt-controller may do.
	ControllerRBAC func(namespace string) []runtime.Object
	// Configure completes the configuration of the KubeVirt object, where not nil.
	Configure func(configuration *v1.KubeVirtConfiguration)
}

type installer struct {
	client kubecli.KubevirtClient
	ca     []byte
}

func newInstaller(client kubecli.KubevirtClient, directory string) (*installer, error) {
	ca, err := os.ReadFile(filepath.Join(directory, "certificates", "ca", "ca.crt"))
	if err != nil {
		return nil, err
	}
	return &installer{client: client, ca: ca}, nil
}

// Install does all that virt-controller and the node side need before they start.
func Install(ctx context.Context, client kubecli.KubevirtClient, release Release, directory, crdDirectory string, virtAPIPort int) error {
	i, err := newInstaller(client, directory)
	if err != nil {
		return err
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: kubeVirtNamespace}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating the namespace %s: %w", kubeVirtNamespace, err)
	}
	group, groupContext := errgroup.WithContext(ctx)
	group.Go(func() error { return i.installCRDs(groupContext, release, crdDirectory) })
	group.Go(func() error { return i.installRBAC(groupContext, release) })
	group.Go(func() error { return i.installNodes(groupContext) })
	group.Go(func() error { return i.installDynamicNetworks(groupContext) })
	group.Go(func() error { return i.installAggregatedAPI(groupContext, virtAPIPort) })
	group.Go(func() error { return i.installKubeVirt(groupContext, release) })
	return group.Wait()
}

// Activate installs the webhooks once virt-api answers, and returns when virt-controller leads and KubeVirt's
// subresources are served: from then on a VirtualMachine may be created.
func Activate(ctx context.Context, client kubecli.KubevirtClient, directory string, virtAPIPort int) error {
	i, err := newInstaller(client, directory)
	if err != nil {
		return err
	}
	if err := i.installWebhooks(ctx, virtAPIPort); err != nil {
		return err
	}
	if err := i.awaitVirtController(ctx); err != nil {
		return err
	}
	return i.awaitAggregatedAPI(ctx)
}

// poll asks until done, and reports at the context's deadline what it saw last.
func (i *installer) poll(ctx context.Context, what string, done func() (bool, string)) error {
	for {
		ok, seen := done()
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; last seen: %s", what, ctx.Err(), seen)
		case <-time.After(interval):
		}
	}
}

func ignoreExisting(err error) error {
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}
