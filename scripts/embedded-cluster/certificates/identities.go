package certificates

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// identity is a user of the cluster: a row of kube-apiserver's token file and a kubeconfig of the same name.
type identity struct {
	kubeconfig string
	user       string
	groups     []string
}

// KubeVirt's webhooks allow changes of a VMI's spec to KubeVirt's own service accounts only, so virt-api,
// virt-controller and the stand-in for virt-handler each act as theirs (upstream: vmi-update-admitter.go).
func identities() []identity {
	serviceAccounts := []string{"system:serviceaccounts", "system:serviceaccounts:kubevirt"}
	return []identity{
		{kubeconfig: "admin", user: "admin", groups: []string{"system:masters"}},
		{kubeconfig: "kube-controller-manager", user: "system:kube-controller-manager", groups: []string{"system:masters"}},
		{kubeconfig: "virt-api", user: "system:serviceaccount:kubevirt:kubevirt-apiserver", groups: serviceAccounts},
		{kubeconfig: "virt-controller", user: "system:serviceaccount:kubevirt:kubevirt-controller", groups: serviceAccounts},
		{kubeconfig: "virt-handler", user: "system:serviceaccount:kubevirt:kubevirt-handler", groups: serviceAccounts},
		{kubeconfig: "nobody", user: "nobody"},
		{kubeconfig: "reader", user: "reader", groups: []string{ReadersGroup}},
	}
}

// ReadersGroup is bound to get, list and watch on everything, for tests of missing permissions.
const ReadersGroup = "embedded-cluster:readers"

// Write makes every certificate, token and kubeconfig of a cluster below directory.
func Write(directory string, apiServerPort int) error {
	certificates := filepath.Join(directory, "certificates")
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	if err := writeSecret(filepath.Join(certificates, "ca", "ca.crt"), ca.pem); err != nil {
		return err
	}
	if err := writeServiceAccountKey(filepath.Join(certificates, "service-account")); err != nil {
		return err
	}
	kubernetesNames := []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	if err := ca.issue(filepath.Join(certificates, "kube-apiserver"), "kube-apiserver", kubernetesNames); err != nil {
		return err
	}
	if err := ca.issue(filepath.Join(certificates, "aggregator"), "aggregator", nil); err != nil {
		return err
	}
	if err := ca.issue(filepath.Join(certificates, "virt-api"), "virt-api", []string{"virt-api.kubevirt.svc"}); err != nil {
		return err
	}
	if err := ca.issue(filepath.Join(certificates, "virt-controller"), "virt-controller", nil); err != nil {
		return err
	}

	var tokens strings.Builder
	for _, id := range identities() {
		token := newToken()
		fmt.Fprintf(&tokens, "%s,%s,%s,%q\n", token, id.user, id.user, strings.Join(id.groups, ","))
		if err := writeKubeconfig(filepath.Join(directory, "kubeconfigs", id.kubeconfig), apiServerPort, ca.pem, id.user, token); err != nil {
			return err
		}
	}
	return writeSecret(filepath.Join(certificates, "tokens", "tokens.csv"), []byte(tokens.String()))
}

func newToken() string {
	bytes := make([]byte, 24)
	if _, err := rand.Read(bytes); err != nil {
		panic(fmt.Sprintf("the system's random source failed: %v", err))
	}
	return hex.EncodeToString(bytes)
}

func writeKubeconfig(path string, port int, ca []byte, user, token string) error {
	const name = "embedded-cluster"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{
		Server:                   fmt.Sprintf("https://127.0.0.1:%d", port),
		CertificateAuthorityData: ca,
	}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: user}
	config.CurrentContext = name
	content, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return writeSecret(path, content)
}
