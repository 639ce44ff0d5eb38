package main

import (
	"fmt"
	"sync"
)

// addressRange is the lab's network of nodes and pods, as two bytes. Its .0.1 is the sandbox itself.
const addressRange = "10.244"

// addressPool gives every node an /24 of its own (itself .1) and every pod an address of its node's.
type addressPool struct {
	mu    sync.Mutex
	taken map[string]bool
}

func newAddressPool() *addressPool { return &addressPool{taken: map[string]bool{}} }

func (a *addressPool) takeNode() (string, error) {
	return a.take(addressRange+".%d.1", 1, "the lab has no address for another node")
}

func (a *addressPool) takePod(node string) (string, error) {
	return a.take(node[:len(node)-1]+"%d", 2, "the node has no address for another pod")
}

// take gives the first free address of a pattern, from a first number on.
func (a *addressPool) take(pattern string, first int, none string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := first; i < 255; i++ {
		if address := fmt.Sprintf(pattern, i); !a.taken[address] {
			a.taken[address] = true
			return address, nil
		}
	}
	return "", fmt.Errorf("%s: 254 are in use", none)
}

func (a *addressPool) free(address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.taken, address)
}
