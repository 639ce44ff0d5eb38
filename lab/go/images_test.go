package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func environment(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

func TestExpandLab(t *testing.T) {
	known := environment(map[string]string{"LAB_VENV": "/venv", "LAB_ODD": `a"b`, "HOME": "/home/me"})
	for name, test := range map[string]struct{ text, want, wrong string }{
		"variable":           {text: `{"host": ["$LAB_VENV", "${LAB_VENV}/bin"]}`, want: `{"host": ["/venv", "/venv/bin"]}`},
		"quotes stay a text": {text: `"$LAB_ODD"`, want: `"a\"b"`},
		"references stay":    {text: `"$(POD_IP):9092"`, want: `"$(POD_IP):9092"`},
		"unset":              {text: `$LAB_NONE $LAB_NONE`, wrong: "$LAB_NONE is not one"},
		"not the lab's":      {text: `$HOME`, wrong: "$HOME is not one"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := expandLab(test.text, known)
			checkError(t, err, test.wrong)
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestReadImages(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		wrong string
	}{
		"good":                      {files: map[string]string{"kafka/image.json": `{"match": ["quay.io/strimzi/kafka"]}`, "simulated.json": `["nginx"]`}},
		"a folder without an image": {files: map[string]string{"notes/README": ""}},
		"a mistyped key":            {files: map[string]string{"kafka/image.json": `{"matches": []}`}, wrong: `kafka/image.json: json: unknown field "matches"`},
		"no JSON":                   {files: map[string]string{"kafka/image.json": `{`}, wrong: "kafka/image.json"},
		"named twice":               {files: map[string]string{"kafka/image.json": `{"match": ["docker.io/library/nginx"]}`, "simulated.json": `["nginx"]`}, wrong: `"nginx" is named twice`},
		"no image name":             {files: map[string]string{"simulated.json": `["UPPER"]`}, wrong: `"UPPER"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readImages(writeTree(t, test.files), environment(nil))
			checkError(t, err, test.wrong)
		})
	}
}

func TestFindImage(t *testing.T) {
	dir := writeTree(t, map[string]string{
		"kafka/image.json": `{"match": ["quay.io/strimzi/kafka", "apache/kafka"], "root": {"/opt/kafka": ".", "/opt/java": "$LAB_JAVA_HOME"}}`,
		"simulated.json":   `["nginx"]`,
	})
	table, err := readImages(dir, environment(map[string]string{"LAB_JAVA_HOME": "/java"}))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"quay.io/strimzi/kafka:0.47.0-kafka-3.9.0":       "runs",
		"docker.io/apache/kafka":                         "runs",
		"apache/kafka@sha256:" + strings.Repeat("a", 64): "runs",
		"docker.io/library/nginx:1.27":                   "simulated",
		"quay.io/strimzi/kafka-bridge:0.47.0":            "fails",
		"localhost:5000/apache/kafka":                    "fails",
		"":                                               "fails",
	} {
		t.Run(name, func(t *testing.T) {
			image, err := table.find(name)
			got := map[bool]string{true: "runs", false: "simulated"}[image != nil]
			if err != nil {
				got = "fails"
				checkError(t, err, "is on neither list")
			}
			if got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
	image, _ := table.find("apache/kafka")
	if image.Root["/opt/kafka"] != filepath.Join(dir, "kafka") || image.Root["/opt/java"] != "/java" || image.Workdir != "/" {
		t.Errorf("image: %+v", image)
	}
}

func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// checkError wants an error with a text, or none when the text is empty.
func checkError(t *testing.T, err error, text string) {
	t.Helper()
	if text == "" && err != nil || text != "" && (err == nil || !strings.Contains(err.Error(), text)) {
		t.Fatalf("error %v, want %q", err, text)
	}
}
