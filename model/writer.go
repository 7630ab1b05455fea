package model

import (
	"strings"

	"pixtral-wgpu/tokenizer"
)

// A writer turns tokens into text, piece by piece, and ends at a stop text,
// which may begin in one token and end in another.
type writer struct {
	decoder *tokenizer.Decoder // nil if there is no text
	stops   []string
	emit    func(piece string) error
	text    strings.Builder // what was emitted
	held    string          // what may be the beginning of a stop text
	stopped bool
	err     error // of emit
}

// write takes a token and reports whether more are wanted.
func (w *writer) write(tok tokenizer.Token) bool {
	if w.decoder != nil {
		w.take(w.decoder.Next(tok))
	}
	return !w.stopped && w.err == nil
}

// end takes what the decoder holds back and returns the whole text.
func (w *writer) end() string {
	if w.decoder != nil {
		w.take(w.decoder.Flush())
	}
	if !w.stopped {
		w.put(w.held) // no stop text came of it
	}
	return w.text.String()
}

func (w *writer) take(piece string) {
	if w.stopped || piece == "" {
		return
	}
	w.held += piece
	if at := w.find(); at >= 0 {
		w.put(w.held[:at])
		w.stopped = true
		return
	}
	keep := 0
	for _, stop := range w.stops {
		keep = max(keep, overlap(w.held, stop))
	}
	ready := len(w.held) - keep
	w.put(w.held[:ready])
	w.held = w.held[ready:]
}

// find returns where the first stop text begins, -1 if there is none.
func (w *writer) find() int {
	first := -1
	for _, stop := range w.stops {
		if at := strings.Index(w.held, stop); stop != "" && at >= 0 && (first < 0 || at < first) {
			first = at
		}
	}
	return first
}

// overlap returns how many bytes at the end of text begin stop.
func overlap(text, stop string) int {
	for n := min(len(text), len(stop)-1); n > 0; n-- {
		if strings.HasSuffix(text, stop[:n]) {
			return n
		}
	}
	return 0
}

func (w *writer) put(piece string) {
	if piece == "" || w.err != nil {
		return
	}
	w.text.WriteString(piece)
	if w.emit != nil {
		w.err = w.emit(piece)
	}
}
