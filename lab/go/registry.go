package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"
)

// runRegistry serves an OCI registry without authentication, whose content a folder keeps.
func runRegistry(args []string) error {
	flags := flag.NewFlagSet("registry", flag.ExitOnError)
	address := flags.String("addr", "127.0.0.1:5000", "loopback `HOST:PORT` to listen at")
	dir := flags.String("dir", "registry", "`folder` for what is pushed")
	flags.Parse(args)

	handler, err := newRegistry(*dir)
	if err != nil {
		return err
	}
	listener, err := listenLoopback(*address)
	if err != nil {
		return err
	}
	return http.Serve(listener, handler)
}

// keptRegistry adds to a registry, which keeps manifests in memory only, files of them.
type keptRegistry struct {
	registry http.Handler
	dir      string
}

// keptManifest is the content of such a file; its name is the escaped path of the request.
type keptManifest struct {
	ContentType string
	Body        []byte
}

func newRegistry(dir string) (http.Handler, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	quiet := registry.Logger(log.New(io.Discard, "", 0))
	k := &keptRegistry{registry.New(quiet, registry.WithBlobHandler(registry.NewDiskBlobHandler(dir))), filepath.Join(dir, "manifests")}
	files, err := os.ReadDir(k.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, file := range files {
		if err := k.load(file.Name()); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(k.dir, file.Name()), err)
		}
	}
	return k, nil
}

// load pushes a manifest of an earlier run again.
func (k *keptRegistry) load(name string) error {
	data, err := os.ReadFile(filepath.Join(k.dir, name))
	if err != nil {
		return err
	}
	var kept keptManifest
	if err := json.Unmarshal(data, &kept); err != nil {
		return err
	}
	path, err := url.PathUnescape(name)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(http.MethodPut, path, bytes.NewReader(kept.Body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", kept.ContentType)
	if answer := k.ask(request); answer.code != http.StatusCreated {
		return fmt.Errorf("the registry refuses it: %s", &answer.body)
	}
	return nil
}

func (k *keptRegistry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodPut || !strings.Contains(request.URL.Path, "/manifests/") {
		k.registry.ServeHTTP(w, request)
		return
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	answer := k.ask(request)
	if answer.code == http.StatusCreated {
		data, err := json.Marshal(keptManifest{request.Header.Get("Content-Type"), body})
		if err == nil {
			err = writeFile(k.dir, url.PathEscape(request.URL.Path), string(data), openMode)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	maps.Copy(w.Header(), answer.header)
	w.WriteHeader(answer.code)
	w.Write(answer.body.Bytes())
}

// ask has the registry answer a request, without sending the answer.
func (k *keptRegistry) ask(request *http.Request) *answer {
	a := &answer{header: http.Header{}, code: http.StatusOK}
	k.registry.ServeHTTP(a, request)
	return a
}

type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header                { return a.header }
func (a *answer) WriteHeader(code int)               { a.code = code }
func (a *answer) Write(data []byte) (n int, _ error) { return a.body.Write(data) }
