package emulation

import (
	"fmt"
	"maps"
	"slices"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"

	v1 "kubevirt.io/api/core/v1"

	"kubevirt.io/kubevirt/pkg/network/vmispec"
	"kubevirt.io/kubevirt/pkg/virt-launcher/virtwrap/api"
)

// masqueradeAddress is what KubeVirt's DHCP server gives the guest behind the masquerade binding by default
// (api.DefaultVMCIDR is 10.0.2.0/24, of which .1 is the gateway).
const masqueradeAddress = "10.0.2.2"

// guest is the operating system's view: kernel names of its NICs by MAC, and the configuration of the first boot.
type guest struct {
	config guestConfig
	names  map[string]string
}

func newGuest(config guestConfig) *guest {
	return &guest{config: config, names: map[string]string{}}
}

// discover names a NIC the way the kernel does, by the lowest free number, or as cloud-init was told to.
func (g *guest) discover(mac string) {
	if _, known := g.names[mac]; known {
		return
	}
	if configured, ok := g.config.byMAC[mac]; ok && configured.name != "" {
		g.names[mac] = configured.name
		return
	}
	taken := make([]string, 0, len(g.names))
	for _, name := range g.names {
		taken = append(taken, name)
	}
	for number := 0; ; number++ {
		if name := fmt.Sprintf("eth%d", number); !slices.Contains(taken, name) {
			g.names[mac] = name
			return
		}
	}
}

func (g *guest) forget(mac string) {
	delete(g.names, mac)
	// A NIC plugged later under the same address is a new one, which nobody configures.
	delete(g.config.byMAC, mac)
}

// report is the guest agent's list of interfaces. A hot-plugged NIC has no address: KubeVirt passes none to it and
// cloud-init does not run again.
func (g *guest) report(vmi *v1.VirtualMachineInstance, domain *api.Domain, networks []networkv1.NetworkStatus, m modes) []api.InterfaceStatus {
	var reported []api.InterfaceStatus
	for _, device := range domain.Spec.Devices.Interfaces {
		mac := device.MAC.MAC
		addresses, overridden := m.guestAddresses[device.Alias.GetName()]
		if !overridden {
			addresses = g.addresses(vmi, device.Alias.GetName(), mac, networks)
		}
		status := api.InterfaceStatus{Mac: mac, InterfaceName: g.names[mac], IPs: addresses}
		if len(addresses) > 0 {
			status.Ip = addresses[0]
		}
		reported = append(reported, status)
	}
	for _, name := range slices.Sorted(maps.Keys(m.guestInterfaces)) {
		mac := m.guestInterfaces[name]
		index := slices.IndexFunc(reported, func(status api.InterfaceStatus) bool { return status.InterfaceName == name })
		if index < 0 {
			reported = append(reported, api.InterfaceStatus{Mac: mac, InterfaceName: name})
		} else {
			reported[index].Mac = mac
		}
	}
	return reported
}

func (g *guest) addresses(vmi *v1.VirtualMachineInstance, name, mac string, networks []networkv1.NetworkStatus) []string {
	if configured, ok := g.config.byMAC[mac]; ok && len(configured.addresses) > 0 {
		return configured.addresses
	}
	primary := vmispec.LookupPodNetwork(vmi.Spec.Networks)
	if primary == nil || primary.Name != name {
		return nil
	}
	// KubeVirt's own DHCP server answers on the pod network only.
	iface := vmispec.LookupInterfaceByName(vmi.Spec.Domain.Devices.Interfaces, name)
	if iface != nil && iface.Masquerade != nil {
		return []string{masqueradeAddress}
	}
	for _, status := range networks {
		if status.Default {
			return status.IPs
		}
	}
	return nil
}
