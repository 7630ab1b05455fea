package main

import (
	"io"
	"strings"
	"unicode"
)

// lines writes text that is to end with a line. A terminal gets no control
// characters but line ends and tabs: a model may say anything.
type lines struct {
	w        io.Writer
	terminal bool
	open     bool // the last line has no end
}

func newLines(w io.Writer) *lines { return &lines{w: w, terminal: isTerminal(w)} }

func (l *lines) print(piece string) error {
	if l.terminal {
		piece = strings.Map(harmless, piece)
	}
	l.open = !strings.HasSuffix(piece, "\n")
	_, err := io.WriteString(l.w, piece)
	return err
}

func harmless(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return unicode.ReplacementChar
	}
	return r
}

func (l *lines) end() error {
	if !l.open {
		return nil
	}
	return l.print("\n")
}
