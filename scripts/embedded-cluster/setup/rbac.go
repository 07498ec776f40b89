package setup

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/components"
	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/rbac"

	"embedded-cluster/certificates"
)

// installRBAC creates the roles virt-operator gives KubeVirt's programs and users, KubeVirt's priority class, and a
// role that may read everything for the kubeconfig "reader".
func (i *installer) installRBAC(ctx context.Context, release Release) error {
	objects := rbac.GetAllCluster()
	objects = append(objects, rbac.GetAllApiServer(kubeVirtNamespace)...)
	objects = append(objects, release.ControllerRBAC(kubeVirtNamespace)...)
	objects = append(objects, rbac.GetAllHandler(kubeVirtNamespace)...)
	objects = append(objects, readerRole(), readerBinding())
	for _, object := range objects {
		if err := i.createRBAC(ctx, object); err != nil {
			return err
		}
	}
	_, err := i.client.SchedulingV1().PriorityClasses().Create(ctx, components.NewKubeVirtPriorityClassCR(), metav1.CreateOptions{})
	return err
}

func (i *installer) createRBAC(ctx context.Context, object runtime.Object) (err error) {
	api := i.client.RbacV1()
	switch o := object.(type) {
	case *corev1.ServiceAccount:
		_, err = i.client.CoreV1().ServiceAccounts(o.Namespace).Create(ctx, o, metav1.CreateOptions{})
	case *rbacv1.ClusterRole:
		_, err = api.ClusterRoles().Create(ctx, o, metav1.CreateOptions{})
	case *rbacv1.ClusterRoleBinding:
		_, err = api.ClusterRoleBindings().Create(ctx, o, metav1.CreateOptions{})
	case *rbacv1.Role:
		_, err = api.Roles(o.Namespace).Create(ctx, o, metav1.CreateOptions{})
	case *rbacv1.RoleBinding:
		_, err = api.RoleBindings(o.Namespace).Create(ctx, o, metav1.CreateOptions{})
	default:
		err = fmt.Errorf("KubeVirt's RBAC holds an object of the unexpected type %T", object)
	}
	return ignoreExisting(err)
}

func readerRole() *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "embedded-cluster-reader"},
		Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"},
		}},
	}
}

func readerBinding() *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "embedded-cluster-reader"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "embedded-cluster-reader"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "Group", Name: certificates.ReadersGroup}},
	}
}
