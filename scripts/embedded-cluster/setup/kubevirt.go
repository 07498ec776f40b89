package setup

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	v1 "kubevirt.io/api/core/v1"
)

const deploymentID = "embedded-cluster"

// installKubeVirt creates the KubeVirt object and gives it the status virt-operator writes: KubeVirt's programs ignore
// its configuration until status.phase is set, and the workload updater waits for equal deployment ids.
func (i *installer) installKubeVirt(ctx context.Context, release Release) error {
	ca := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "kubevirt-ca", Namespace: kubeVirtNamespace},
		Data:       map[string]string{"ca-bundle": string(i.ca)},
	}
	if _, err := i.client.CoreV1().ConfigMaps(kubeVirtNamespace).Create(ctx, ca, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating the ConfigMap kubevirt-ca: %w", err)
	}

	api := i.client.KubeVirt(kubeVirtNamespace)
	var created *v1.KubeVirt
	err := i.poll(ctx, "the KubeVirt object to be accepted", func() (bool, string) {
		kubeVirt, err := api.Create(ctx, kubeVirtObject(release), metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			kubeVirt, err = api.Get(ctx, "kubevirt", metav1.GetOptions{})
		}
		if err != nil {
			return false, err.Error()
		}
		created = kubeVirt
		return true, ""
	})
	if err != nil {
		return err
	}
	created.Status = v1.KubeVirtStatus{
		Phase:                   v1.KubeVirtPhaseDeployed,
		ObservedDeploymentID:    deploymentID,
		TargetDeploymentID:      deploymentID,
		ObservedKubeVirtVersion: release.Version,
		TargetKubeVirtVersion:   release.Version,
		OperatorVersion:         release.Version,
		// virt-api takes the architecture of a VM that names none from here and refuses the VM when it is empty.
		DefaultArchitecture: "amd64",
		ObservedGeneration:  ptr.To(created.Generation),
		Conditions: []v1.KubeVirtCondition{
			{Type: v1.KubeVirtConditionAvailable, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now(), Reason: "AllComponentsReady", Message: "All components are ready."},
			{Type: v1.KubeVirtConditionCreated, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now(), Reason: "AllResourcesCreated", Message: "All resources were created."},
		},
	}
	_, err = api.UpdateStatus(ctx, created, metav1.UpdateOptions{})
	return err
}

func kubeVirtObject(release Release) *v1.KubeVirt {
	kubeVirt := &v1.KubeVirt{
		ObjectMeta: metav1.ObjectMeta{Name: "kubevirt", Namespace: kubeVirtNamespace},
		Spec: v1.KubeVirtSpec{
			WorkloadUpdateStrategy: v1.KubeVirtWorkloadUpdateStrategy{
				WorkloadUpdateMethods: []v1.WorkloadUpdateMethod{v1.WorkloadUpdateMethodLiveMigrate},
			},
			Configuration: v1.KubeVirtConfiguration{
				VMRolloutStrategy:      ptr.To(v1.VMRolloutStrategyLiveUpdate),
				DeveloperConfiguration: &v1.DeveloperConfiguration{UseEmulation: true},
			},
		},
	}
	if release.Configure != nil {
		release.Configure(&kubeVirt.Spec.Configuration)
	}
	return kubeVirt
}

// awaitVirtController waits for the lease virt-controller takes before it starts its controllers.
func (i *installer) awaitVirtController(ctx context.Context) error {
	return i.poll(ctx, "virt-controller to lead", func() (bool, string) {
		lease, err := i.client.CoordinationV1().Leases(kubeVirtNamespace).Get(ctx, "virt-controller", metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		return ptr.Deref(lease.Spec.HolderIdentity, "") != "", "its lease has no holder"
	})
}
