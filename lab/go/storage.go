package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	ebsDriver       = "ebs.csi.aws.com"
	provisionedBy   = "pv.kubernetes.io/provisioned-by"
	provisionerOf   = "volume.kubernetes.io/storage-provisioner"
	selectedNode    = "volume.kubernetes.io/selected-node"
	fsTypeParameter = "csi.storage.k8s.io/fstype"
)

// provisioner plays the EBS CSI driver. A volume is a folder named after its volume id, so that it is found
// again by any PersistentVolume with that id, as a kept EBS volume is.
type provisioner struct {
	*fleet
	dir string
}

func newProvisioner(f *fleet, dir string) *provisioner {
	p := &provisioner{f, dir}
	f.informers.Core().V1().PersistentVolumeClaims().Informer()
	f.informers.Core().V1().PersistentVolumes().Informer()
	f.informers.Storage().V1().StorageClasses().Informer()
	return p
}

func (p *provisioner) run(ctx context.Context) {
	core := p.informers.Core().V1()
	onChange(ctx, func() {
		claims, _ := core.PersistentVolumeClaims().Lister().List(labels.Everything())
		for _, claim := range claims {
			if err := p.serve(ctx, claim); err != nil && !apierrors.IsAlreadyExists(err) && !apierrors.IsConflict(err) {
				log.Printf("claim %s/%s: %v", claim.Namespace, claim.Name, err)
			}
		}
		volumes, _ := core.PersistentVolumes().Lister().List(labels.Everything())
		for _, volume := range volumes {
			if err := p.reclaim(ctx, volume); err != nil && !apierrors.IsNotFound(err) {
				log.Printf("persistent volume %s: %v", volume.Name, err)
			}
		}
	}, core.PersistentVolumeClaims().Informer(), core.PersistentVolumes().Informer())
}

// serve makes the volume that a claim waits for, or enlarges the one it has.
func (p *provisioner) serve(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	if claim.Annotations[provisionerOf] != ebsDriver || claim.Spec.StorageClassName == nil {
		return nil
	}
	class, err := p.informers.Storage().V1().StorageClasses().Lister().Get(*claim.Spec.StorageClassName)
	if err != nil {
		return err
	}
	if claim.Status.Phase == corev1.ClaimBound {
		return p.expand(ctx, claim, class)
	}
	node := claim.Annotations[selectedNode]
	late := class.VolumeBindingMode != nil && *class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer
	if claim.Spec.VolumeName != "" || late && node == "" {
		return nil
	}
	var zone string
	if node != "" {
		object, err := p.client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if zone = object.Labels[corev1.LabelTopologyZone]; zone == "" {
			return fmt.Errorf("node %s has no label %s", node, corev1.LabelTopologyZone)
		}
	}
	_, err = p.client.CoreV1().PersistentVolumes().Create(ctx, newVolume(claim, class, zone), metav1.CreateOptions{})
	return err
}

// newVolume is the volume for a claim, tied to a zone if one is given.
func newVolume(claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass, zone string) *corev1.PersistentVolume {
	volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{
		Name: "pvc-" + string(claim.UID), Annotations: map[string]string{provisionedBy: ebsDriver}}}
	volume.Spec = corev1.PersistentVolumeSpec{
		Capacity: claim.Spec.Resources.Requests, AccessModes: claim.Spec.AccessModes, VolumeMode: claim.Spec.VolumeMode,
		StorageClassName: class.Name, MountOptions: class.MountOptions, PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
		ClaimRef: &corev1.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID},
	}
	if class.ReclaimPolicy != nil {
		volume.Spec.PersistentVolumeReclaimPolicy = *class.ReclaimPolicy
	}
	// An EBS volume id has 17 hexadecimal digits; those of the claim's id are as unique.
	digits := strings.ReplaceAll(string(claim.UID), "-", "")
	volume.Spec.CSI = &corev1.CSIPersistentVolumeSource{Driver: ebsDriver, VolumeHandle: "vol-" + digits[:min(17, len(digits))],
		FSType: class.Parameters[fsTypeParameter]}
	if zone != "" {
		volume.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{{
				Key: corev1.LabelTopologyZone, Operator: corev1.NodeSelectorOpIn, Values: []string{zone}}}}}}}
	}
	return volume
}

// expand gives a bound claim what it asks for, if its class allows that.
func (p *provisioner) expand(ctx context.Context, claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) error {
	asked := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	if !isTrue(class.AllowVolumeExpansion) || asked.Cmp(claim.Status.Capacity[corev1.ResourceStorage]) <= 0 {
		return nil
	}
	volume, err := p.client.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if asked.Cmp(volume.Spec.Capacity[corev1.ResourceStorage]) > 0 {
		volume.Spec.Capacity = enlarged(volume.Spec.Capacity, asked)
		if _, err := p.client.CoreV1().PersistentVolumes().Update(ctx, volume, metav1.UpdateOptions{}); err != nil {
			return err
		}
	}
	claim = claim.DeepCopy()
	claim.Status.Capacity = enlarged(claim.Status.Capacity, asked)
	_, err = p.client.CoreV1().PersistentVolumeClaims(claim.Namespace).UpdateStatus(ctx, claim, metav1.UpdateOptions{})
	return err
}

func enlarged(capacity corev1.ResourceList, storage resource.Quantity) corev1.ResourceList {
	capacity = capacity.DeepCopy()
	if capacity == nil {
		capacity = corev1.ResourceList{}
	}
	capacity[corev1.ResourceStorage] = storage
	return capacity
}

// reclaim deletes a volume that nobody claims any more, unless it is to be kept.
func (p *provisioner) reclaim(ctx context.Context, volume *corev1.PersistentVolume) error {
	dir, ok := volumeFolder(p.dir, volume)
	if !ok || volume.Annotations[provisionedBy] != ebsDriver || volume.DeletionTimestamp != nil ||
		volume.Status.Phase != corev1.VolumeReleased || volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return p.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{})
}

// volumeFolder is where a volume of the driver keeps its data.
func volumeFolder(dir string, volume *corev1.PersistentVolume) (string, bool) {
	if volume.Spec.CSI == nil || volume.Spec.CSI.Driver != ebsDriver {
		return "", false
	}
	return filepath.Join(dir, filepath.Base(volume.Spec.CSI.VolumeHandle)), true
}
