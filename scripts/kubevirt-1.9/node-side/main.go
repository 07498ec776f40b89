// Command node-side prepares the embedded cluster's API server for KubeVirt 1.9 and plays its nodes.
package main

import (
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "kubevirt.io/api/core/v1"

	"kubevirt.io/kubevirt/pkg/virt-config/featuregate"
	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/components"
	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/rbac"

	"embedded-cluster/command"
	"embedded-cluster/setup"
)

func main() {
	command.Main(setup.Release{
		Version: "v1.9.0",
		FurtherCRDs: []func() (*extv1.CustomResourceDefinition, error){
			components.NewVirtualMachineBackupCrd,
			components.NewVirtualMachineBackupTrackerCrd,
			components.NewPluginCrd,
		},
		// ExternalNetResourceInjection is on: its virt-controller may not read NetworkAttachmentDefinitions.
		ControllerRBAC: func(namespace string) []runtime.Object { return rbac.GetAllController(namespace, false) },
		Configure: func(configuration *v1.KubeVirtConfiguration) {
			// It binds what a virt-handler may write to the node its token names; here one identity plays all nodes.
			configuration.DeveloperConfiguration.DisabledFeatureGates = []string{featuregate.NodeRestrictionGate}
		},
	})
}
