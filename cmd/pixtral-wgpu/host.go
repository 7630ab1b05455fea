package main

import (
	"context"

	"github.com/spf13/cobra"

	"pixtral-wgpu/model"
)

// A host holds the device and the model, and opens them again when the device
// was lost.
type host struct {
	f      *serveFlags
	cmd    *cobra.Command
	fit    fit
	closes []func()
}

func (h *host) close() {
	for i := len(h.closes) - 1; i >= 0; i-- {
		h.closes[i]()
	}
	h.closes = nil
}

// open opens the device and loads the model; what was open before is closed.
func (h *host) open(ctx context.Context) (_ *model.Pixtral, err error) {
	h.close()
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	checkpoint, err := h.f.modelFlag.open(h.cmd)
	if err != nil {
		return nil, err
	}
	defer checkpoint.Close()
	device, err := h.f.openFast(h.cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	h.closes = append(h.closes, device.Close)
	if h.fit.context == 0 { // the second time it must be as it was
		if h.fit, err = h.f.settle(checkpoint, h.f.fitFlags.options(), h.f.offer(device.Info)); err != nil {
			return nil, err
		}
	}
	checkpoint = h.f.as(checkpoint, h.fit.quant)
	if err := h.f.tune(ctx, h.cmd.ErrOrStderr(), device, checkpoint, h.fit.quant, h.f.kv.value); err != nil {
		return nil, err
	}
	bar := newProgress(h.cmd.ErrOrStderr())
	defer bar.clear()
	p, err := model.Load(ctx, device, checkpoint, model.LoadOptions{
		Quant: h.fit.quant, Streamed: h.fit.streamed, Progress: bar.bytes("loading " + checkpoint.Name),
	})
	if err == nil {
		h.closes = append(h.closes, p.Close)
	}
	return p, err
}
