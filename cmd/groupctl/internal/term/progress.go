package term

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// A Progress shows how far something long is: how much is done, the rate, and the time that is left if the end is known.
// Where nobody looks it shows nothing.
type Progress struct {
	bar *progressbar.ProgressBar // nil: nobody looks
}

// Progress begins to show the progress of what the text says, in units such as "records"; "bytes" are shown as sizes.
// total is -1 if it is not known. Without units it shows only that something goes on.
func (s *Screen) Progress(what string, total int64, units string) *Progress {
	if !s.Terminal() {
		return new(Progress)
	}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(s),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionSetWidth(max(min(s.Width-60, 30), 5)),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionEnableColorCodes(false),
	}
	if units != "" {
		options = append(options, progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(units))
	}
	if units == "bytes" {
		options = append(options, progressbar.OptionShowBytes(true), progressbar.OptionUseIECUnits(true))
	}
	return &Progress{progressbar.NewOptions64(total, options...)}
}

// Set says how much is done.
func (p *Progress) Set(done int64) {
	if p.bar != nil {
		_ = p.bar.Set64(done) // it is shown, or it is not
	}
}

// Total says how much there is to do, once that is known.
func (p *Progress) Total(total int64) {
	if p.bar != nil {
		p.bar.ChangeMax64(total)
	}
}

// Write counts bytes. It does not fail.
func (p *Progress) Write(b []byte) (int, error) {
	if p.bar != nil {
		_ = p.bar.Add(len(b))
	}
	return len(b), nil
}

// End removes what is shown.
func (p *Progress) End() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
