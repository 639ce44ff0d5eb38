package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestFileMode(t *testing.T) {
	asked := func(mode int32) *int32 { return &mode }
	for name, test := range map[string]struct {
		standard fs.FileMode
		asked    *int32
		want     fs.FileMode
	}{
		"a text":                         {openMode, nil, 0o644},
		"a script":                       {openMode, asked(0o755), 0o755},
		"a secret":                       {secretMode, nil, 0o600},
		"a secret is never opened":       {secretMode, asked(0o644), 0o600},
		"a secret script is its owner's": {secretMode, asked(0o755), 0o700},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fileMode(test.standard, test.asked); got != test.want {
				t.Errorf("got %o, want %o", got, test.want)
			}
		})
	}
}

func TestWriteFiles(t *testing.T) {
	data := map[string]string{"a": "1", "b": "2"}
	for name, test := range map[string]struct {
		items    []corev1.KeyToPath
		optional bool
		want     map[string]string
		wrong    string
	}{
		"everything":       {want: map[string]string{"a": "1", "b": "2"}},
		"chosen":           {items: []corev1.KeyToPath{{Key: "b", Path: "deep/er"}}, want: map[string]string{"deep/er": "2"}},
		"missing":          {items: []corev1.KeyToPath{{Key: "c", Path: "c"}}, wrong: `there is no key "c"`},
		"missing, allowed": {items: []corev1.KeyToPath{{Key: "c", Path: "c"}, {Key: "a", Path: "a"}}, optional: true, want: map[string]string{"a": "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			checkError(t, writeFiles(dir, data, test.items, test.optional, secretMode), test.wrong)
			got := map[string]string{}
			filepath.WalkDir(dir, func(path string, entry fs.DirEntry, _ error) error {
				if !entry.IsDir() {
					text, _ := os.ReadFile(path)
					relative, _ := filepath.Rel(dir, path)
					got[relative] = string(text)
					if info, _ := entry.Info(); info.Mode() != secretMode {
						t.Errorf("%s has mode %o", relative, info.Mode())
					}
				}
				return nil
			})
			if len(got) != len(test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			for name, text := range test.want {
				if got[name] != text {
					t.Errorf("%s: got %q, want %q", name, got[name], text)
				}
			}
		})
	}
}
