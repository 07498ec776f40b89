package emulation

import (
	"fmt"
	"net/netip"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// podAddresses gives each pod an address of its node's range that no other pod has.
type podAddresses struct {
	mutex sync.Mutex
	next  map[string]netip.Addr
	// given remembers each pod's address, because the cache of pods may be older than the last answer.
	given map[types.UID]string
}

func newPodAddresses() *podAddresses {
	return &podAddresses{next: map[string]netip.Addr{}, given: map[types.UID]string{}}
}

// allocate walks the node's range in a circle, so that an address rests before it is used again.
func (a *podAddresses) allocate(pod *corev1.Pod, node Node, pods []*corev1.Pod) (string, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if address, ok := a.given[pod.UID]; ok {
		return address, nil
	}
	prefix, err := netip.ParsePrefix(node.PodCIDR)
	if err != nil {
		return "", err
	}
	taken := map[string]bool{}
	for _, address := range a.given {
		taken[address] = true
	}
	for _, other := range pods {
		taken[other.Status.PodIP] = true
	}
	first := prefix.Addr().Next().Next() // after the network's and the bridge's own
	candidate, ok := a.next[node.Name]
	if !ok {
		candidate = first
	}
	for range 1 << (32 - prefix.Bits()) {
		if !prefix.Contains(candidate.Next()) { // the broadcast address
			candidate = first
		}
		if !taken[candidate.String()] {
			a.next[node.Name] = candidate.Next()
			a.given[pod.UID] = candidate.String()
			return candidate.String(), nil
		}
		candidate = candidate.Next()
	}
	return "", fmt.Errorf("no address is free in %s of %s", node.PodCIDR, node.Name)
}

// release gives the address of a pod that is gone back.
func (a *podAddresses) release(pod *corev1.Pod) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	delete(a.given, pod.UID)
}
