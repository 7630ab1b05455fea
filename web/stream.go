package web

import (
	"bytes"
	"net/http"
	"sync"
	"time"
)

const (
	// patience is how long a stream waits for its first token before it is begun:
	// what fails sooner is answered with its own status.
	patience = 3 * time.Second

	// pingEvery keeps connections open while a long prompt is read.
	pingEvery = 10 * time.Second
)

// A stream writes server-sent events. Writes that the client does not take in
// time fail.
type stream struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	timeout time.Duration
	done    chan struct{}

	mu      sync.Mutex
	started bool
	err     error
}

// newStream makes a stream that begins by itself if nothing is sent for long.
func newStream(w http.ResponseWriter, timeout time.Duration) *stream {
	return &stream{w: w, rc: http.NewResponseController(w), timeout: timeout, done: make(chan struct{})}
}

// watch begins the stream and sends pings while there is nothing else.
func (s *stream) watch() {
	wait := time.NewTimer(patience)
	defer wait.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-wait.C:
			_ = s.write([]byte(": ping\n\n")) // what fails now fails again for who sends
			wait.Reset(pingEvery)
		}
	}
}

// send writes an event.
func (s *stream) send(v any) error {
	var b bytes.Buffer
	b.WriteString("data: ")
	if err := encoder(&b).Encode(v); err != nil {
		return err
	}
	b.WriteString("\n")
	return s.write(b.Bytes())
}

func (s *stream) write(event []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		s.started = true
		h := s.w.Header()
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Accel-Buffering", "no") // proxies of nginx's kind would hold events back
		h.Set("X-Content-Type-Options", "nosniff")
		s.w.WriteHeader(http.StatusOK)
	}
	if s.err == nil {
		_ = s.rc.SetWriteDeadline(time.Now().Add(s.timeout)) // not every ResponseWriter can
		_, err := s.w.Write(event)
		if err == nil {
			err = s.rc.Flush()
		}
		if err != nil {
			s.err = &apiError{Status: statusGone, Type: serverError, Message: "the client has gone or does not read: " + err.Error()}
		}
	}
	return s.err
}

// end closes the stream: with the error, if there is one. What failed before
// anything was sent is returned, to be answered with its status.
func (s *stream) end(r *http.Request, err error) error {
	close(s.done)
	s.mu.Lock()
	started := s.started
	s.mu.Unlock()
	if err != nil {
		if !started {
			return err
		}
		e := entryOf(r)
		e.err, e.status = err, asAPI(err).Status
		_ = s.send(asAPI(err).wire()) // a client that is still there learns why
		return nil
	}
	_ = s.write([]byte("data: [DONE]\n\n")) // whoever has gone needs no end
	return nil
}
