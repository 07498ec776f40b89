// Package core names the kind VirtualMachineTemplate as far as KubeVirt's programs mention it. It stands in for
// kubevirt.io/virt-template-api, which cannot be had as a Go module: the embedded cluster has no such templates, so
// none of this is ever used, but virt-api and virt-controller do not compile without.
package core

const (
	GroupName            = "template.kubevirt.io"
	PluralResourceName   = "virtualmachinetemplates"
	SingularResourceName = "virtualmachinetemplate"
)
