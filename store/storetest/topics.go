package storetest

import "sync"

// topics are what a Watch has told.
type topics struct {
	mu    sync.Mutex
	heard map[string]bool
}

func newTopics() *topics { return &topics{heard: make(map[string]bool)} }

func (h *topics) add(topics []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, topic := range topics {
		h.heard[topic] = true
	}
}

func (h *topics) has(topic string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.heard[topic]
}
