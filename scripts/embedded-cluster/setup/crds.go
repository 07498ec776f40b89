// Package setup installs on a bare API server what an administrator and virt-operator would have: KubeVirt's and
// Multus' CRDs, RBAC, the KubeVirt object, nodes, the aggregated API and the webhooks.
package setup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/components"
)

// kubeVirtCRDs are those virt-operator installs, in the order of install/strategy.go. KubeVirt's own comes first:
// the API server delays the first write of a kind until two seconds after its CRD was established, and the KubeVirt
// object is the first to be written.
func kubeVirtCRDs(release Release) ([]*extv1.CustomResourceDefinition, error) {
	var crds []*extv1.CustomResourceDefinition
	generators := []func() (*extv1.CustomResourceDefinition, error){
		components.NewKubeVirtCrd,
		components.NewVirtualMachineInstanceCrd, components.NewVirtualMachineCrd,
		components.NewVirtualMachineInstanceMigrationCrd, components.NewPresetCrd, components.NewReplicaSetCrd,
		components.NewVirtualMachineSnapshotCrd, components.NewVirtualMachineSnapshotContentCrd,
		components.NewVirtualMachineRestoreCrd, components.NewVirtualMachineInstancetypeCrd,
		components.NewVirtualMachineClusterInstancetypeCrd, components.NewVirtualMachinePoolCrd,
		components.NewMigrationPolicyCrd, components.NewVirtualMachinePreferenceCrd,
		components.NewVirtualMachineClusterPreferenceCrd, components.NewVirtualMachineExportCrd,
		components.NewVirtualMachineCloneCrd,
	}
	for _, generate := range append(generators, release.FurtherCRDs...) {
		crd, err := generate()
		if err != nil {
			return nil, err
		}
		crd.Status = extv1.CustomResourceDefinitionStatus{}
		crds = append(crds, crd)
	}
	return crds, nil
}

// networkAttachmentDefinitionCRD is the one of the Network Plumbing Working Group's specification, section 3.2.
func networkAttachmentDefinitionCRD() *extv1.CustomResourceDefinition {
	return &extv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "network-attachment-definitions.k8s.cni.cncf.io"},
		Spec: extv1.CustomResourceDefinitionSpec{
			Group: "k8s.cni.cncf.io",
			Scope: extv1.NamespaceScoped,
			Names: extv1.CustomResourceDefinitionNames{
				Plural:     "network-attachment-definitions",
				Singular:   "network-attachment-definition",
				Kind:       "NetworkAttachmentDefinition",
				ShortNames: []string{"net-attach-def"},
			},
			Versions: []extv1.CustomResourceDefinitionVersion{{
				Name:    "v1",
				Served:  true,
				Storage: true,
				Schema: &extv1.CustomResourceValidation{OpenAPIV3Schema: &extv1.JSONSchemaProps{
					Type: "object",
					Properties: map[string]extv1.JSONSchemaProps{
						"spec": {Type: "object", Properties: map[string]extv1.JSONSchemaProps{"config": {Type: "string"}}},
					},
					XPreserveUnknownFields: ptr.To(true),
				}},
			}},
		},
	}
}

// projectCRDs reads every CustomResourceDefinition of the YAML files in directory.
func projectCRDs(directory string) ([]*extv1.CustomResourceDefinition, error) {
	files, err := filepath.Glob(filepath.Join(directory, "*.yaml"))
	if err != nil {
		return nil, err
	}
	sort.Strings(files)
	var crds []*extv1.CustomResourceDefinition
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, document := range strings.Split("\n"+string(content), "\n---") {
			crd := &extv1.CustomResourceDefinition{}
			if err := yaml.Unmarshal([]byte(document), crd); err != nil {
				return nil, fmt.Errorf("%s is not YAML of a CustomResourceDefinition: %w", file, err)
			}
			if crd.Kind == "CustomResourceDefinition" {
				crds = append(crds, crd)
			}
		}
	}
	return crds, nil
}

func (i *installer) installCRDs(ctx context.Context, release Release, projectDirectory string) error {
	kubeVirt, err := kubeVirtCRDs(release)
	if err != nil {
		return err
	}
	project, err := projectCRDs(projectDirectory)
	if err != nil {
		return err
	}
	crds := append(kubeVirt, networkAttachmentDefinitionCRD())
	crds = append(crds, project...)

	api := i.client.ExtensionsClient().ApiextensionsV1().CustomResourceDefinitions()
	for _, crd := range crds {
		if _, err := api.Create(ctx, crd, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("creating the CRD %s: %w", crd.Name, err)
		}
	}
	return i.poll(ctx, "every CRD to be established", func() (bool, string) {
		list, err := api.List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		var waiting []string
		for _, crd := range list.Items {
			if !established(crd) {
				waiting = append(waiting, crd.Name)
			}
		}
		return len(waiting) == 0, "not established: " + strings.Join(waiting, ", ")
	})
}

func established(crd extv1.CustomResourceDefinition) bool {
	for _, condition := range crd.Status.Conditions {
		if condition.Type == extv1.Established && condition.Status == extv1.ConditionTrue {
			return true
		}
	}
	return false
}
