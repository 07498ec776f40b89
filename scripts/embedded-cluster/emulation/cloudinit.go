package emulation

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	v1 "kubevirt.io/api/core/v1"
)

// guestConfig is what cloud-init configured at boot, by MAC.
type guestConfig struct {
	byMAC map[string]guestNIC
}

type guestNIC struct {
	name      string
	addresses []string
}

// networkConfig is cloud-init's network configuration version 2, as far as addresses go.
type networkConfig struct {
	Network   *networkConfig `json:"network"`
	Version   int            `json:"version"`
	Ethernets map[string]struct {
		Match struct {
			MACAddress string `json:"macaddress"`
		} `json:"match"`
		SetName   string   `json:"set-name"`
		Addresses []string `json:"addresses"`
	} `json:"ethernets"`
}

// readGuestConfig finds the network data of a VMI. Every start counts as the first boot, as with an ephemeral root
// disk. Text that is not version 2 configures nothing, as cloud-init would then warn inside the guest.
func (s *stand) readGuestConfig(ctx context.Context, vmi *v1.VirtualMachineInstance) (guestConfig, error) {
	config := guestConfig{byMAC: map[string]guestNIC{}}
	text, err := s.networkData(ctx, vmi)
	if err != nil || text == "" {
		return config, err
	}
	var parsed networkConfig
	if err := yaml.Unmarshal([]byte(text), &parsed); err != nil {
		return config, nil
	}
	if parsed.Network != nil {
		parsed = *parsed.Network
	}
	for _, ethernet := range parsed.Ethernets {
		if ethernet.Match.MACAddress == "" {
			continue
		}
		nic := guestNIC{name: ethernet.SetName}
		for _, address := range ethernet.Addresses {
			ip, _, _ := strings.Cut(address, "/")
			nic.addresses = append(nic.addresses, ip)
		}
		config.byMAC[normalizedMAC(ethernet.Match.MACAddress)] = nic
	}
	return config, nil
}

func (s *stand) networkData(ctx context.Context, vmi *v1.VirtualMachineInstance) (string, error) {
	for _, volume := range vmi.Spec.Volumes {
		var plain, encoded, secret string
		switch {
		case volume.CloudInitNoCloud != nil:
			source := volume.CloudInitNoCloud
			plain, encoded = source.NetworkData, source.NetworkDataBase64
			if source.NetworkDataSecretRef != nil {
				secret = source.NetworkDataSecretRef.Name
			}
		case volume.CloudInitConfigDrive != nil:
			source := volume.CloudInitConfigDrive
			plain, encoded = source.NetworkData, source.NetworkDataBase64
			if source.NetworkDataSecretRef != nil {
				secret = source.NetworkDataSecretRef.Name
			}
		default:
			continue
		}
		switch {
		case plain != "":
			return plain, nil
		case encoded != "":
			decoded, err := base64.StdEncoding.DecodeString(encoded)
			return string(decoded), err
		case secret != "":
			return s.networkDataOfSecret(ctx, vmi.Namespace, secret)
		}
	}
	return "", nil
}

// networkDataOfSecret reads the keys KubeVirt accepts (cloud-init.go). A missing Secret keeps a real pod from
// starting, since it is mounted; here it is the domain that does not start.
func (s *stand) networkDataOfSecret(ctx context.Context, namespace, name string) (string, error) {
	secret, err := s.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("MountVolume.SetUp failed for the cloud-init network data: %w", err)
	}
	for _, key := range []string{"networkdata", "networkData"} {
		if data, ok := secret.Data[key]; ok {
			return string(data), nil
		}
	}
	return "", fmt.Errorf("no cloud-init network data found in the Secret %s/%s: it has neither networkdata nor networkData", namespace, name)
}
