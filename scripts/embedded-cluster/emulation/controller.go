// Package emulation stands in for what a Kubernetes node with KubeVirt and Multus does: scheduler, kubelet, Multus and
// its dynamic-networks controller, virt-handler with the guest. It writes what those write and nothing else; every
// decision about networks stays with virt-api and virt-controller.
package emulation

import (
	"context"
	"errors"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

// loop calls reconcile for each key it was given, again with growing delay after an error.
type loop struct {
	name      string
	queue     workqueue.TypedRateLimitingInterface[string]
	reconcile func(ctx context.Context, namespace, name string) error
	// retries is how often an object is tried again before the loop waits for its next change; 0 has no end.
	retries int
}

func newLoop(name string, reconcile func(ctx context.Context, namespace, name string) error) *loop {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[string](10*time.Millisecond, 10*time.Second)
	return &loop{name: name, queue: workqueue.NewTypedRateLimitingQueue(limiter), reconcile: reconcile}
}

// watch enqueues the keys that keysOf finds for each change of an object.
func (l *loop) watch(informer cache.SharedIndexInformer, keysOf func(object any) []string) error {
	enqueue := func(object any) {
		if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = tombstone.Obj
		}
		for _, key := range keysOf(object) {
			l.queue.Add(key)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, current any) { enqueue(current) },
		DeleteFunc: enqueue,
	})
	return err
}

func (l *loop) run(ctx context.Context, workers int) {
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for l.next(ctx) {
			}
		})
	}
	<-ctx.Done()
	l.queue.ShutDown()
	group.Wait()
}

func (l *loop) next(ctx context.Context) bool {
	key, shutDown := l.queue.Get()
	if shutDown {
		return false
	}
	defer l.queue.Done(key)
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err == nil {
		err = l.reconcile(ctx, namespace, name)
	}
	if err == nil || errors.Is(err, context.Canceled) {
		l.queue.Forget(key)
		return true
	}
	if !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		klog.Warningf("%s: %s: %v", l.name, key, err)
	}
	if l.retries > 0 && l.queue.NumRequeues(key) >= l.retries {
		l.queue.Forget(key)
		return true
	}
	l.queue.AddRateLimited(key)
	return true
}

// itself is the key of an object's own reconciliation.
func itself(object any) []string {
	key, err := cache.MetaNamespaceKeyFunc(object)
	if err != nil {
		return nil
	}
	return []string{key}
}
