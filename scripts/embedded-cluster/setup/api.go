package setup

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	aggregator "k8s.io/kube-aggregator/pkg/client/clientset_generated/clientset"
	"k8s.io/utils/ptr"

	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/components"
)

// installAggregatedAPI makes kube-apiserver forward KubeVirt's subresources (start, stop, restart ...) to virt-api. The
// Service is an ExternalName because an endpoint may not be a loopback address.
func (i *installer) installAggregatedAPI(ctx context.Context, port int) error {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: components.VirtApiServiceName, Namespace: kubeVirtNamespace},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "localhost"},
	}
	if _, err := i.client.CoreV1().Services(kubeVirtNamespace).Create(ctx, service, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating the Service of virt-api: %w", err)
	}
	client, err := aggregator.NewForConfig(i.client.Config())
	if err != nil {
		return err
	}
	for _, api := range components.NewVirtAPIAPIServices(kubeVirtNamespace) {
		api.Spec.CABundle = i.ca
		api.Spec.Service.Port = ptr.To(int32(port))
		if _, err := client.ApiregistrationV1().APIServices().Create(ctx, api, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("creating the APIService %s: %w", api.Name, err)
		}
	}
	return nil
}

func (i *installer) awaitAggregatedAPI(ctx context.Context) error {
	client, err := aggregator.NewForConfig(i.client.Config())
	if err != nil {
		return err
	}
	for _, api := range components.NewVirtAPIAPIServices(kubeVirtNamespace) {
		err := i.poll(ctx, "the APIService "+api.Name+" to be available", func() (bool, string) {
			current, err := client.ApiregistrationV1().APIServices().Get(ctx, api.Name, metav1.GetOptions{})
			if err != nil {
				return false, err.Error()
			}
			for _, condition := range current.Status.Conditions {
				if condition.Type == apiregv1.Available {
					return condition.Status == apiregv1.ConditionTrue, condition.Message
				}
			}
			return false, "it has no condition Available"
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// installWebhooks registers all of virt-api's webhooks by URL. They refuse everything while virt-api is not there
// (failurePolicy Fail), so they come after it answers.
func (i *installer) installWebhooks(ctx context.Context, port int) error {
	base := fmt.Sprintf("https://127.0.0.1:%d", port)
	if err := i.awaitHealthy(ctx, base+"/healthz"); err != nil {
		return err
	}
	mutating := components.NewVirtAPIMutatingWebhookConfiguration(kubeVirtNamespace)
	for index := range mutating.Webhooks {
		i.pointAt(base, &mutating.Webhooks[index].ClientConfig)
	}
	api := i.client.AdmissionregistrationV1()
	if _, err := api.MutatingWebhookConfigurations().Create(ctx, mutating, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating the mutating webhooks: %w", err)
	}
	validating := components.NewVirtAPIValidatingWebhookConfiguration(kubeVirtNamespace)
	for index := range validating.Webhooks {
		i.pointAt(base, &validating.Webhooks[index].ClientConfig)
	}
	if _, err := api.ValidatingWebhookConfigurations().Create(ctx, validating, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating the validating webhooks: %w", err)
	}
	return nil
}

func (i *installer) pointAt(base string, config *admissionregistrationv1.WebhookClientConfig) {
	config.URL = ptr.To(base + ptr.Deref(config.Service.Path, "/"))
	config.Service = nil
	config.CABundle = i.ca
}

func (i *installer) awaitHealthy(ctx context.Context, url string) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(i.ca)
	client := &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
	}
	return i.poll(ctx, "virt-api to be healthy at "+url, func() (bool, string) {
		response, err := client.Get(url)
		if err != nil {
			return false, err.Error()
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK, response.Status
	})
}
