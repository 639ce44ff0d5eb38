package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/fieldpath"
)

// standardPath follows the image's own folders. Nothing of this program's environment reaches a container.
const standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment resolves a container's variables. The virtual kubelet can do this too, but fails on status.podIP
// and skips resource fields.
func (p *podRun) environment(ctx context.Context, c *container) (map[string]string, error) {
	api, err := p.fleet.informers.Core().V1().Services().Lister().Services("default").Get("kubernetes")
	if err != nil {
		return nil, err
	}
	env := imageEnvironment(c.image, hostname(p.first), p.ip)
	env["KUBERNETES_SERVICE_HOST"], env["KUBERNETES_SERVICE_PORT"] = api.Spec.ClusterIP, fmt.Sprint(api.Spec.Ports[0].Port)
	for _, from := range c.spec.EnvFrom {
		var data map[string]string
		switch {
		case from.ConfigMapRef != nil:
			data, err = p.configMap(ctx, from.ConfigMapRef.Name, from.ConfigMapRef.Optional)
		case from.SecretRef != nil:
			data, err = p.secret(ctx, from.SecretRef.Name, from.SecretRef.Optional)
		}
		if err != nil {
			return nil, err
		}
		for key, value := range data {
			env[from.Prefix+key] = value
		}
	}
	for _, v := range c.spec.Env {
		value, ok, err := p.variable(ctx, c, v, env)
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.Name, err)
		}
		if ok {
			env[v.Name] = value
		}
	}
	return env, nil
}

// imageEnvironment is what every container of an image has.
func imageEnvironment(image *Image, hostname, ip string) map[string]string {
	env := map[string]string{
		"PATH":     strings.Join(append(slices.Clone(image.Path), standardPath), ":"),
		"HOME":     "/root",
		"HOSTNAME": hostname,
		"POD_IP":   ip,
	}
	maps.Copy(env, image.Env)
	return env
}

// variable resolves one variable; false leaves it unset.
func (p *podRun) variable(ctx context.Context, c *container, v corev1.EnvVar, env map[string]string) (string, bool, error) {
	from := v.ValueFrom
	switch {
	case from == nil:
		return expand(v.Value, env), true, nil
	case from.FieldRef != nil:
		value, err := p.field(from.FieldRef.FieldPath)
		return value, true, err
	case from.ResourceFieldRef != nil:
		value, err := p.resource(c, from.ResourceFieldRef)
		return value, true, err
	case from.ConfigMapKeyRef != nil:
		data, err := p.configMap(ctx, from.ConfigMapKeyRef.Name, from.ConfigMapKeyRef.Optional)
		return pick(data, from.ConfigMapKeyRef.Key, from.ConfigMapKeyRef.Optional, err)
	case from.SecretKeyRef != nil:
		data, err := p.secret(ctx, from.SecretKeyRef.Name, from.SecretKeyRef.Optional)
		return pick(data, from.SecretKeyRef.Key, from.SecretKeyRef.Optional, err)
	}
	return "", false, fmt.Errorf("the lab does not know this source of a value")
}

// pick is a key of a ConfigMap or Secret, if that could be read.
func pick(data map[string]string, key string, optional *bool, err error) (string, bool, error) {
	value, ok := data[key]
	if err == nil && !ok && !isTrue(optional) {
		err = fmt.Errorf("there is no key %q", key)
	}
	return value, ok, err
}

// field is a value of the downward API.
func (p *podRun) field(path string) (string, error) {
	return fieldValue(p.current(), p.ip, p.kubelet.address, path)
}

func fieldValue(pod *corev1.Pod, ip, hostIP, path string) (string, error) {
	switch path {
	case "status.podIP", "status.podIPs":
		return ip, nil
	case "status.hostIP", "status.hostIPs":
		return hostIP, nil
	case "spec.nodeName":
		return pod.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return pod.Spec.ServiceAccountName, nil
	}
	return fieldpath.ExtractFieldPathAsString(pod, path)
}

// resource is what a container asks for or may use; c is the one meant where none is named.
func (p *podRun) resource(c *container, ref *corev1.ResourceFieldSelector) (string, error) {
	if ref.ContainerName != "" {
		c = p.find(ref.ContainerName)
	}
	if c == nil {
		return "", fmt.Errorf("there is no container %q", ref.ContainerName)
	}
	return resourceValue(c.spec.Resources, p.kubelet.capacity, ref), nil
}

// resourceValue is in units of the divisor, rounded up. Without a limit, the node's capacity is the limit.
func resourceValue(asked corev1.ResourceRequirements, capacity corev1.ResourceList, ref *corev1.ResourceFieldSelector) string {
	kind, name, _ := strings.Cut(ref.Resource, ".")
	var amount resource.Quantity
	if kind == "requests" {
		amount = asked.Requests[corev1.ResourceName(name)]
	} else if limit, ok := asked.Limits[corev1.ResourceName(name)]; ok {
		amount = limit
	} else {
		amount = capacity[corev1.ResourceName(name)]
	}
	if ref.Divisor.IsZero() {
		return fmt.Sprint(amount.Value())
	}
	unit := ref.Divisor.MilliValue()
	return fmt.Sprint((amount.MilliValue() + unit - 1) / unit)
}

func (p *podRun) configMap(ctx context.Context, name string, optional *bool) (map[string]string, error) {
	object, err := p.fleet.client.CoreV1().ConfigMaps(p.first.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, unlessOptional(err, optional)
	}
	data := texts(object.BinaryData)
	maps.Copy(data, object.Data)
	return data, nil
}

func (p *podRun) secret(ctx context.Context, name string, optional *bool) (map[string]string, error) {
	object, err := p.fleet.client.CoreV1().Secrets(p.first.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, unlessOptional(err, optional)
	}
	return texts(object.Data), nil
}

func texts(data map[string][]byte) map[string]string {
	result := map[string]string{}
	for key, value := range data {
		result[key] = string(value)
	}
	return result
}

func unlessOptional(err error, optional *bool) error {
	if apierrors.IsNotFound(err) && isTrue(optional) {
		return nil
	}
	return err
}

func isTrue(value *bool) bool { return value != nil && *value }
