package emulation

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"

	v1 "kubevirt.io/api/core/v1"
)

// heartbeatInterval is far below the five minutes after which virt-controller calls a node unresponsive.
const heartbeatInterval = 30 * time.Second

// Node is a node of the cluster. Two allow migrations.
type Node struct {
	Name    string
	Address string
	PodCIDR string
}

// Nodes lists the cluster's nodes. Their addresses are of the documentation range of RFC 5737: nothing listens there.
func Nodes() []Node {
	return []Node{
		{Name: "node-1", Address: "192.0.2.1", PodCIDR: "10.244.0.0/18"},
		{Name: "node-2", Address: "192.0.2.2", PodCIDR: "10.244.64.0/18"},
	}
}

func nodeByName(name string) (Node, error) {
	for _, node := range Nodes() {
		if node.Name == name {
			return node, nil
		}
	}
	return Node{}, fmt.Errorf("there is no node %q", name)
}

// Heartbeat is the value of virt-handler's annotation on its node: the time as in JSON, without the quotes.
func Heartbeat() string {
	return metav1.Now().UTC().Format(time.RFC3339)
}

func beat(ctx context.Context, client kubernetes.Interface) {
	ticker := time.NewTicker(heartbeatInterval)
	defer ticker.Stop()
	for {
		for _, node := range Nodes() {
			patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1.VirtHandlerHeartbeat, Heartbeat())
			_, err := client.CoreV1().Nodes().Patch(ctx, node.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
			if err != nil && ctx.Err() == nil {
				klog.Warningf("heartbeat: %s: %v", node.Name, err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
