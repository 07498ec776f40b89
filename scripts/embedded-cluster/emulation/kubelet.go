package emulation

import (
	"context"
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	v1 "kubevirt.io/api/core/v1"
)

// runPod is the kubelet: it has Multus set up the network, runs the containers, keeps the pod's readiness, and ends
// the pod when it is deleted or its virt-launcher has nothing left to run.
func (s *stand) runPod(ctx context.Context, namespace, name string) error {
	pod, err := s.pods.get(namespace, name)
	if err != nil || pod == nil || pod.Spec.NodeName == "" || pod.Labels[v1.AppLabel] != "virt-launcher" {
		return err
	}
	if pod.DeletionTimestamp != nil {
		return s.endPod(ctx, pod)
	}
	if finished(pod) {
		return nil
	}
	if pod.Status.Phase == corev1.PodPending {
		return s.startPod(ctx, pod)
	}
	if s.launcherIsDone(pod) {
		return s.patchPodStatus(ctx, pod, terminated(pod))
	}
	if ready := readiness(pod); !hasCondition(pod, ready) {
		return s.patchPodConditions(ctx, pod, ready)
	}
	return nil
}

func (s *stand) startPod(ctx context.Context, pod *corev1.Pod) error {
	node, err := nodeByName(pod.Spec.NodeName)
	if err != nil {
		return err
	}
	address, err := s.addresses.allocate(pod, node, s.pods.list())
	if err != nil {
		return err
	}
	if err := s.attachAtStart(ctx, pod, address); err != nil {
		s.podEvents.Eventf(pod, corev1.EventTypeWarning, "FailedCreatePodSandBox", "Failed to create pod sandbox: %v", err)
		return err
	}
	now := metav1.Now()
	status := corev1.PodStatus{
		Phase:     corev1.PodRunning,
		HostIP:    node.Address,
		HostIPs:   []corev1.HostIP{{IP: node.Address}},
		PodIP:     address,
		PodIPs:    []corev1.PodIP{{IP: address}},
		StartTime: &now,
	}
	for _, container := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, corev1.ContainerStatus{
			Name:    container.Name,
			Image:   container.Image,
			Ready:   true,
			Started: ptr.To(true),
			State:   corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		})
	}
	running := pod.DeepCopy()
	running.Status.Phase = corev1.PodRunning
	setCondition(running, corev1.PodCondition{Type: corev1.ContainersReady, Status: corev1.ConditionTrue})
	status.Conditions = []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: now},
		{Type: corev1.PodInitialized, Status: corev1.ConditionTrue, LastTransitionTime: now},
		{Type: corev1.ContainersReady, Status: corev1.ConditionTrue, LastTransitionTime: now},
		readiness(running),
	}
	return s.patchPodStatus(ctx, pod, status)
}

// launcherIsDone tells whether the pod's virt-launcher has no domain any more: its VMI ended, or migrated away.
func (s *stand) launcherIsDone(pod *corev1.Pod) bool {
	vmi := s.vmiOf(pod)
	if vmi == nil {
		return false
	}
	if vmi.IsFinal() {
		return true
	}
	migration := vmi.Status.MigrationState
	return migration != nil && migration.Completed && migration.SourcePod == pod.Name && vmi.Status.NodeName != pod.Spec.NodeName
}

func (s *stand) endPod(ctx context.Context, pod *corev1.Pod) error {
	if !finished(pod) {
		if err := s.patchPodStatus(ctx, pod, terminated(pod)); err != nil {
			return err
		}
	}
	err := s.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: ptr.To(int64(0)),
		Preconditions:      metav1.NewUIDPreconditions(string(pod.UID)),
	})
	if err == nil {
		s.addresses.release(pod)
	}
	return err
}

func terminated(pod *corev1.Pod) corev1.PodStatus {
	now := metav1.Now()
	status := corev1.PodStatus{
		Phase: corev1.PodSucceeded,
		Conditions: []corev1.PodCondition{
			{Type: corev1.ContainersReady, Status: corev1.ConditionFalse, Reason: "PodCompleted", LastTransitionTime: now},
			{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "PodCompleted", LastTransitionTime: now},
		},
	}
	for _, container := range pod.Status.ContainerStatuses {
		started := metav1.Time{}
		if container.State.Running != nil {
			started = container.State.Running.StartedAt
		}
		container.Ready = false
		container.Started = ptr.To(false)
		container.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			Reason: "Completed", StartedAt: started, FinishedAt: now,
		}}
		status.ContainerStatuses = append(status.ContainerStatuses, container)
	}
	return status
}

// readiness is the pod's Ready condition: its containers and all its readiness gates.
func readiness(pod *corev1.Pod) corev1.PodCondition {
	ready := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}
	if status(pod, corev1.ContainersReady) != corev1.ConditionTrue {
		ready.Status, ready.Reason = corev1.ConditionFalse, "ContainersNotReady"
	}
	for _, gate := range pod.Spec.ReadinessGates {
		if status(pod, gate.ConditionType) != corev1.ConditionTrue {
			ready.Status, ready.Reason = corev1.ConditionFalse, "ReadinessGatesNotReady"
		}
	}
	return ready
}

func status(pod *corev1.Pod, conditionType corev1.PodConditionType) corev1.ConditionStatus {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == conditionType {
			return condition.Status
		}
	}
	return corev1.ConditionUnknown
}

func hasCondition(pod *corev1.Pod, wanted corev1.PodCondition) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == wanted.Type {
			return condition.Status == wanted.Status && condition.Reason == wanted.Reason && condition.Message == wanted.Message
		}
	}
	return false
}

func setCondition(pod *corev1.Pod, condition corev1.PodCondition) {
	for index := range pod.Status.Conditions {
		if pod.Status.Conditions[index].Type == condition.Type {
			pod.Status.Conditions[index] = condition
			return
		}
	}
	pod.Status.Conditions = append(pod.Status.Conditions, condition)
}

func (s *stand) patchPodConditions(ctx context.Context, pod *corev1.Pod, condition corev1.PodCondition) error {
	if hasCondition(pod, condition) {
		return nil
	}
	condition.LastTransitionTime = metav1.Now()
	return s.patchPodStatus(ctx, pod, corev1.PodStatus{Conditions: []corev1.PodCondition{condition}})
}

// patchPodStatus merges into the status: conditions by type, so that those which virt-controller writes stay, and no
// annotation is touched.
func (s *stand) patchPodStatus(ctx context.Context, pod *corev1.Pod, status corev1.PodStatus) error {
	if equality.Semantic.DeepEqual(status, corev1.PodStatus{}) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": pod.UID}, "status": status})
	if err != nil {
		return err
	}
	_, err = s.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}
