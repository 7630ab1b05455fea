package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/hub"
)

// A progress shows one bar at a time on a terminal, and nothing elsewhere.
type progress struct {
	w    io.Writer
	show bool
	bar  *progressbar.ProgressBar
}

func newProgress(w io.Writer) *progress { return &progress{w: w, show: isTerminal(w)} }

func isTerminal(w any) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}

// bytes returns a function that shows how many bytes are done.
func (p *progress) bytes(what string) func(done, total uint64) {
	return func(done, total uint64) { p.set(what, int64(done), int64(total), inBytes...) }
}

// pull returns a function that shows how many bytes are fetched. Those that were
// there before are told apart: the rate is not theirs.
func (p *progress) pull(what string) func(hub.Progress) {
	return func(now hub.Progress) {
		found, text := max(0, now.Done-now.Fetched), what
		if found > 0 {
			text += fmt.Sprintf(", %s are here", gpu.Size(uint64(found)))
		}
		p.set(text, now.Fetched, now.Total-found, inBytes...)
		if p.bar != nil {
			p.bar.Describe(text)
			p.bar.ChangeMax64(max(1, now.Total-found))
		}
	}
}

var inBytes = []progressbar.Option{progressbar.OptionShowBytes(true), progressbar.OptionUseIECUnits(true), progressbar.OptionShowCount()}

// count returns a function that shows how many of something are done.
func (p *progress) count(what string) func(done, total int) {
	return func(done, total int) { p.set(what, int64(done), int64(total), progressbar.OptionShowCount()) }
}

func (p *progress) set(what string, done, total int64, o ...progressbar.Option) {
	if !p.show {
		return
	}
	if p.bar == nil || p.bar.IsFinished() {
		if done >= total {
			return // there is nothing to wait for
		}
		p.bar = progressbar.NewOptions64(total, append(slices.Clone(o),
			progressbar.OptionSetWriter(p.w), progressbar.OptionSetDescription(what), progressbar.OptionFullWidth(),
			progressbar.OptionThrottle(50*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetRenderBlankState(true))...)
		return // what is done at the first look took no time that is known
	}
	_ = p.bar.Set64(done) // a bar that cannot be drawn is no reason to fail
}

// clear takes the bar away.
func (p *progress) clear() {
	if p.bar != nil && !p.bar.IsFinished() {
		_ = p.bar.Clear()
	}
	p.bar = nil
}

// describe changes what the bar says.
func (p *progress) describe(what string) {
	if p.bar != nil {
		p.bar.Describe(what)
	}
}
