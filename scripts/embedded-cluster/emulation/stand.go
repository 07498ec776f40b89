package emulation

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"

	v1 "kubevirt.io/api/core/v1"
	"kubevirt.io/client-go/kubecli"

	networksetup "kubevirt.io/kubevirt/pkg/network/setup"
)

// workers is the number of objects each loop may treat at once.
const workers = 4

// stand holds what all the stood-in components share.
type stand struct {
	client        kubecli.KubevirtClient
	handlerClient kubecli.KubevirtClient
	pods          store[corev1.Pod]
	vmis          store[v1.VirtualMachineInstance]
	nodes         store[corev1.Node]
	podEvents     record.EventRecorder
	vmiEvents     record.EventRecorder
	addresses     *podAddresses
	machines      *machines
	netStat       *networksetup.NetStat
	// failedNetworks remembers per pod the network request that a broken dynamic-networks controller failed.
	failedNetworks sync.Map
}

// store reads an informer's cache with the type of its objects.
type store[T any] struct {
	indexer cache.Indexer
}

// get finds an object of a namespace, and nil where there is none.
func (s store[T]) get(namespace, name string) (*T, error) {
	object, exists, err := s.indexer.GetByKey(namespace + "/" + name)
	if err != nil || !exists {
		return nil, err
	}
	return object.(*T), nil
}

func (s store[T]) list() []*T {
	objects := s.indexer.List()
	list := make([]*T, 0, len(objects))
	for _, object := range objects {
		list = append(list, object.(*T))
	}
	return list
}

// machines are the domains of all nodes, by the UID of their VMI.
type machines struct {
	mutex sync.Mutex
	byUID map[types.UID]*machine
}

func (m *machines) get(uid types.UID) *machine {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.byUID[uid]
}

func (m *machines) set(uid types.UID, machine *machine) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.byUID[uid] = machine
}

func (m *machines) remove(uid types.UID) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	delete(m.byUID, uid)
}

// Run plays the node side until the context ends. client acts as an administrator, handlerClient as virt-handler's
// service account, the only one of the node side that KubeVirt's webhooks let write a VMI's status.
func Run(ctx context.Context, client, handlerClient kubecli.KubevirtClient) error {
	podInformer := cache.NewSharedIndexInformer(
		cache.NewListWatchFromClient(client.CoreV1().RESTClient(), "pods", corev1.NamespaceAll, fields.Everything()),
		&corev1.Pod{}, 0, cache.Indexers{})
	vmiInformer := cache.NewSharedIndexInformer(
		cache.NewListWatchFromClient(client.RestClient(), "virtualmachineinstances", corev1.NamespaceAll, fields.Everything()),
		&v1.VirtualMachineInstance{}, 0, cache.Indexers{})
	nodeInformer := cache.NewSharedIndexInformer(
		cache.NewListWatchFromClient(client.CoreV1().RESTClient(), "nodes", corev1.NamespaceAll, fields.Everything()),
		&corev1.Node{}, 0, cache.Indexers{})

	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events(corev1.NamespaceAll)})

	s := &stand{
		client:        client,
		handlerClient: handlerClient,
		pods:          store[corev1.Pod]{podInformer.GetIndexer()},
		vmis:          store[v1.VirtualMachineInstance]{vmiInformer.GetIndexer()},
		nodes:         store[corev1.Node]{nodeInformer.GetIndexer()},
		podEvents:     broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet"}),
		vmiEvents:     broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "virt-handler"}),
		addresses:     newPodAddresses(),
		machines:      &machines{byUID: map[types.UID]*machine{}},
		netStat:       networksetup.NewNetStat(),
	}
	loops, err := s.loops(podInformer, vmiInformer, nodeInformer)
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	for _, start := range []func(){
		func() { podInformer.Run(ctx.Done()) },
		func() { vmiInformer.Run(ctx.Done()) },
		func() { nodeInformer.Run(ctx.Done()) },
		func() { beat(ctx, client) },
	} {
		group.Go(start)
	}
	if cache.WaitForCacheSync(ctx.Done(), podInformer.HasSynced, vmiInformer.HasSynced, nodeInformer.HasSynced) {
		for _, loop := range loops {
			group.Go(func() { loop.run(ctx, workers) })
		}
	}
	<-ctx.Done()
	group.Wait()
	return nil
}

func (s *stand) loops(podInformer, vmiInformer, nodeInformer cache.SharedIndexInformer) ([]*loop, error) {
	scheduler := newLoop("scheduler", s.schedule)
	kubelet := newLoop("kubelet", s.runPod)
	networks := newLoop("dynamic-networks-controller", s.syncNetworks)
	networks.retries = 2
	handler := newLoop("virt-handler", s.handle)
	for _, each := range []struct {
		loop     *loop
		informer cache.SharedIndexInformer
		keysOf   func(any) []string
	}{
		{scheduler, podInformer, itself},
		{scheduler, nodeInformer, s.unscheduled},
		{kubelet, podInformer, itself},
		{kubelet, vmiInformer, s.podsOf},
		{networks, podInformer, itself},
		{networks, vmiInformer, s.podsOf},
		{handler, vmiInformer, itself},
		{handler, podInformer, s.vmiKeyOf},
	} {
		if err := each.loop.watch(each.informer, each.keysOf); err != nil {
			return nil, err
		}
	}
	return []*loop{scheduler, kubelet, networks, handler}, nil
}

func (s *stand) podsOf(object any) []string {
	vmi, ok := object.(*v1.VirtualMachineInstance)
	if !ok {
		return nil
	}
	var keys []string
	for _, pod := range s.pods.list() {
		if pod.Labels[v1.CreatedByLabel] == string(vmi.UID) {
			keys = append(keys, podKey(pod))
		}
	}
	return keys
}

func (s *stand) vmiKeyOf(object any) []string {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return nil
	}
	if vmi := s.vmiOf(pod); vmi != nil {
		return []string{vmi.Namespace + "/" + vmi.Name}
	}
	return nil
}

// AwaitAPI returns when the API server serves the kinds the node side watches.
func AwaitAPI(ctx context.Context, client kubecli.KubevirtClient) error {
	for {
		err := client.RestClient().Get().Resource("virtualmachineinstances").Do(ctx).Error()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}
