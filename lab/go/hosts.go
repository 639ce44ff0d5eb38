package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// clusterName is an address with a name that is valid in a namespace and, longer, everywhere.
type clusterName struct{ address, namespace, name string }

// clusterNames are the names that a cluster's DNS would know.
func clusterNames(services []*corev1.Service, endpoints []*discoveryv1.EndpointSlice) (names []clusterName) {
	headless := map[[2]string]bool{}
	for _, service := range services {
		if hasClusterIP(service) {
			names = append(names, clusterName{service.Spec.ClusterIP, service.Namespace, service.Name})
		} else {
			headless[[2]string{service.Namespace, service.Name}] = true
		}
	}
	for _, slice := range endpoints {
		service := slice.Labels[discoveryv1.LabelServiceName]
		if !headless[[2]string{slice.Namespace, service}] {
			continue
		}
		for _, e := range slice.Endpoints {
			if !isReady(e) {
				continue
			}
			names = append(names, clusterName{e.Addresses[0], slice.Namespace, service})
			if e.Hostname != nil {
				names = append(names, clusterName{e.Addresses[0], slice.Namespace, *e.Hostname + "." + service})
			}
		}
	}
	slices.SortFunc(names, func(a, b clusterName) int {
		return cmp.Or(cmp.Compare(a.address, b.address), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
	return slices.Compact(names)
}

// hostsText is the /etc/hosts of a pod: its own lines, then the cluster's names as seen from its namespace.
func hostsText(own, namespace string, names []clusterName) string {
	var text strings.Builder
	text.WriteString("127.0.0.1 localhost\n::1 localhost\n" + own)
	for _, n := range names {
		full := n.name + "." + n.namespace
		fmt.Fprintf(&text, "%s %s.svc.cluster.local %s.svc %s", n.address, full, full, full)
		if n.namespace == namespace {
			text.WriteString(" " + n.name)
		}
		text.WriteString("\n")
	}
	return text.String()
}

// ownLines name the pod itself, and what its hostAliases say.
func ownLines(pod *corev1.Pod, ip string) string {
	name := hostname(pod)
	lines := ip + " " + name + "\n"
	if pod.Spec.Subdomain != "" {
		lines = fmt.Sprintf("%s %s.%s.%s.svc.cluster.local %s\n", ip, name, pod.Spec.Subdomain, pod.Namespace, name)
	}
	for _, alias := range pod.Spec.HostAliases {
		lines += alias.IP + " " + strings.Join(alias.Hostnames, " ") + "\n"
	}
	return lines
}

// hostsFiles are the /etc/hosts of all pods: the cluster's DNS.
type hostsFiles struct {
	mu    sync.Mutex
	files map[string]hostsFile
	names []clusterName
}

type hostsFile struct{ own, namespace, text string }

func newHostsFiles() *hostsFiles { return &hostsFiles{files: map[string]hostsFile{}} }

func (p *podRun) hostsFile() string { return filepath.Join(p.dir, "hosts") }

// add makes the file of a pod and keeps it up to date from now on.
func (h *hostsFiles) add(path string, pod *corev1.Pod, ip string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	file := hostsFile{ownLines(pod, ip), pod.Namespace, ""}
	file.text = hostsText(file.own, file.namespace, h.names)
	h.files[path] = file
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(file.text), 0o644)
}

func (h *hostsFiles) remove(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.files, path)
}

// write brings all files up to date.
func (h *hostsFiles) write(names []clusterName) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.names = names
	for path, file := range h.files {
		text := hostsText(file.own, file.namespace, names)
		if text == file.text {
			continue
		}
		if overwrite(path, text) == nil {
			file.text = text
			h.files[path] = file
		}
	}
}

// overwrite changes a file in place, since it is bind-mounted into containers.
func overwrite(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	return file.Truncate(int64(len(text)))
}
