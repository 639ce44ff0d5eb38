package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The modes of files from the API server; only the owner reads what is secret.
const (
	openMode   fs.FileMode = 0o644
	secretMode fs.FileMode = 0o600
)

func (p *podRun) volumeDir(name string) string { return filepath.Join(p.dir, "volumes", name) }

// writeVolumes makes the folder of every volume and fills those with API data.
func (p *podRun) writeVolumes() error {
	for _, volume := range p.first.Spec.Volumes {
		if err := p.writeVolume(volume); err != nil {
			return fmt.Errorf("volume %s: %w", volume.Name, err)
		}
	}
	return nil
}

// refreshVolumes follows changes of ConfigMaps and Secrets and renews tokens.
func (p *podRun) refreshVolumes() {
	for sleep(p.ctx, 30*time.Second) {
		p.writeVolumes() // an error leaves what is there
	}
}

func (p *podRun) writeVolume(v corev1.Volume) error {
	if source, err := p.outsideVolume(v); source != "" || err != nil {
		if err == nil {
			err = os.MkdirAll(filepath.Dir(p.volumeDir(v.Name)), 0o755)
		}
		if err == nil {
			err = os.Symlink(source, p.volumeDir(v.Name))
		}
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	var sources []corev1.VolumeProjection
	mode := (*int32)(nil)
	switch {
	case v.EmptyDir != nil:
	case v.ConfigMap != nil:
		mode = v.ConfigMap.DefaultMode
		sources = []corev1.VolumeProjection{{ConfigMap: &corev1.ConfigMapProjection{
			LocalObjectReference: v.ConfigMap.LocalObjectReference, Items: v.ConfigMap.Items, Optional: v.ConfigMap.Optional}}}
	case v.Secret != nil:
		mode = v.Secret.DefaultMode
		sources = []corev1.VolumeProjection{{Secret: &corev1.SecretProjection{
			LocalObjectReference: corev1.LocalObjectReference{Name: v.Secret.SecretName}, Items: v.Secret.Items, Optional: v.Secret.Optional}}}
	case v.DownwardAPI != nil:
		mode = v.DownwardAPI.DefaultMode
		sources = []corev1.VolumeProjection{{DownwardAPI: &corev1.DownwardAPIProjection{Items: v.DownwardAPI.Items}}}
	case v.Projected != nil:
		mode, sources = v.Projected.DefaultMode, v.Projected.Sources
	default:
		return errors.New("the lab does not know this kind of volume")
	}
	if err := os.MkdirAll(p.volumeDir(v.Name), 0o777); err != nil {
		return err
	}
	for _, source := range sources {
		if err := p.project(p.volumeDir(v.Name), source, mode); err != nil {
			return err
		}
	}
	return nil
}

// outsideVolume is the folder of a volume that is not the pod's own, "" for any other.
func (p *podRun) outsideVolume(v corev1.Volume) (string, error) {
	var name string
	switch {
	case v.HostPath != nil:
		return "", errors.New("hostPath is not implemented on the lab")
	case v.PersistentVolumeClaim != nil:
		name = v.PersistentVolumeClaim.ClaimName
	case v.Ephemeral != nil:
		name = p.first.Name + "-" + v.Name
	default:
		return "", nil
	}
	claim, err := p.fleet.client.CoreV1().PersistentVolumeClaims(p.first.Namespace).Get(p.ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if claim.Status.Phase != corev1.ClaimBound {
		return "", fmt.Errorf("claim %s is not bound", name)
	}
	volume, err := p.fleet.client.CoreV1().PersistentVolumes().Get(p.ctx, claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	dir, ok := volumeFolder(filepath.Join(p.fleet.state, "volumes"), volume)
	if !ok {
		return "", fmt.Errorf("persistent volume %s is not of %s", volume.Name, ebsDriver)
	}
	return dir, os.MkdirAll(dir, 0o777)
}

// project writes one source of a projected volume.
func (p *podRun) project(dir string, source corev1.VolumeProjection, mode *int32) error {
	switch {
	case source.ConfigMap != nil:
		data, err := p.configMap(p.ctx, source.ConfigMap.Name, source.ConfigMap.Optional)
		if err != nil {
			return err
		}
		return writeFiles(dir, data, source.ConfigMap.Items, isTrue(source.ConfigMap.Optional), fileMode(openMode, mode))
	case source.Secret != nil:
		data, err := p.secret(p.ctx, source.Secret.Name, source.Secret.Optional)
		if err != nil {
			return err
		}
		return writeFiles(dir, data, source.Secret.Items, isTrue(source.Secret.Optional), fileMode(secretMode, mode))
	case source.DownwardAPI != nil:
		for _, item := range source.DownwardAPI.Items {
			var value string
			var err error
			if item.FieldRef != nil {
				value, err = p.field(item.FieldRef.FieldPath)
			} else {
				value, err = p.resource(nil, item.ResourceFieldRef)
			}
			if err == nil {
				err = writeFile(dir, item.Path, value, fileMode(openMode, mode))
			}
			if err != nil {
				return err
			}
		}
		return nil
	case source.ServiceAccountToken != nil:
		return p.writeToken(dir, source.ServiceAccountToken)
	}
	return errors.New("the lab does not know this source of a projected volume")
}

func (p *podRun) writeToken(dir string, token *corev1.ServiceAccountTokenProjection) error {
	path := filepath.Join(dir, token.Path)
	if time.Now().Before(p.tokens[path]) {
		return nil
	}
	pod := p.first
	request := &authv1.TokenRequest{Spec: authv1.TokenRequestSpec{ExpirationSeconds: token.ExpirationSeconds,
		BoundObjectRef: &authv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID}}}
	if token.Audience != "" {
		request.Spec.Audiences = []string{token.Audience}
	}
	created, err := p.fleet.client.CoreV1().ServiceAccounts(pod.Namespace).CreateToken(p.ctx, pod.Spec.ServiceAccountName, request, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	p.tokens[path] = time.Now().Add(time.Until(created.Status.ExpirationTimestamp.Time) / 2)
	return writeFile(dir, token.Path, created.Status.Token, secretMode)
}

// fileMode is the mode that was asked for, or the standard one. A secret stays its owner's alone.
func fileMode(standard fs.FileMode, asked *int32) fs.FileMode {
	switch {
	case asked == nil:
		return standard
	case standard == secretMode:
		return fs.FileMode(*asked) & 0o700
	}
	return fs.FileMode(*asked) & fs.ModePerm
}

// writeFiles writes the items of an object's data, or all of it.
func writeFiles(dir string, data map[string]string, items []corev1.KeyToPath, optional bool, mode fs.FileMode) error {
	if items == nil {
		for key := range data {
			items = append(items, corev1.KeyToPath{Key: key, Path: key})
		}
	}
	for _, item := range items {
		value, ok, err := pick(data, item.Key, &optional, nil)
		if err == nil && ok {
			err = writeFile(dir, item.Path, value, fileMode(mode, item.Mode))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeFile replaces a file whose text has changed; a reader never sees half of one.
func writeFile(dir, name, value string, mode fs.FileMode) error {
	path := filepath.Join(dir, name)
	if old, err := os.ReadFile(path); err == nil && string(old) == value {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	part := path + ".part"
	if err := os.WriteFile(part, []byte(value), secretMode); err != nil {
		return err
	}
	return errors.Join(os.Chmod(part, mode), os.Rename(part, path))
}

// volumeSource is the folder or file that a volume mount shows.
func (p *podRun) volumeSource(m corev1.VolumeMount, env map[string]string) (string, error) {
	source, err := filepath.EvalSymlinks(p.volumeDir(m.Name))
	if err != nil {
		return "", err
	}
	sub := m.SubPath
	if m.SubPathExpr != "" {
		sub = expand(m.SubPathExpr, env)
	}
	source = filepath.Join(source, sub)
	if _, err := os.Stat(source); errors.Is(err, fs.ErrNotExist) {
		return source, os.MkdirAll(source, 0o777)
	}
	return source, nil
}
