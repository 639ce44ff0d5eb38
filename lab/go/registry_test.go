package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const chartManifest = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
	`"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}`

func TestRegistryKeepsManifests(t *testing.T) {
	dir := t.TempDir()
	ask := func(method, body string) *httptest.ResponseRecorder {
		t.Helper()
		handler, err := newRegistry(dir) // as after a restart
		if err != nil {
			t.Fatal(err)
		}
		request := httptest.NewRequest(method, "/v2/strimzi-helm/chart/manifests/0.47.0", strings.NewReader(body))
		request.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		return answer
	}
	if code := ask(http.MethodGet, "").Code; code != http.StatusNotFound {
		t.Fatalf("before the push: %d", code)
	}
	if answer := ask(http.MethodPut, chartManifest); answer.Code != http.StatusCreated {
		t.Fatalf("push: %d %s", answer.Code, answer.Body)
	}
	answer := ask(http.MethodGet, "")
	if answer.Code != http.StatusOK || answer.Body.String() != chartManifest {
		t.Errorf("after a restart: %d %s", answer.Code, answer.Body)
	}
	if kind := answer.Header().Get("Content-Type"); kind != "application/vnd.oci.image.manifest.v1+json" {
		t.Errorf("its type: %s", kind)
	}
}
