// Package web serves a model over HTTP: the API that the clients of OpenAI and
// Mistral speak, and the page that people use.
//
// One request: Handler checks who asks (guard.go) and finds the route
// (routes.go); chat.go reads the body (chatrequest.go, params.go), media.go gets
// the images, the tokenizer makes the prompt, the engine answers token by token,
// and answer.go with stream.go writes it as it comes.
package web

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"time"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/web/inspect"
)

// An Engine answers requests; *engine.Engine does.
type Engine interface {
	Model() *model.Pixtral
	Generate(ctx context.Context, req engine.Request, emit func(engine.Event) error) (*model.Reply, error)
	Exclusive(ctx context.Context, f func(ctx context.Context, p *model.Pixtral) error) error
	Stats() engine.Stats
	Health() error
	Close() error
}

// Options says how to serve; the zero value is right for one person on one
// machine.
type Options struct {
	Version string        // of the program
	Context int           // tokens a request may take, prompt and answer; 0 means model.DefaultContext
	Sampler model.Sampler // what requests leave out
	Aliases []string      // names of the model besides its own
	Page    fs.FS         // files at "/"; nil for none

	Keys         *Keys    // who may ask; nil means everybody
	AllowHosts   []string // names this server is called by, besides localhost and addresses; "*" for any
	AllowOrigins []string // pages of other origins that may ask; "*" for any

	ImageHosts  []string           // hosts that image URLs may name, as "example.com", "*.example.com" or "*"; none means that no URL is fetched
	MediaDir    string             // directory that file URLs may name files of; "" means none
	Orientation pixels.Orientation // of photographs

	MaxInspections int // that are kept open, each with a cache of its own; 0 means 4

	MaxBodyBytes  int64         // of a request; 0 means 64 MiB
	MaxImages     int           // of a request; 0 means 64
	MaxPixels     int           // of an image; 0 means 2^26, 67 megapixels
	MaxImageBytes int64         // of an image that is fetched or read from a file; 0 means 20 MiB
	BodyTimeout   time.Duration // for a body to arrive; 0 means a minute
	WriteTimeout  time.Duration // for a client to take what is written; 0 means half a minute
	Timeout       time.Duration // for an answer; 0 means half an hour

	Log *slog.Logger // nil for none
}

func (o Options) complete() Options {
	o.Context = cmp.Or(o.Context, model.DefaultContext)
	o.MaxBodyBytes = cmp.Or(o.MaxBodyBytes, 64<<20)
	o.MaxImages = cmp.Or(o.MaxImages, 64)
	o.MaxPixels = cmp.Or(o.MaxPixels, 1<<26)
	o.MaxImageBytes = cmp.Or(o.MaxImageBytes, 20<<20)
	o.BodyTimeout = cmp.Or(o.BodyTimeout, time.Minute)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 30*time.Second)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Minute)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// A Server answers HTTP requests with a model.
type Server struct {
	o       Options
	engine  Engine
	facts   facts
	media   *media
	metrics *metrics
	grammar *grammars

	inspections *inspect.Store

	started time.Time
	handler http.Handler
}

// New makes a server of an engine, which it closes when it is closed.
func New(e Engine, o Options) (*Server, error) {
	s := &Server{engine: e, o: o.complete(), started: time.Now()}
	s.facts = factsOf(e.Model(), o.Aliases)
	if s.facts.tokenizer == nil {
		return nil, errors.New("web: the model has no tokenizer, which every request needs; put its tekken.json or tokenizer.json beside it")
	}
	var err error
	if s.media, err = newMedia(s.o, s.facts); err != nil {
		return nil, err
	}
	s.metrics = newMetrics(s)
	s.grammar = newGrammars(s.facts.tokenizer)
	s.inspections = inspect.New(e, inspect.Options{Context: s.o.Context, Most: s.o.MaxInspections})
	s.handler = s.guard(s.mux())
	return s, nil
}

// Handler returns what answers the requests.
func (s *Server) Handler() http.Handler { return s.handler }

// Close ends the requests that are still running and closes the engine.
func (s *Server) Close() error {
	s.media.close()
	if s.engine == nil { // it is elsewhere
		return nil
	}
	s.inspections.Close()
	return s.engine.Close()
}

// grace is how long the answers under way may take once the server is told to
// stop.
const grace = 30 * time.Second

// Serve answers the requests that come to l, until ctx is done; answers that
// are under way then are finished, if that takes less than half a minute.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return running },
		ErrorLog:          slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.o.Log.Info("stopping", "grace", grace)
	wait, cancel := context.WithTimeout(running, grace)
	defer cancel()
	err := server.Shutdown(wait)
	if errors.Is(err, context.DeadlineExceeded) {
		stop() // the engine drops what is left within a step
		return server.Close()
	}
	return err
}
