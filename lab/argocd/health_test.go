package main

import (
	"os"
	"testing"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/argoproj/argo-cd/v3/util/lua"
)

const (
	healthRule = "../../roles/argocd/files/health.lua"
	recorded   = "../../tests/unit/fixtures/strimzi/"
)

// The collection's rule, in Argo CD's own interpreter, about objects that the real operators wrote.
func TestHealthOfStrimziResources(t *testing.T) {
	rule, err := os.ReadFile(healthRule)
	if err != nil {
		t.Fatal(err)
	}
	conditions := func(conditions ...any) func(*unstructured.Unstructured) {
		return func(obj *unstructured.Unstructured) {
			unstructured.SetNestedSlice(obj.Object, conditions, "status", "conditions")
		}
	}
	condition := func(kind, status, reason string) any {
		return map[string]any{"type": kind, "status": status, "reason": reason, "message": "why"}
	}
	for name, test := range map[string]struct {
		file    string
		change  func(*unstructured.Unstructured)
		status  health.HealthStatusCode
		message string
	}{
		"ready": {"kafka--data-on-eks", nil, health.HealthStatusHealthy, ""},
		"ready, of an earlier generation": {"kafka--data-on-eks", func(obj *unstructured.Unstructured) { obj.SetGeneration(99) },
			health.HealthStatusProgressing, "its operator has not seen generation 99 yet"},
		"being created": {"kafka--data-on-eks", conditions(condition("NotReady", "True", "Creating")),
			health.HealthStatusProgressing, "Creating: why"},
		"invalid": {"kafka--data-on-eks", conditions(condition("NotReady", "True", "InvalidResourceException")),
			health.HealthStatusDegraded, "InvalidResourceException: why"},
		"ready with a warning": {"kafka--data-on-eks", conditions(condition("Warning", "True", "KafkaStorage"), condition("Ready", "True", "")),
			health.HealthStatusHealthy, ""},
		"paused": {"kafka--data-on-eks", conditions(condition("ReconciliationPaused", "True", "")),
			health.HealthStatusSuspended, "its reconciliation is paused"},
		"new": {"kafka--data-on-eks", func(obj *unstructured.Unstructured) { delete(obj.Object, "status") },
			health.HealthStatusProgressing, "its operator has not seen generation 1 yet"},
		"a pool has no condition when it is well": {"kafkanodepool--broker", nil, health.HealthStatusHealthy, ""},
		"a topic": {"kafkatopic--orders", nil, health.HealthStatusHealthy, ""},
		"a user":  {"kafkauser--alice", nil, health.HealthStatusHealthy, ""},
		"a proposal that waits for a person": {"kafka--data-on-eks", conditions(condition("ProposalReady", "True", "")),
			health.HealthStatusSuspended, "ProposalReady"},
	} {
		t.Run(name, func(t *testing.T) {
			found := healthOf(t, string(rule), test.file, test.change)
			if found.Status != test.status || found.Message != test.message {
				t.Errorf("got %s, %q; want %s, %q", found.Status, found.Message, test.status, test.message)
			}
		})
	}
	// The Topic Operator says Ready=False, which Argo CD's own rule takes for progress.
	if found := healthOf(t, string(rule), "kafkatopic--bad-rf", nil); found.Status != health.HealthStatusDegraded {
		t.Errorf("a topic that the operator refuses is %s", found.Status)
	}
}

func healthOf(t *testing.T, rule, file string, change func(*unstructured.Unstructured)) *health.HealthStatus {
	t.Helper()
	data, err := os.ReadFile(recorded + file + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	obj := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(data, &obj.Object); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(obj)
	}
	found, err := (lua.VM{}).ExecuteHealthLua(obj, rule)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestRedisPassword(t *testing.T) {
	if got := passwordIn([]string{"--save", "", "--requirepass x y"}); got != "x y" {
		t.Errorf("got %q", got)
	}
}
