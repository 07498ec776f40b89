// Package v1beta1 holds the parts of the kind VirtualMachineTemplate that KubeVirt's programs read.
package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// ConditionReady is the type of the condition that tells whether a template can be used.
const ConditionReady = "Ready"

// VirtualMachineTemplate is a VirtualMachine with parameters.
type VirtualMachineTemplate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              VirtualMachineTemplateSpec   `json:"spec"`
	Status            VirtualMachineTemplateStatus `json:"status,omitempty"`
}

// VirtualMachineTemplateSpec is what a VirtualMachine is made of.
type VirtualMachineTemplateSpec struct {
	VirtualMachine *runtime.RawExtension `json:"virtualMachine,omitempty"`
	Parameters     []Parameter           `json:"parameters,omitempty"`
}

// VirtualMachineTemplateStatus is what is known of a template.
type VirtualMachineTemplateStatus struct {
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Parameter is a value that the template's user may set.
type Parameter struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
}

// DeepCopy returns an independent copy.
func (t *VirtualMachineTemplate) DeepCopy() *VirtualMachineTemplate {
	deep := *t
	t.ObjectMeta.DeepCopyInto(&deep.ObjectMeta)
	deep.Spec.VirtualMachine = t.Spec.VirtualMachine.DeepCopy()
	deep.Spec.Parameters = append([]Parameter(nil), t.Spec.Parameters...)
	deep.Status.Conditions = nil
	for _, condition := range t.Status.Conditions {
		deep.Status.Conditions = append(deep.Status.Conditions, *condition.DeepCopy())
	}
	return &deep
}

// DeepCopyObject makes the type a runtime.Object.
func (t *VirtualMachineTemplate) DeepCopyObject() runtime.Object {
	return t.DeepCopy()
}
