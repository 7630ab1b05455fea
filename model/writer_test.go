package model

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pixtral-wgpu/tokenizer"
)

// A stop text is found across any pieces, nothing of it is ever emitted, and
// nothing else is lost.
func TestWriterStops(t *testing.T) {
	for _, c := range []struct {
		pieces, stops, want []string
	}{
		{[]string{"a", "b", "c"}, nil, []string{"a", "b", "c"}},
		{[]string{"one ST", "OP two"}, []string{"STOP"}, []string{"one "}},
		{[]string{"S", "T", "O", "X"}, []string{"STOP"}, []string{"STOX"}},
		{[]string{"SSTOP"}, []string{"STOP"}, []string{"S"}},
		{[]string{"end\n", "\nmore"}, []string{"\n\n"}, []string{"end"}},
		{[]string{"abc"}, []string{"bc", "abc"}, nil},                  // the first to begin counts
		{[]string{"ab", "cd"}, []string{"cde", "b"}, []string{"a"}},    // found before the longer could be
		{[]string{"ab"}, []string{"bc"}, []string{"a", "b"}},           // held back, then let go
		{[]string{"x", "é", "y"}, []string{"éz"}, []string{"x", "éy"}}, // more than a byte
		{[]string{"abc"}, []string{""}, []string{"abc"}},               // an empty one stops nothing
	} {
		var got []string
		w := &Writer{decoder: new(tokenizer.Tekken).NewDecoder(), stops: c.stops, emit: func(p string) error { got = append(got, p); return nil }}
		for _, p := range c.pieces {
			w.take(p)
		}
		text := w.End()
		if !slices.Equal(got, c.want) || text != strings.Join(c.want, "") {
			t.Errorf("%q with stops %q gives %q (%q), want %q", c.pieces, c.stops, got, text, c.want)
		}
	}
}

func TestWriterError(t *testing.T) {
	broken := errors.New("broken pipe")
	w := &Writer{decoder: new(tokenizer.Tekken).NewDecoder(), emit: func(string) error { return broken }}
	w.take("a")
	w.take("b")
	if w.End(); w.err != broken {
		t.Errorf("the error is %v", w.err)
	}
}
