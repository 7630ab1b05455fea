package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/model"
	"pixtral-wgpu/remote"
	"pixtral-wgpu/web"
)

// servingFlags are how a model runs here behind the verbs that ask an engine:
// they ask a server of this program's own, so that every model, here or
// elsewhere, is asked in the same way.
type servingFlags struct {
	fitFlags
	deviceFlags
	exif *choice
}

func (f *servingFlags) add(fs *pflag.FlagSet) {
	f.exif = exifFlag(fs)
	f.fitFlags.add(fs, "f16", "q8_0", "f32")
	f.deviceFlags.add(fs)
	f.tuneFlags.add(fs)
}

// elsewhere refuses flags that are about an engine here.
func (f *servingFlags) elsewhere(cmd *cobra.Command) error { return refuse(cmd, elsewhere) }

// A local is a running server of one model, for this process alone.
type local struct {
	client  *remote.Client
	model   *model.Pixtral // for facts that do not change
	name    string         // of the model, and as what it is loaded
	context int            // tokens
	close   func()
}

// serve loads the model and serves it on a free port of this machine, with a
// key that nobody else knows.
func (f *servingFlags) serve(cmd *cobra.Command, m *modelFlag, bar *progress, slots int) (_ *local, err error) {
	all := &serveFlags{modelFlag: *m, fitFlags: f.fitFlags, deviceFlags: f.deviceFlags, exif: f.exif, host: "127.0.0.1", slots: slots, log: &choice{"off", nil}}
	if err := all.fitFlags.check(cmd); err != nil {
		return nil, err
	}
	h := &host{f: all, cmd: cmd}
	l := &local{close: h.close}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	p, err := h.open(cmd.Context())
	if err != nil {
		return nil, err
	}
	bar.clear()
	e, err := engine.New(p, engine.Options{Context: h.fit.context, Slots: slots, KV: f.kv.value, Open: h.open})
	if err != nil {
		return nil, err
	}
	l.close = func() {
		e.Close()
		h.close()
	}
	key := rand.Text()
	keys, err := web.ReadKeys(strings.NewReader(key))
	if err != nil {
		return nil, err
	}
	server, err := web.New(e, web.Options{Context: h.fit.context, Keys: keys, Orientation: orientation(f.exif), MaxBodyBytes: maxFileBytes, MaxImages: 1 << 12, MaxPixels: 1 << 30})
	if err != nil {
		return nil, err
	}
	listener, err := all.listen()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(cmd.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(ctx, listener) // its end is told to those who ask
	}()
	l.close = func() {
		stop()
		<-ended
		server.Close()
		h.close()
	}
	l.model, l.name, l.context = p, p.Name, h.fit.context
	if quant := h.fit.quant; quant != "" {
		l.name += " " + quant
	}
	l.client, err = remote.New(remote.Options{BaseURL: fmt.Sprintf("http://%s", listener.Addr()), APIKey: key, Retries: -1})
	return l, err
}
