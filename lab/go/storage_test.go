package main

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestNewVolume(t *testing.T) {
	retain := corev1.PersistentVolumeReclaimRetain
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "kafka", Name: "data-0-broker-0", UID: "a1fea326-c330-4d7a-ba7c-9df7b2495f40"}}
	claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1000Gi")}
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "gp3"}, ReclaimPolicy: &retain, Parameters: map[string]string{fsTypeParameter: "xfs"}}
	for zone, want := range map[string]int{"us-west-2a": 1, "": 0} {
		t.Run("zone "+zone, func(t *testing.T) {
			volume := newVolume(claim, class, zone)
			if volume.Name != "pvc-"+string(claim.UID) || volume.Spec.PersistentVolumeReclaimPolicy != retain || volume.Spec.ClaimRef.UID != claim.UID {
				t.Errorf("volume: %+v", volume)
			}
			if csi := volume.Spec.CSI; csi.VolumeHandle != "vol-a1fea326c3304d7ab" || csi.FSType != "xfs" {
				t.Errorf("source: %+v", csi)
			}
			terms := 0
			if volume.Spec.NodeAffinity != nil {
				expression := volume.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0]
				if terms = len(expression.Values); expression.Values[0] != zone {
					t.Errorf("affinity: %+v", expression)
				}
			}
			if terms != want {
				t.Errorf("%d zones, want %d", terms, want)
			}
		})
	}
}

func TestVolumeFolder(t *testing.T) {
	csi := func(driver, handle string) corev1.PersistentVolumeSource {
		return corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: handle}}
	}
	for name, test := range map[string]struct {
		source corev1.PersistentVolumeSource
		want   string
	}{
		"ours":           {csi(ebsDriver, "vol-1"), "/volumes/vol-1"},
		"never outside":  {csi(ebsDriver, "../../etc"), "/volumes/etc"},
		"another driver": {csi("efs.csi.aws.com", "vol-1"), ""},
		"no driver":      {corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/etc"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			volume := &corev1.PersistentVolume{Spec: corev1.PersistentVolumeSpec{PersistentVolumeSource: test.source}}
			if got, ok := volumeFolder("/volumes", volume); got != test.want || ok != (test.want != "") {
				t.Errorf("got %q %v, want %q", got, ok, test.want)
			}
		})
	}
}
