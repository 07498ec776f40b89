// Command node-side prepares the embedded cluster's API server for KubeVirt 1.6 and plays its nodes.
package main

import (
	"k8s.io/apimachinery/pkg/runtime"

	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/rbac"

	"embedded-cluster/command"
	"embedded-cluster/setup"
)

func main() {
	command.Main(setup.Release{
		Version:        "v1.6.0",
		ControllerRBAC: func(namespace string) []runtime.Object { return rbac.GetAllController(namespace) },
	})
}
