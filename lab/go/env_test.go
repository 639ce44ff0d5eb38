package main

import (
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestImageEnvironmentHasNothingOfTheHost(t *testing.T) {
	t.Setenv("PATH", "/home/me/bin")
	t.Setenv("AWS_PROFILE", "production")
	env := imageEnvironment(&Image{Path: []string{"/opt/kafka/bin"}, Env: map[string]string{"KAFKA_HOME": "/opt/kafka"}}, "broker-0", "10.244.1.2")
	want := map[string]string{"PATH": "/opt/kafka/bin:" + standardPath, "HOME": "/root", "HOSTNAME": "broker-0", "POD_IP": "10.244.1.2", "KAFKA_HOME": "/opt/kafka"}
	if len(env) != len(want) {
		t.Errorf("got %v", env)
	}
	for name, value := range want {
		if env[name] != value {
			t.Errorf("%s=%s, want %s", name, env[name], value)
		}
	}
}

func TestFieldValue(t *testing.T) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "ns", Labels: map[string]string{"app": "web"}, UID: "42"},
		Spec:       corev1.PodSpec{NodeName: "node-1", ServiceAccountName: "sa"},
	}
	for path, want := range map[string]string{
		"metadata.name": "p", "metadata.namespace": "ns", "metadata.uid": "42", "metadata.labels['app']": "web",
		"spec.nodeName": "node-1", "spec.serviceAccountName": "sa", "status.podIP": "10.244.1.2", "status.hostIP": "10.244.1.1",
	} {
		t.Run(path, func(t *testing.T) {
			if got, err := fieldValue(pod, "10.244.1.2", "10.244.1.1", path); err != nil || got != want {
				t.Errorf("got %q (%v), want %q", got, err, want)
			}
		})
	}
	_, err := fieldValue(pod, "", "", "spec.unknown")
	checkError(t, err, "spec.unknown")
}

func TestResourceValue(t *testing.T) {
	asked := corev1.ResourceRequirements{
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("300Mi"), corev1.ResourceCPU: resource.MustParse("1500m")},
		Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("100Mi")},
	}
	capacity := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("16"), corev1.ResourceMemory: resource.MustParse("128Gi")}
	for name, test := range map[string]struct {
		asked          corev1.ResourceRequirements
		field, divisor string
		want           string
	}{
		"limit":                       {asked, "limits.memory", "1Mi", "300"},
		"in bytes":                    {asked, "limits.memory", "0", "314572800"},
		"request":                     {asked, "requests.memory", "1Mi", "100"},
		"no request":                  {asked, "requests.cpu", "1", "0"},
		"rounded up":                  {asked, "limits.cpu", "1", "2"},
		"in thousandths":              {asked, "limits.cpu", "1m", "1500"},
		"no limit: the node's":        {corev1.ResourceRequirements{}, "limits.cpu", "1", "16"},
		"no limit: the node's memory": {corev1.ResourceRequirements{}, "limits.memory", "1Gi", "128"},
	} {
		t.Run(name, func(t *testing.T) {
			ref := &corev1.ResourceFieldSelector{Resource: test.field, Divisor: resource.MustParse(test.divisor)}
			if got := resourceValue(test.asked, capacity, ref); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestPick(t *testing.T) {
	yes, broken := true, errors.New("forbidden")
	for name, test := range map[string]struct {
		key      string
		optional *bool
		failure  error
		want     string
		found    bool
		wrong    string
	}{
		"there":                 {key: "a", want: "1", found: true},
		"missing":               {key: "b", wrong: `there is no key "b"`},
		"missing but optional":  {key: "b", optional: &yes},
		"the object is missing": {key: "b", failure: broken, wrong: "forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			got, found, err := pick(map[string]string{"a": "1"}, test.key, test.optional, test.failure)
			checkError(t, err, test.wrong)
			if got != test.want || found != test.found {
				t.Errorf("got %q %v", got, found)
			}
		})
	}
}

func TestExpand(t *testing.T) {
	env := map[string]string{"NODE": "n-1"}
	for text, want := range map[string]string{"on $(NODE)": "on n-1", "$(NONE)": "$(NONE)", "$$(NODE)": "$(NODE)", "$NODE": "$NODE"} {
		if got := expand(text, env); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
