package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// Image says how the containers of some images run as local processes. It is read from
// IMAGES/<name>/image.json, in which $LAB_DIR and its like stand for the environment.
type Image struct {
	Match   []string          `json:"match"`   // image names, without tag
	Root    map[string]string `json:"root"`    // path in the container -> folder or file here, relative to the image's folder
	Host    []string          `json:"host"`    // paths taken from this machine as they are, beside hostFolders
	Workdir string            `json:"workdir"` // "/" when not given
	Path    []string          `json:"path"`    // put first on PATH
	Env     map[string]string `json:"env"`
	Command []string          `json:"command"` // when the container gives none
}

// hostFolders are what every container sees of this machine, read-only.
var hostFolders = []string{"/bin", "/sbin", "/lib", "/lib64", "/usr", "/etc"}

// imageTable knows every image that may run. Names are in their long form, so that "kafka" and
// "docker.io/library/kafka" are the same.
type imageTable struct {
	runnable  map[string]*Image
	simulated map[string]bool // these containers are ready and do nothing
}

func readImages(dir string, environment func(string) (string, bool)) (*imageTable, error) {
	table := &imageTable{runnable: map[string]*Image{}, simulated: map[string]bool{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		if err := table.readImage(filepath.Join(dir, entry.Name()), environment); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s/image.json: %w", entry.Name(), err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "simulated.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return table, nil
	}
	var names []string
	if err == nil {
		err = json.Unmarshal(data, &names)
	}
	for _, name := range names {
		err = errors.Join(err, table.add(name, nil))
	}
	if err != nil {
		return nil, fmt.Errorf("simulated.json: %w", err)
	}
	return table, nil
}

func (t *imageTable) readImage(dir string, environment func(string) (string, bool)) error {
	data, err := os.ReadFile(filepath.Join(dir, "image.json"))
	if err != nil {
		return err
	}
	text, err := expandLab(string(data), environment)
	if err != nil {
		return err
	}
	image := &Image{Workdir: "/"}
	decoder := json.NewDecoder(bytes.NewBufferString(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(image); err != nil {
		return err
	}
	for target, source := range image.Root {
		if !filepath.IsAbs(source) {
			image.Root[target] = filepath.Join(dir, source)
		}
	}
	for _, name := range image.Match {
		if err := t.add(name, image); err != nil {
			return err
		}
	}
	return nil
}

// add takes up one name; an image of nil is simulated.
func (t *imageTable) add(name string, image *Image) error {
	long, err := longName(name)
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	if t.runnable[long] != nil || t.simulated[long] {
		return fmt.Errorf("%q is named twice", name)
	}
	if image == nil {
		t.simulated[long] = true
	} else {
		t.runnable[long] = image
	}
	return nil
}

// find gives the image of a container; nil when its containers are only simulated.
func (t *imageTable) find(name string) (*Image, error) {
	long, err := longName(name)
	if err == nil && (t.runnable[long] != nil || t.simulated[long]) {
		return t.runnable[long], nil
	}
	return nil, fmt.Errorf("image %q is on neither list of the lab: lab/images/NAME/image.json (runs as a local process) "+
		"and lab/images/simulated.json (is only simulated)", name)
}

// longName is the full name of an image without tag and digest.
func longName(name string) (string, error) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return "", err
	}
	return named.Name(), nil
}

// expandLab replaces the lab's own variables in a JSON text. Any other one is refused, as it would make an
// image depend on who starts the lab.
func expandLab(text string, environment func(string) (string, bool)) (string, error) {
	var unknown []string
	expanded := os.Expand(text, func(name string) string {
		value, ok := environment(name)
		if !ok || !strings.HasPrefix(name, "LAB_") {
			unknown = append(unknown, "$"+name)
		}
		quoted, _ := json.Marshal(value)
		return string(bytes.Trim(quoted, `"`))
	})
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return "", fmt.Errorf("%s is not one of the LAB_ variables that are set", strings.Join(slices.Compact(unknown), ", "))
	}
	return expanded, nil
}
