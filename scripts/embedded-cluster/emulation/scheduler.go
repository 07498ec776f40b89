package emulation

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	v1 "kubevirt.io/api/core/v1"
)

// schedule binds a virt-launcher pod to the eligible node with the fewest of them. A migration's target keeps away
// from the nodes of its VMI's other pods, as the anti-affinity KubeVirt writes into it demands.
func (s *stand) schedule(ctx context.Context, namespace, name string) error {
	pod, err := s.pods.get(namespace, name)
	if err != nil || pod == nil || pod.Spec.NodeName != "" || pod.DeletionTimestamp != nil || pod.Labels[v1.AppLabel] != "virt-launcher" {
		return err
	}
	load := map[string]int{}
	avoid := map[string]bool{}
	for _, other := range s.pods.list() {
		if other.Spec.NodeName == "" || finished(other) {
			continue
		}
		load[other.Spec.NodeName]++
		if pod.Labels[v1.CreatedByLabel] == other.Labels[v1.CreatedByLabel] && pod.Labels[v1.MigrationJobLabel] != "" {
			avoid[other.Spec.NodeName] = true
		}
	}
	nodes := s.nodes.list()
	best := ""
	for _, node := range nodes {
		fits := labels.SelectorFromSet(pod.Spec.NodeSelector).Matches(labels.Set(node.Labels))
		if fits && !node.Spec.Unschedulable && !avoid[node.Name] && (best == "" || load[node.Name] < load[best]) {
			best = node.Name
		}
	}
	if best == "" {
		message := fmt.Sprintf("0/%d nodes are available: the node selector, cordons and anti-affinity leave none.", len(nodes))
		return s.patchPodConditions(ctx, pod, corev1.PodCondition{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message,
		})
	}
	return s.client.CoreV1().Pods(namespace).Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: best},
	}, metav1.CreateOptions{})
}

func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// unscheduled lists the pods that a change of a node may give a place.
func (s *stand) unscheduled(any) []string {
	var keys []string
	for _, pod := range s.pods.list() {
		if pod.Spec.NodeName == "" {
			keys = append(keys, podKey(pod))
		}
	}
	return keys
}
