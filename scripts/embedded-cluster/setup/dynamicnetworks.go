package setup

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"embedded-cluster/emulation"
)

// installDynamicNetworks declares the DaemonSet of multus-dynamic-networks-controller, which the emulation stands in for.
// Nothing runs its pods: the status says what a cluster with it would say.
func (i *installer) installDynamicNetworks(ctx context.Context) error {
	labels := map[string]string{"app": "dynamic-networks-controller"}
	daemonSet := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "dynamic-networks-controller-ds", Namespace: metav1.NamespaceSystem, Labels: labels},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "dynamic-networks-controller", Image: "emulated"}}},
			},
		},
	}
	daemonSets := i.client.AppsV1().DaemonSets(metav1.NamespaceSystem)
	var created *appsv1.DaemonSet
	err := i.poll(ctx, "the namespace "+metav1.NamespaceSystem, func() (bool, string) {
		var err error
		created, err = daemonSets.Create(ctx, daemonSet, metav1.CreateOptions{})
		return err == nil, fmt.Sprint(err)
	})
	if err != nil {
		return err
	}
	nodeCount := int32(len(emulation.Nodes()))
	created.Status = appsv1.DaemonSetStatus{DesiredNumberScheduled: nodeCount, CurrentNumberScheduled: nodeCount, NumberReady: nodeCount}
	if _, err := daemonSets.UpdateStatus(ctx, created, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("reporting the DaemonSet %s: %w", created.Name, err)
	}
	return nil
}
