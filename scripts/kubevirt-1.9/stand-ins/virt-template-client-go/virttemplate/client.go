// Package virttemplate stands in for the client of VirtualMachineTemplates, which cannot be had as a Go module.
package virttemplate

import (
	"errors"

	"k8s.io/client-go/rest"
)

// Interface gives the clients of the versions of the kind.
type Interface interface {
	TemplateV1beta1() TemplateV1beta1Interface
}

// TemplateV1beta1Interface gives access to the version v1beta1.
type TemplateV1beta1Interface interface {
	RESTClient() rest.Interface
}

// NewForConfig fails: a cluster of these programs has no templates, and without their CRD nobody asks for a client.
func NewForConfig(*rest.Config) (Interface, error) {
	return nil, errors.New("this build of KubeVirt has no VirtualMachineTemplates")
}
