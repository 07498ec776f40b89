package setup

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "kubevirt.io/api/core/v1"

	"embedded-cluster/emulation"
)

// installNodes registers the nodes with what kubelet and KubeVirt's node labeller publish about them.
func (i *installer) installNodes(ctx context.Context) error {
	for _, node := range emulation.Nodes() {
		capacity := corev1.ResourceList{
			corev1.ResourceCPU:              resource.MustParse("64"),
			corev1.ResourceMemory:           resource.MustParse("256Gi"),
			corev1.ResourcePods:             resource.MustParse("500"),
			"devices.kubevirt.io/kvm":       resource.MustParse("1k"),
			"devices.kubevirt.io/tun":       resource.MustParse("1k"),
			"devices.kubevirt.io/vhost-net": resource.MustParse("1k"),
		}
		created, err := i.client.CoreV1().Nodes().Create(ctx, &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{
				Name: node.Name,
				Labels: map[string]string{
					corev1.LabelHostname:                    node.Name,
					corev1.LabelArchStable:                  "amd64",
					corev1.LabelOSStable:                    "linux",
					v1.NodeSchedulable:                      "true",
					v1.SupportedMachineTypeLabel + "q35":    "true",
					v1.SupportedMachineTypeLabel + "pc-q35": "true",
					"node-role.kubernetes.io/worker":        "",
				},
				Annotations: map[string]string{v1.VirtHandlerHeartbeat: emulation.Heartbeat()},
			},
			Spec: corev1.NodeSpec{PodCIDR: node.PodCIDR, PodCIDRs: []string{node.PodCIDR}},
		}, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		created.Status.Capacity = capacity
		created.Status.Allocatable = capacity
		created.Status.Addresses = []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: node.Address},
			{Type: corev1.NodeHostName, Address: node.Name},
		}
		created.Status.NodeInfo = corev1.NodeSystemInfo{Architecture: "amd64", OperatingSystem: "linux"}
		created.Status.Conditions = []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady",
			LastHeartbeatTime: metav1.Now(), LastTransitionTime: metav1.Now(),
		}}
		updated, err := i.client.CoreV1().Nodes().UpdateStatus(ctx, created, metav1.UpdateOptions{})
		if err != nil {
			return err
		}
		// Admission gives a new node a not-ready taint, which the node lifecycle controller would lift.
		updated.Spec.Taints = nil
		if _, err := i.client.CoreV1().Nodes().Update(ctx, updated, metav1.UpdateOptions{}); err != nil {
			return err
		}
	}
	return nil
}
