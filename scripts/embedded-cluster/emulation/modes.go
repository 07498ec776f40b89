package emulation

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// ModePrefix is that of the annotations which choose how the node side behaves for one VM. They are read from the VMI;
// on a VM they stand in the template, from where KubeVirt copies them. Changing them on a running VMI takes effect.
const ModePrefix = "embedded.vm.novasphere.dev/"

const (
	modeDynamicNetworks = ModePrefix + "dynamic-networks-controller"
	modeGuestAgent      = ModePrefix + "guest-agent"
	modeLiveMigratable  = ModePrefix + "live-migratable"
	modeGuestEjects     = ModePrefix + "guest-ejects"
	modeHotplugPorts    = ModePrefix + "hotplug-ports"
	modeGuestAddresses  = ModePrefix + "guest-addresses"
	modeGuestInterfaces = ModePrefix + "guest-interfaces"
)

type modes struct {
	// dynamicNetworks is on, off (none is installed) or broken (it fails each request with an event).
	dynamicNetworks string
	guestAgent      bool
	// liveMigratable false makes the VMI not migratable, whatever its disks and networks.
	liveMigratable bool
	// guestEjects false is a guest that never answers the request to release a NIC.
	guestEjects bool
	// hotplugPorts is the number of PCI ports free after boot; nil means what KubeVirt computes.
	hotplugPorts *int
	// guestAddresses are what the guest agent reports per NIC name, in place of what cloud-init configured.
	guestAddresses map[string][]string
	// guestInterfaces are MAC addresses by the guest's names of interfaces: root in the guest has changed that of a NIC, or
	// made an interface that no NIC is behind.
	guestInterfaces map[string]string
}

func parseModes(annotations map[string]string) (modes, error) {
	m := modes{dynamicNetworks: "on", guestAgent: true, liveMigratable: true, guestEjects: true}
	for key, value := range annotations {
		if !strings.HasPrefix(key, ModePrefix) {
			continue
		}
		var err error
		switch key {
		case modeDynamicNetworks:
			m.dynamicNetworks, err = oneOf(value, "on", "off", "broken")
		case modeGuestAgent:
			value, err = oneOf(value, "on", "off")
			m.guestAgent = value == "on"
		case modeLiveMigratable:
			value, err = oneOf(value, "true", "false")
			m.liveMigratable = value == "true"
		case modeGuestEjects:
			value, err = oneOf(value, "true", "false")
			m.guestEjects = value == "true"
		case modeHotplugPorts:
			m.hotplugPorts, err = parsePorts(value)
		case modeGuestAddresses:
			m.guestAddresses, err = parseAddresses(value)
		case modeGuestInterfaces:
			m.guestInterfaces, err = parseInterfaces(value)
		default:
			err = fmt.Errorf("no such mode; known are %s", strings.Join([]string{
				modeDynamicNetworks, modeGuestAgent, modeLiveMigratable, modeGuestEjects, modeHotplugPorts, modeGuestAddresses,
				modeGuestInterfaces,
			}, ", "))
		}
		if err != nil {
			return modes{}, fmt.Errorf("the annotation %s: %q is refused: %w", key, value, err)
		}
	}
	return m, nil
}

func oneOf(value string, allowed ...string) (string, error) {
	if slices.Contains(allowed, value) {
		return value, nil
	}
	return value, fmt.Errorf("it must be one of %s", strings.Join(allowed, ", "))
}

func parsePorts(value string) (*int, error) {
	ports, err := strconv.Atoi(value)
	if err != nil || ports < 0 {
		return nil, fmt.Errorf("it must be the number of free ports, 0 or more")
	}
	return &ports, nil
}

func parseAddresses(value string) (map[string][]string, error) {
	var addresses map[string][]string
	if err := json.Unmarshal([]byte(value), &addresses); err != nil {
		return nil, fmt.Errorf(`it must be JSON such as {"eth1": ["192.0.2.10"]}`)
	}
	for nic, list := range addresses {
		for _, address := range list {
			if _, err := netip.ParseAddr(address); err != nil {
				return nil, fmt.Errorf("%q of the NIC %q is not an IP address", address, nic)
			}
		}
	}
	return addresses, nil
}

func parseInterfaces(value string) (map[string]string, error) {
	var interfaces map[string]string
	if err := json.Unmarshal([]byte(value), &interfaces); err != nil {
		return nil, fmt.Errorf(`it must be JSON such as {"dummy0": "02:00:00:00:00:01"}`)
	}
	for name, mac := range interfaces {
		if _, err := net.ParseMAC(mac); err != nil {
			return nil, fmt.Errorf("%q of the interface %q is not a MAC address", mac, name)
		}
	}
	return interfaces, nil
}
