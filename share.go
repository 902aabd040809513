package groupkit

import "encoding/json"

// share shows the store to other processes, if Options.Share is set.
func (e *Engine) share() (err error) {
	if e.opts.Share != nil {
		e.shown, err = e.opts.Share(e.store, e.blobs, func() ([]byte, error) { return json.Marshal(e.Stats()) })
	}
	return err
}

// unshare ends what share has begun: the store waits for those who look at it.
func (e *Engine) unshare() {
	if e.shown != nil {
		_ = e.shown.Close() // nothing can be lost
	}
}
