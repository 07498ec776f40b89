package emulation

import (
	"context"
	"errors"
	"fmt"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "kubevirt.io/api/core/v1"

	networkcache "kubevirt.io/kubevirt/pkg/network/cache"
	"kubevirt.io/kubevirt/pkg/network/multus"
	"kubevirt.io/kubevirt/pkg/network/vmispec"

	kubevirtcontroller "kubevirt.io/kubevirt/pkg/controller"
)

// syncFailed is the reason virt-handler gives the condition Synchronized=False.
const syncFailed = "Synchronizing with the Domain failed."

var conditions = kubevirtcontroller.NewVirtualMachineInstanceConditionManager()

// handle is virt-handler: it starts, changes and stops the domain of a VMI and reports it in the VMI's status.
func (s *stand) handle(ctx context.Context, namespace, name string) error {
	vmi, err := s.vmis.get(namespace, name)
	if err != nil {
		return err
	}
	if vmi == nil {
		return nil
	}
	if vmi.IsFinal() {
		s.stop(vmi)
		return nil
	}
	if !vmi.IsScheduled() && !vmi.IsRunning() {
		return nil
	}
	updated := vmi.DeepCopy()
	syncErr := s.syncVMI(ctx, updated)
	if errors.Is(syncErr, errNotYet) {
		return nil
	}
	if syncErr != nil {
		s.vmiEvents.Event(vmi, corev1.EventTypeWarning, v1.SyncFailed.String(), syncErr.Error())
	}
	conditions.CheckFailure(updated, syncErr, syncFailed)
	kubevirtcontroller.SetVMIPhaseTransitionTimestamp(&vmi.Status, &updated.Status)
	if !equality.Semantic.DeepEqual(vmi.Status, updated.Status) || !equality.Semantic.DeepEqual(vmi.Labels, updated.Labels) {
		if _, err := s.handlerClient.VirtualMachineInstance(namespace).Update(ctx, updated, metav1.UpdateOptions{}); err != nil {
			return err
		}
		s.recordPhase(vmi, updated)
	}
	return syncErr
}

// errNotYet says that another component has to act first; its write calls handle again.
var errNotYet = errors.New("waiting for another component")

func (s *stand) syncVMI(ctx context.Context, vmi *v1.VirtualMachineInstance) error {
	if vmi.DeletionTimestamp != nil {
		s.stop(vmi)
		vmi.Status.Phase = v1.Succeeded
		return nil
	}
	modes, err := parseModes(vmi.Annotations)
	if err != nil {
		return err
	}
	if migrating(vmi) {
		return s.migrate(vmi)
	}
	pod := s.launcher(vmi, vmi.Status.NodeName)
	if pod == nil || pod.Status.Phase != corev1.PodRunning {
		return errNotYet
	}
	networks := multus.NetworkStatusesFromPod(pod)
	machine := s.machines.get(vmi.UID)
	if machine == nil {
		config, err := s.readGuestConfig(ctx, vmi)
		if err != nil {
			return err
		}
		if machine, err = boot(vmi, networks, modes, config); err != nil {
			return fmt.Errorf("failed to configure vmi network: setup failed, err: %w", err)
		}
		s.machines.set(vmi.UID, machine)
	}
	syncErr := machine.sync(vmi, networks, modes)
	vmi.Status.Phase = v1.Running
	// virt-controller lets a VMI without a context migrate nowhere; "none" is what a node without SELinux reports.
	vmi.Status.SelinuxContext = "none"
	s.reportMigratable(vmi, modes)
	s.reportAgent(vmi, modes)
	if err := s.reportNetworks(vmi, machine, networks, modes); err != nil {
		return err
	}
	return syncErr
}

// reportNetworks calls KubeVirt's own netstat with what the pod, the domain and the guest agent say.
func (s *stand) reportNetworks(vmi *v1.VirtualMachineInstance, machine *machine, networks []networkv1.NetworkStatus, m modes) error {
	if primary := vmispec.LookupPodNetwork(vmi.Spec.Networks); primary != nil {
		for _, status := range networks {
			if status.Default && len(status.IPs) > 0 {
				s.netStat.CachePodInterfaceVolatileData(vmi, primary.Name, &networkcache.PodIfaceCacheData{PodIP: status.IPs[0], PodIPs: status.IPs})
			}
		}
	}
	domain := machine.domain.DeepCopy()
	domain.Status.Interfaces = nil
	if m.guestAgent {
		domain.Status.Interfaces = machine.guest.report(vmi, domain, networks, m)
	}
	return s.netStat.UpdateStatus(vmi, domain)
}

func (s *stand) reportAgent(vmi *v1.VirtualMachineInstance, m modes) {
	if !m.guestAgent {
		conditions.RemoveCondition(vmi, v1.VirtualMachineInstanceAgentConnected)
		return
	}
	if !conditions.HasCondition(vmi, v1.VirtualMachineInstanceAgentConnected) {
		vmi.Status.Conditions = append(vmi.Status.Conditions, v1.VirtualMachineInstanceCondition{
			Type: v1.VirtualMachineInstanceAgentConnected, LastProbeTime: metav1.Now(), Status: corev1.ConditionTrue,
		})
	}
}

// reportMigratable follows virt-handler's calculateLiveMigrationCondition as far as networks and claims go.
func (s *stand) reportMigratable(vmi *v1.VirtualMachineInstance, m modes) {
	condition := v1.VirtualMachineInstanceCondition{Type: v1.VirtualMachineInstanceIsMigratable, Status: corev1.ConditionTrue}
	if err := vmispec.VerifyVMIMigratable(vmi, nil); err != nil {
		condition.Status, condition.Reason, condition.Message = corev1.ConditionFalse, v1.VirtualMachineInstanceReasonInterfaceNotMigratable, err.Error()
	} else if !m.liveMigratable {
		condition.Status, condition.Reason = corev1.ConditionFalse, v1.VirtualMachineInstanceReasonDisksNotMigratable
		condition.Message = fmt.Sprintf("cannot migrate VMI: the annotation %s says so", modeLiveMigratable)
	}
	current := conditions.GetCondition(vmi, v1.VirtualMachineInstanceIsMigratable)
	if current == nil || !equality.Semantic.DeepEqual(*current, condition) {
		conditions.RemoveCondition(vmi, v1.VirtualMachineInstanceIsMigratable)
		vmi.Status.Conditions = append(vmi.Status.Conditions, condition)
	}
	vmi.Status.MigrationMethod = v1.LiveMigration
}

func (s *stand) stop(vmi *v1.VirtualMachineInstance) {
	s.machines.remove(vmi.UID)
	s.netStat.Teardown(vmi)
}

func (s *stand) recordPhase(before, after *v1.VirtualMachineInstance) {
	if before.Status.Phase == after.Status.Phase {
		return
	}
	switch after.Status.Phase {
	case v1.Running:
		s.vmiEvents.Event(after, corev1.EventTypeNormal, v1.Started.String(), "VirtualMachineInstance started.")
	case v1.Succeeded:
		s.vmiEvents.Event(after, corev1.EventTypeNormal, v1.Stopped.String(), "The VirtualMachineInstance was shut down.")
	}
}

// launcher finds the VMI's virt-launcher pod on a node.
func (s *stand) launcher(vmi *v1.VirtualMachineInstance, node string) *corev1.Pod {
	for _, pod := range s.pods.list() {
		if pod.Labels[v1.CreatedByLabel] == string(vmi.UID) && pod.Spec.NodeName == node && !finished(pod) && pod.DeletionTimestamp == nil {
			return pod
		}
	}
	return nil
}
