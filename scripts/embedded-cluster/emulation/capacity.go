package emulation

import (
	"k8s.io/apimachinery/pkg/api/resource"

	v1 "kubevirt.io/api/core/v1"
)

// hotplugPorts is the number of PCI ports KubeVirt 1.6 leaves free for hot-plug: it fills up to 8 ports, or 16 with
// more than 2 GiB of memory, but never leaves fewer than 3, or 6 (virtwrap/manager.go, calculateHotplugPortCount).
func hotplugPorts(vmi *v1.VirtualMachineInstance, nics int) int {
	if vmi.Annotations[v1.PlacePCIDevicesOnRootComplex] == "true" {
		return 0
	}
	total, minimum := 8, 3
	if large := resource.MustParse("2Gi"); guestMemory(vmi).Cmp(large) > 0 {
		total, minimum = 16, 6
	}
	return max(total-portsInUse(vmi, nics), minimum)
}

// portsInUse counts the devices of the domain that sit on PCI (converter/pci-placement.go): USB controller and balloon
// always, SCSI controller and serial console unless switched off, then what the VMI adds.
func portsInUse(vmi *v1.VirtualMachineInstance, nics int) int {
	devices := vmi.Spec.Domain.Devices
	ports := 2 + nics + len(devices.HostDevices) + len(devices.GPUs)
	scsi := !devices.DisableHotplug
	for _, disk := range devices.Disks {
		switch {
		case disk.Disk != nil && disk.Disk.Bus == v1.DiskBusVirtio, disk.LUN != nil && disk.LUN.Bus == v1.DiskBusVirtio:
			ports++
		case disk.Disk != nil && disk.Disk.Bus == v1.DiskBusSCSI, disk.LUN != nil && disk.LUN.Bus == v1.DiskBusSCSI:
			scsi = true
		}
	}
	if scsi {
		ports++
	}
	if devices.AutoattachSerialConsole == nil || *devices.AutoattachSerialConsole {
		ports++
	}
	for _, input := range devices.Inputs {
		if input.Bus == v1.InputBusVirtio {
			ports++
		}
	}
	if devices.Rng != nil {
		ports++
	}
	if devices.Watchdog != nil {
		ports++
	}
	return ports
}

func guestMemory(vmi *v1.VirtualMachineInstance) *resource.Quantity {
	if memory := vmi.Spec.Domain.Memory; memory != nil && memory.Guest != nil {
		return memory.Guest
	}
	return vmi.Spec.Domain.Resources.Requests.Memory()
}
