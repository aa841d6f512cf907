package webhooks

import (
	"context"
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/authorizer/copyshape"
	"github.com/sallyport-dev/sallyport/internal/authorizer/howto"
	"github.com/sallyport-dev/sallyport/internal/authorizer/podrequest"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

const (
	subresourceExec        = "exec"
	subresourceAttach      = "attach"
	subresourcePortForward = "portforward"
)

// ConnectHandler decides about CONNECT on pods/exec, pods/attach and pods/portforward. It is a raw handler because
// controller-runtime's typed validators allow every CONNECT.
type ConnectHandler struct {
	Decoder admission.Decoder
	// Live reads pods and sessions from the API server, not from a cache, and consumes tokens.
	Live client.Client
	// Authorizer is the same that the proxy asks.
	Authorizer authorizer.Authorizer
	// PublicKey verifies session tokens.
	PublicKey ed25519.PublicKey
	// CommandKey is that of the proxy, too.
	CommandKey authorizer.CommandKey
	Now        func() time.Time
	// Username is Sallyport's own; nobody has the empty one.
	Username string
	// MaskArgs masks secrets in an argument vector that is shown to the person who sent it; if it is nil, none is shown.
	MaskArgs func([]string) []string
}

// connection is one CONNECT request, parsed.
type connection struct {
	namespace, pod, subresource string
	user                        authorizer.User
	token                       string
	exec                        *corev1.PodExecOptions        // set for exec
	attach                      *corev1.PodAttachOptions      // set for attach
	forward                     *corev1.PodPortForwardOptions // set for portforward
}

// Handle denies, unless a live session token of the gateway says otherwise.
func (h *ConnectHandler) Handle(ctx context.Context, req admission.Request) admission.Response {
	c, err := h.parse(&req)
	if err == nil {
		err = h.check(ctx, c)
	}
	return answer(ctx, err, "operation", "CONNECT", "subresource", req.SubResource)
}

// parse takes from the request what is decided about. What it does not know, it refuses.
func (h *ConnectHandler) parse(req *admission.Request) (*connection, error) {
	pods := metav1.GroupVersionResource{Version: "v1", Resource: "pods"}
	if req.Operation != admissionv1.Connect || req.Resource != pods || req.Namespace == "" || req.Name == "" || req.UserInfo.Username == "" {
		return nil, refuse("Sallyport does not know this request, so it is denied")
	}
	c := &connection{namespace: req.Namespace, pod: req.Name, subresource: req.SubResource, user: userOf(&req.UserInfo)}
	var err error
	switch req.SubResource {
	case subresourceExec:
		c.exec = &corev1.PodExecOptions{}
		err = h.Decoder.Decode(*req, c.exec)
	case subresourceAttach:
		c.attach = &corev1.PodAttachOptions{}
		err = h.Decoder.Decode(*req, c.attach)
	case subresourcePortForward:
		c.forward = &corev1.PodPortForwardOptions{}
		err = h.Decoder.Decode(*req, c.forward)
	default:
		return nil, refuse("Sallyport does not know pods/%s, so it is denied", clip(req.SubResource))
	}
	if err != nil {
		return nil, refuse("the options of this %s cannot be read, so it is denied", req.SubResource)
	}
	switch tokens := req.UserInfo.Extra[layout.ExtraSessionToken]; {
	case req.DryRun != nil && *req.DryRun:
		return nil, refuse("a dry run of %s is not possible", req.SubResource)
	case len(tokens) == 0:
		return nil, h.closed(c)
	case len(tokens) > 1:
		return nil, refuse("this %s carries %d session tokens, and exactly one is valid", req.SubResource, len(tokens))
	default:
		c.token = tokens[0]
		return c, nil
	}
}

// attributes describes the connection for the authorizer, in the same way as the proxy.
func (c *connection) attributes(pod *corev1.Pod) (authorizer.Attributes, error) {
	switch {
	case c.exec != nil:
		return podrequest.Exec(c.user, pod, c.exec)
	case c.attach != nil:
		return podrequest.Attach(c.user, pod, c.attach)
	case c.forward != nil:
		return podrequest.PortForward(c.user, pod, c.forward)
	default:
		return authorizer.Attributes{}, errors.New("neither exec, attach nor port-forward")
	}
}

func (c *connection) container() string {
	switch {
	case c.exec != nil:
		return c.exec.Container
	case c.attach != nil:
		return c.attach.Container
	default:
		return ""
	}
}

// closed tells a person who went to the API server directly how to get in.
func (h *ConnectHandler) closed(c *connection) error {
	a := authorizer.Attributes{Action: "Attach", Namespace: c.namespace, Pod: c.pod, Container: c.container()}
	if c.exec != nil {
		a.Action, a.Stdin, a.TTY, a.Command = "Exec", c.exec.Stdin, c.exec.TTY, c.exec.Command
		if copyshape.Of(a).Kind != copyshape.None {
			a.Action = "Copy"
		}
		a.Command = h.shown(c.exec.Command)
	}
	if c.attach != nil {
		a.Stdin, a.TTY = c.attach.Stdin, c.attach.TTY
	}
	name, what := c.subresource, "code runs in containers only"
	if c.forward != nil {
		a.Action, name, what = "PortForward", "port-forward", "ports of pods are reached only"
	}
	manifest, err := howto.Manifest(a)
	if err != nil {
		return err
	}
	wanted, again := a, a
	if a.Action == "Exec" && len(a.Command) == 0 {
		again.Command = []string{"COMMAND"}
	}
	line := howto.Exec(again)
	return refuse("%s", strings.Join([]string{
		"direct " + name + " is closed in this cluster: " + what + " through the Sallyport gateway, under a grant and recorded.",
		"Request a grant, unless you have one:",
		"  " + howto.Request(wanted),
		"or with stock kubectl:",
		manifest,
		"Once somebody has approved it, go through the gateway:",
		"  kubectl sallyport login",
		"  " + line,
		"or with stock kubectl:",
		"  " + strings.Replace(line, "kubectl ", "kubectl "+howto.Server()+" ", 1),
	}, "\n"))
}

// shown is the argument vector if nothing in it had to be masked, else nothing: what is masked cannot be pasted.
func (h *ConnectHandler) shown(argv []string) []string {
	if h.MaskArgs == nil || !slices.Equal(h.MaskArgs(slices.Clone(argv)), argv) {
		return nil
	}
	return argv
}
