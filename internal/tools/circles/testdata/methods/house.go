package methods

type house struct{ *door }

func (h house) ring() bool { return h.isOpen() }
