package model

import (
	"strings"

	"pixtral-wgpu/tokenizer"
)

// A Writer turns tokens into text, piece by piece, and ends at a stop text,
// which may begin in one token and end in another.
type Writer struct {
	decoder *tokenizer.Decoder // nil if there is no text
	stops   []string
	emit    func(piece string) error
	text    strings.Builder // what was emitted
	held    string          // what may be the beginning of a stop text
	stopped bool
	err     error // of emit
}

// NewWriter returns a writer that gives emit the text piece by piece: whole
// UTF-8, never a part of a stop text. Without a tokenizer there is no text.
func (p *Pixtral) NewWriter(stops []string, emit func(piece string) error) *Writer {
	w := &Writer{stops: stops, emit: emit}
	if p.Tokenizer != nil {
		w.decoder = p.Tokenizer.NewDecoder()
	}
	return w
}

// Write takes a token and reports whether more are wanted: not after a stop
// text or an error of emit. It emits at most one piece.
func (w *Writer) Write(tok tokenizer.Token) bool {
	if w.decoder != nil {
		w.take(w.decoder.Next(tok))
	}
	return !w.stopped && w.err == nil
}

// End emits what was held back and returns the whole text.
func (w *Writer) End() string {
	if w.decoder != nil {
		w.take(w.decoder.Flush())
	}
	if !w.stopped {
		w.put(w.held) // no stop text came of it
	}
	return w.text.String()
}

func (w *Writer) take(piece string) {
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
func (w *Writer) find() int {
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

func (w *Writer) put(piece string) {
	if piece == "" || w.err != nil {
		return
	}
	w.text.WriteString(piece)
	if w.emit != nil {
		w.err = w.emit(piece)
	}
}
