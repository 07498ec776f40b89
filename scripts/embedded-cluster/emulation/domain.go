package emulation

import (
	"fmt"
	"slices"
	"strings"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"

	v1 "kubevirt.io/api/core/v1"

	"kubevirt.io/kubevirt/pkg/network/deviceinfo"
	"kubevirt.io/kubevirt/pkg/network/link"
	"kubevirt.io/kubevirt/pkg/network/namescheme"
	networksetup "kubevirt.io/kubevirt/pkg/network/setup"
	"kubevirt.io/kubevirt/pkg/network/vmispec"
	"kubevirt.io/kubevirt/pkg/virt-launcher/virtwrap/api"
)

// machine is a running guest: the libvirt domain as KubeVirt's own code reads it, and what the domain alone knows.
type machine struct {
	domain *api.Domain
	// freePorts are the PCI ports left for hot-plug.
	freePorts int
	guest     *guest
}

// boot defines and starts the domain of a VMI with every NIC its spec asks for, as virt-handler and virt-launcher do
// at start: a NIC that the pod lacks is an error (netpod/discover.go).
func boot(vmi *v1.VirtualMachineInstance, networks []networkv1.NetworkStatus, m modes, config guestConfig) (*machine, error) {
	booted := &machine{domain: api.NewMinimalDomainWithNS(vmi.Namespace, vmi.Name), guest: newGuest(config)}
	booted.domain.Status.Status = api.Running
	for _, network := range networksetup.FilterNetsForVMStartup(vmi) {
		if err := booted.plug(vmi, network, networks); err != nil {
			return nil, err
		}
	}
	booted.freePorts = hotplugPorts(vmi, len(booted.domain.Spec.Devices.Interfaces)+len(booted.domain.Spec.Devices.HostDevices))
	if m.hotplugPorts != nil {
		booted.freePorts = *m.hotplugPorts
	}
	return booted, nil
}

// plug adds the device of a network to the domain; there is no accounting of ports here.
func (b *machine) plug(vmi *v1.VirtualMachineInstance, network v1.Network, networks []networkv1.NetworkStatus) error {
	iface := vmispec.LookupInterfaceByName(vmi.Spec.Domain.Devices.Interfaces, network.Name)
	podInterface := namescheme.CreateFromNetworkStatuses(vmi.Spec.Networks, networks)[network.Name]
	index := slices.IndexFunc(networks, func(status networkv1.NetworkStatus) bool { return status.Interface == podInterface })
	if index < 0 {
		return fmt.Errorf("pod link (%s) is missing", podInterface)
	}
	if iface.SRIOV != nil {
		b.domain.Spec.Devices.HostDevices = append(b.domain.Spec.Devices.HostDevices, api.HostDevice{
			Type:  api.HostDevicePCI,
			Alias: api.NewUserDefinedAlias(deviceinfo.SRIOVAliasPrefix + network.Name),
		})
		return nil
	}
	mac := iface.MacAddress
	if mac == "" {
		mac = networks[index].Mac
	}
	mac = normalizedMAC(mac)
	b.domain.Spec.Devices.Interfaces = append(b.domain.Spec.Devices.Interfaces, api.Interface{
		Alias:     api.NewUserDefinedAlias(network.Name),
		MAC:       &api.MAC{MAC: mac},
		LinkState: linkState(iface.State),
		Target:    &api.InterfaceTarget{Device: link.GenerateTapDeviceName(podInterface, network)},
	})
	b.guest.discover(mac)
	return nil
}

// sync makes the running domain follow the VMI: attach, detach and link state, under the conditions of virt-launcher's
// nichotplug.go.
func (b *machine) sync(vmi *v1.VirtualMachineInstance, networks []networkv1.NetworkStatus, m modes) error {
	b.detach(vmi, m)
	for index := range b.domain.Spec.Devices.Interfaces {
		device := &b.domain.Spec.Devices.Interfaces[index]
		iface := vmispec.LookupInterfaceByName(vmi.Spec.Domain.Devices.Interfaces, device.Alias.GetName())
		if iface != nil && iface.State != v1.InterfaceStateAbsent {
			device.LinkState = linkState(iface.State)
		}
	}
	for _, network := range vmi.Spec.Networks {
		if !b.awaitsAttach(vmi, network.Name) {
			continue
		}
		if b.freePorts == 0 {
			return fmt.Errorf(`server error. command SyncVMI failed: "LibvirtError(Code=1, Domain=10, ` +
				`Message='internal error: No more available PCI slots')"`)
		}
		if err := b.plug(vmi, network, networks); err != nil {
			return fmt.Errorf("failed to configure vmi network: setup failed, err: %w", err)
		}
		b.freePorts--
	}
	return nil
}

func (b *machine) awaitsAttach(vmi *v1.VirtualMachineInstance, name string) bool {
	iface := vmispec.LookupInterfaceByName(vmi.Spec.Domain.Devices.Interfaces, name)
	status := vmispec.LookupInterfaceStatusByName(vmi.Status.Interfaces, name)
	return iface != nil && iface.State != v1.InterfaceStateAbsent && iface.SRIOV == nil &&
		status != nil && vmispec.ContainsInfoSource(status.InfoSource, vmispec.InfoSourceMultusStatus) &&
		b.device(name) < 0
}

func (b *machine) device(name string) int {
	return slices.IndexFunc(b.domain.Spec.Devices.Interfaces, func(device api.Interface) bool { return device.Alias.GetName() == name })
}

// detach asks the guest to release the NICs marked absent; a guest that does not answer keeps them.
func (b *machine) detach(vmi *v1.VirtualMachineInstance, m modes) {
	if !m.guestEjects {
		return
	}
	networks := vmispec.IndexNetworkSpecByName(vmi.Spec.Networks)
	for _, iface := range vmi.Spec.Domain.Devices.Interfaces {
		index := b.device(iface.Name)
		if iface.State != v1.InterfaceStateAbsent || index < 0 {
			continue
		}
		device := b.domain.Spec.Devices.Interfaces[index]
		hashedTap := link.GenerateTapDeviceName(namescheme.GenerateHashedInterfaceName(iface.Name), networks[iface.Name])
		if device.Target.Device != hashedTap {
			continue
		}
		b.domain.Spec.Devices.Interfaces = slices.Delete(b.domain.Spec.Devices.Interfaces, index, index+1)
		b.guest.forget(device.MAC.MAC)
		b.freePorts++
	}
}

// migrated is the machine on a migration's target. The guest goes on with what it has; NICs that the source could not
// attach or detach are right on the target, whose pod was rendered from the current spec.
func (b *machine) migrated(vmi *v1.VirtualMachineInstance, networks []networkv1.NetworkStatus) (*machine, error) {
	target := &machine{domain: api.NewMinimalDomainWithNS(vmi.Namespace, vmi.Name), guest: b.guest, freePorts: b.freePorts}
	target.domain.Status.Status = api.Running
	for _, network := range networksetup.FilterNetsForVMStartup(vmi) {
		if err := target.plug(vmi, network, networks); err != nil {
			return nil, err
		}
		index := b.device(network.Name)
		if index < 0 {
			continue
		}
		// The MAC belongs to the guest, so one that the first pod's interface brought along stays.
		target.domain.Spec.Devices.Interfaces[target.device(network.Name)].MAC = b.domain.Spec.Devices.Interfaces[index].MAC
	}
	target.freePorts += devices(b.domain) - devices(target.domain)
	for _, device := range b.domain.Spec.Devices.Interfaces {
		if target.device(device.Alias.GetName()) < 0 {
			target.guest.forget(device.MAC.MAC)
		}
	}
	return target, nil
}

func devices(domain *api.Domain) int {
	return len(domain.Spec.Devices.Interfaces) + len(domain.Spec.Devices.HostDevices)
}

func linkState(state v1.InterfaceState) *api.LinkState {
	if state == v1.InterfaceStateLinkDown {
		return &api.LinkState{State: "down"}
	}
	return nil
}

func normalizedMAC(mac string) string {
	return strings.ToLower(strings.ReplaceAll(mac, "-", ":"))
}
