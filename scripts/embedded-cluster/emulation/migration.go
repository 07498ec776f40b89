package emulation

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	v1 "kubevirt.io/api/core/v1"

	"kubevirt.io/kubevirt/pkg/network/multus"
)

// migrationPort is one that virt-handler's migration proxy would listen on.
const migrationPort = "49152"

func migrating(vmi *v1.VirtualMachineInstance) bool {
	state := vmi.Status.MigrationState
	return state != nil && state.TargetNode != "" && !state.Completed && !state.Failed
}

// migrate does the next step of a migration that virt-controller has prepared: target and source virt-handler report
// in turns, one update each (migration-target.go and migration-source.go). The network status stays as it is until
// the end, as virt-handler's does.
func (s *stand) migrate(vmi *v1.VirtualMachineInstance) error {
	state := vmi.Status.MigrationState
	pod := s.launcher(vmi, state.TargetNode)
	if pod == nil || pod.Status.Phase != corev1.PodRunning {
		return errNotYet
	}
	now := metav1.Now()
	switch {
	case state.TargetNodeAddress == "":
		node, err := nodeByName(state.TargetNode)
		if err != nil {
			return err
		}
		ports := map[string]int{migrationPort: 0}
		state.TargetNodeAddress, state.TargetDirectMigrationNodePorts = node.Address, ports
		if target := state.TargetState; target != nil {
			target.NodeAddress, target.DirectMigrationNodePorts = ptr.To(node.Address), ports
		}
		s.vmiEvents.Eventf(vmi, corev1.EventTypeNormal, v1.PreparingTarget.String(),
			"Migration Target is listening at %s, on ports: %s", node.Address, migrationPort)
	case state.StartTimestamp == nil:
		state.StartTimestamp = &now
		state.Mode = v1.MigrationPreCopy
	case !state.TargetNodeDomainDetected:
		if err := s.moveMachine(vmi, pod); err != nil {
			return err
		}
		state.TargetNodeDomainDetected, state.TargetNodeDomainReadyTimestamp = true, &now
		if target := state.TargetState; target != nil {
			target.DomainDetected, target.DomainReadyTimestamp = true, &now
		}
		conditions.RemoveCondition(vmi, v1.VirtualMachineInstanceMigrationRequired)
	default:
		state.EndTimestamp, state.Completed = &now, true
		vmi.Labels[v1.NodeNameLabel] = state.TargetNode
		delete(vmi.Labels, v1.OutdatedLauncherImageLabel)
		delete(vmi.Labels, v1.MigrationTargetNodeNameLabel)
		vmi.Status.LauncherContainerImageVersion = ""
		vmi.Status.NodeName = state.TargetNode
		vmi.Status.EvacuationNodeName = ""
		vmi.Status.MigrationTransport = v1.MigrationTransportUnix
		s.vmiEvents.Eventf(vmi, corev1.EventTypeNormal, v1.Migrated.String(), "The VirtualMachineInstance migrated to node %s.", state.TargetNode)
	}
	return nil
}

func (s *stand) moveMachine(vmi *v1.VirtualMachineInstance, target *corev1.Pod) error {
	source := s.machines.get(vmi.UID)
	if source == nil {
		return fmt.Errorf("the domain to migrate is gone")
	}
	moved, err := source.migrated(vmi, multus.NetworkStatusesFromPod(target))
	if err != nil {
		return fmt.Errorf("failed to configure vmi network for migration target: %w", err)
	}
	s.machines.set(vmi.UID, moved)
	return nil
}
