//go:build e2e

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sallyport-dev/sallyport/internal/streaming"
)

const (
	nodeAddress = "10.244.0.1" // of which the kubelet's certificate speaks
	bareNode    = "bench"
	barePod     = "idle-0"
	prompt      = "$ "
)

// serveKubelet is a kubelet as far as the API server needs one for exec: with its certificate, on a node of its own. What
// it runs shows a prompt and then what is typed.
func (n *node) serveKubelet(ctx context.Context) (stop func(), err error) {
	certificate, err := tls.LoadX509KeyPair(filepath.Join(n.state, "pki", "kubelet.crt"), filepath.Join(n.state, "pki", "kubelet.key"))
	if err != nil {
		return nil, err
	}
	ca, err := readFile(n.state, "pki", "ca.crt")
	if err != nil {
		return nil, err
	}
	callers := x509.NewCertPool()
	callers.AppendCertsFromPEM(ca)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", nodeAddress+":0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{
		Handler: http.HandlerFunc(serveExec), ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: callers, NextProtos: []string{"http/1.1"},
		},
	}
	go server.ServeTLS(listener, "", "") //nolint:errcheck // the sessions tell
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return nil, errors.New("a TCP listener without a TCP address")
	}
	objects := bareObjects(int32(address.Port))
	stop = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restore)
		defer cancel()
		for _, o := range objects {
			_ = n.admin.Delete(ctx, o, client.GracePeriodSeconds(0)) // reported by the next run, which makes them anew
		}
		_ = n.admin.Delete(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: barePod}}, client.GracePeriodSeconds(0))
		_ = server.Close()
	}
	for _, o := range objects {
		if err := n.make(ctx, o); err != nil {
			stop()
			return nil, err
		}
	}
	return stop, eventually(ctx, restore, func() error {
		return n.admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: barePod}, &corev1.Pod{})
	})
}

// make creates an object; a node has its address in its status.
func (n *node) make(ctx context.Context, o client.Object) error {
	bare, isNode := o.(*corev1.Node)
	var status corev1.NodeStatus
	if isNode {
		status = bare.Status
	}
	if err := n.admin.Create(ctx, o); err != nil {
		return err
	}
	if !isNode {
		return nil
	}
	return eventually(ctx, restore, func() error {
		if err := n.admin.Get(ctx, client.ObjectKeyFromObject(bare), bare); err != nil {
			return err
		}
		bare.Status.Addresses, bare.Status.DaemonEndpoints = status.Addresses, status.DaemonEndpoints
		return n.admin.Status().Update(ctx, bare)
	})
}

// bareObjects are a node on which nothing is scheduled, and a pod that is bound to it. Its controller makes the pod:
// people's pods need a grant.
func bareObjects(port int32) []client.Object {
	labels := map[string]string{"app": "idle"}
	return []client.Object{
		&corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: bareNode},
			Spec:       corev1.NodeSpec{Unschedulable: true, Taints: []corev1.Taint{{Key: "bench", Effect: corev1.TaintEffectNoExecute}}},
			Status: corev1.NodeStatus{
				Addresses:       []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: nodeAddress}},
				DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: port}},
			},
		},
		&appsv1.StatefulSet{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "idle"},
			Spec: appsv1.StatefulSetSpec{
				Selector: &metav1.LabelSelector{MatchLabels: labels}, ServiceName: "idle",
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec: corev1.PodSpec{
						NodeName: bareNode, Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
						AutomountServiceAccountToken: new(false), TerminationGracePeriodSeconds: new(int64(0)),
						Containers: []corev1.Container{{Name: "main", Image: "localhost/busybox:dev", Command: []string{"sleep", "infinity"}}},
					},
				},
			},
		},
	}
}

func serveExec(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	on := func(name string) bool { return q.Get(name) == "1" || q.Get(name) == "true" }
	o := streaming.Options{
		Stdin: on("input") || on("stdin"), Stdout: on("output") || on("stdout"), Stderr: on("error") || on("stderr"), TTY: on("tty"),
	}
	// A client that leaves is no error here.
	_ = streaming.Serve(w, r, o, func(_ context.Context, c streaming.Client) error {
		if c.Stdin == nil || c.Stdout == nil {
			return errors.New("only sessions with input and output run here")
		}
		if _, err := io.WriteString(c.Stdout, prompt); err != nil {
			return err
		}
		_, err := io.Copy(c.Stdout, c.Stdin)
		return err
	})
}
