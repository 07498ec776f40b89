package emulation

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"slices"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "kubevirt.io/api/core/v1"

	"kubevirt.io/kubevirt/pkg/network/multus"
)

// attachAtStart is Multus called for a new sandbox: all networks the pod asks for, or none and an error.
func (s *stand) attachAtStart(ctx context.Context, pod *corev1.Pod, address string) error {
	if pod.Annotations[networkv1.NetworkStatusAnnot] != "" {
		return nil
	}
	requested, err := requestedNetworks(pod)
	if err != nil {
		return err
	}
	statuses := []networkv1.NetworkStatus{{
		Name: "cni0", Interface: "eth0", IPs: []string{address}, Mac: macOf(pod, "eth0").String(), Default: true,
	}}
	for _, element := range requested {
		status, err := s.attach(ctx, pod, element)
		if err != nil {
			return err
		}
		statuses = append(statuses, status)
	}
	return s.writeNetworkStatus(ctx, pod, statuses)
}

// syncNetworks is the dynamic-networks controller: it makes the interfaces of a running pod follow its annotation. The
// names of its events are upstream's (multus-dynamic-networks-controller, pkg/controller/pod.go).
func (s *stand) syncNetworks(ctx context.Context, namespace, name string) error {
	pod, err := s.pods.get(namespace, name)
	if err != nil || pod == nil || pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodRunning {
		return err
	}
	requested, err := requestedNetworks(pod)
	if err != nil {
		return err
	}
	statuses := multus.NetworkStatusesFromPod(pod)
	toAdd := slices.DeleteFunc(slices.Clone(requested), func(element networkv1.NetworkSelectionElement) bool {
		return slices.ContainsFunc(statuses, func(status networkv1.NetworkStatus) bool { return status.Interface == element.InterfaceRequest })
	})
	kept := slices.DeleteFunc(slices.Clone(statuses), func(status networkv1.NetworkStatus) bool {
		return !status.Default && !slices.ContainsFunc(requested, func(element networkv1.NetworkSelectionElement) bool {
			return element.InterfaceRequest == status.Interface
		})
	})
	if len(toAdd) == 0 && len(kept) == len(statuses) {
		return nil
	}

	vmi := s.vmiOf(pod)
	if vmi == nil {
		return nil
	}
	// A pod shares its VMI's modes; nonsense there is reported with the VMI.
	modes, err := parseModes(vmi.Annotations)
	if err != nil || modes.dynamicNetworks == "off" {
		return nil
	}
	if modes.dynamicNetworks == "broken" {
		return s.failNetworks(pod, toAdd, len(statuses)-len(kept))
	}
	var failure error
	for _, element := range toAdd {
		status, err := s.attach(ctx, pod, element)
		if err != nil {
			s.podEvents.Eventf(pod, corev1.EventTypeWarning, "FailedAddingInterface",
				"pod [%s]: failed adding interface %s to network: %s", podKey(pod), element.InterfaceRequest, element.Name)
			failure = err
			continue
		}
		s.podEvents.Eventf(pod, corev1.EventTypeNormal, "AddedInterface",
			"pod [%s]: added interface %s to network: %s(mac: %s)", podKey(pod), element.InterfaceRequest, element.Name, status.Mac)
		kept = append(kept, status)
	}
	if err := s.writeNetworkStatus(ctx, pod, kept); err != nil {
		return err
	}
	return failure
}

// failNetworks fails a request once per state of the annotation: the real one gives up after a few tries.
func (s *stand) failNetworks(pod *corev1.Pod, toAdd []networkv1.NetworkSelectionElement, removals int) error {
	state := pod.Annotations[networkv1.NetworkAttachmentAnnot]
	if previous, _ := s.failedNetworks.Swap(pod.UID, state); previous == state {
		return nil
	}
	for _, element := range toAdd {
		s.podEvents.Eventf(pod, corev1.EventTypeWarning, "FailedAddingInterface",
			"pod [%s]: failed adding interface %s to network: %s", podKey(pod), element.InterfaceRequest, element.Name)
	}
	if removals > 0 {
		s.podEvents.Eventf(pod, corev1.EventTypeWarning, "FailedRemovingInterface", "pod [%s]: failed removing %d interfaces", podKey(pod), removals)
	}
	return nil
}

func (s *stand) attach(ctx context.Context, pod *corev1.Pod, element networkv1.NetworkSelectionElement) (networkv1.NetworkStatus, error) {
	nad, err := s.client.NetworkClient().K8sCniCncfIoV1().NetworkAttachmentDefinitions(element.Namespace).Get(ctx, element.Name, metav1.GetOptions{})
	if err != nil {
		return networkv1.NetworkStatus{}, fmt.Errorf("cannot find a network-attachment-definition (%s) in namespace (%s): %w", element.Name, element.Namespace, err)
	}
	status := networkv1.NetworkStatus{
		Name:      nad.Namespace + "/" + nad.Name,
		Interface: element.InterfaceRequest,
		Mac:       element.MacRequest,
		DNS:       networkv1.DNS{},
	}
	if status.Mac == "" {
		status.Mac = macOf(pod, element.InterfaceRequest).String()
	}
	if cniType(nad) == "sriov" {
		status.DeviceInfo = &networkv1.DeviceInfo{
			Type: networkv1.DeviceInfoTypePCI, Version: networkv1.DeviceInfoVersion,
			Pci: &networkv1.PciDevice{PciAddress: pciAddressOf(pod, element.InterfaceRequest)},
		}
	}
	return status, nil
}

func cniType(nad *networkv1.NetworkAttachmentDefinition) string {
	var config struct {
		Type    string                  `json:"type"`
		Plugins []struct{ Type string } `json:"plugins"`
	}
	if err := json.Unmarshal([]byte(nad.Spec.Config), &config); err != nil {
		return ""
	}
	if config.Type == "" && len(config.Plugins) > 0 {
		return config.Plugins[0].Type
	}
	return config.Type
}

func requestedNetworks(pod *corev1.Pod) ([]networkv1.NetworkSelectionElement, error) {
	annotation := pod.Annotations[networkv1.NetworkAttachmentAnnot]
	if annotation == "" {
		return nil, nil
	}
	var elements []networkv1.NetworkSelectionElement
	if err := json.Unmarshal([]byte(annotation), &elements); err != nil {
		return nil, fmt.Errorf("the pod's annotation %s is not a JSON list: %w", networkv1.NetworkAttachmentAnnot, err)
	}
	for index := range elements {
		if elements[index].Namespace == "" {
			elements[index].Namespace = pod.Namespace
		}
	}
	return elements, nil
}

func (s *stand) writeNetworkStatus(ctx context.Context, pod *corev1.Pod, statuses []networkv1.NetworkStatus) error {
	value, err := json.Marshal(statuses)
	if err != nil {
		return err
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": pod.UID, "annotations": map[string]string{networkv1.NetworkStatusAnnot: string(value)},
	}})
	if err != nil {
		return err
	}
	_, err = s.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

// macOf is the address a CNI plugin would make up for an interface: local, unicast, and the same on each call.
func macOf(pod *corev1.Pod, podInterface string) net.HardwareAddr {
	hash := sha256.Sum256([]byte(string(pod.UID) + "/" + podInterface))
	return net.HardwareAddr{0x02, hash[0], hash[1], hash[2], hash[3], hash[4]}
}

func pciAddressOf(pod *corev1.Pod, podInterface string) string {
	hash := sha256.Sum256([]byte(string(pod.UID) + "/" + podInterface))
	return fmt.Sprintf("0000:%02x:%02x.%d", hash[0], hash[1]&0x1f, hash[2]&0x7)
}

func podKey(pod *corev1.Pod) string {
	return pod.Namespace + "/" + pod.Name
}

// vmiOf finds the VMI a virt-launcher pod runs.
func (s *stand) vmiOf(pod *corev1.Pod) *v1.VirtualMachineInstance {
	owner := metav1.GetControllerOf(pod)
	if owner == nil || owner.Kind != v1.VirtualMachineInstanceGroupVersionKind.Kind {
		return nil
	}
	vmi, err := s.vmis.get(pod.Namespace, owner.Name)
	if err != nil || vmi == nil || vmi.UID != owner.UID {
		return nil
	}
	return vmi
}
