package web

import (
	"bytes"
	"encoding/json"
	"strings"
)

// A callReader reads the calls of tools as the model writes them, a piece at a
// time: a list of {"name": …, "arguments": {…}}.
type callReader struct {
	text    []byte
	at      int // what was looked at
	depth   int
	quoted  bool
	escaped bool
	start   int // of the call that is open
	calls   int
}

// take adds a piece and returns the calls that it completes.
func (c *callReader) take(piece string) (done []toolCall) {
	c.text = append(c.text, piece...)
	for ; c.at < len(c.text); c.at++ {
		b := c.text[c.at]
		switch {
		case c.escaped:
			c.escaped = false
		case c.quoted:
			c.escaped, c.quoted = b == '\\', b != '"'
		case b == '"':
			c.quoted = true
		case b == '{' || b == '[':
			if c.depth++; c.depth == 2 && b == '{' {
				c.start = c.at
			}
		case b == '}' || b == ']':
			if c.depth--; c.depth == 1 && b == '}' {
				done = append(done, c.call(c.text[c.start:c.at+1]))
			}
		}
	}
	return done
}

// call reads one whole call.
func (c *callReader) call(text []byte) toolCall {
	var w struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	}
	_ = json.Unmarshal(text, &w) // the grammar let nothing else through
	return c.next(w.Name, string(w.Arguments))
}

func (c *callReader) next(name, arguments string) toolCall {
	call := toolCall{Index: c.calls, ID: newCallID(), Type: "function", Function: functionCall{name, arguments}}
	c.calls++
	return call
}

// rest returns the call that was cut short, if its name was there already: its
// arguments are as far as they came, and no JSON.
func (c *callReader) rest() (toolCall, bool) {
	if c.depth < 2 {
		return toolCall{}, false
	}
	d := json.NewDecoder(bytes.NewReader(c.text[c.start:]))
	_, _ = d.Token() // {
	if key, err := d.Token(); err != nil || key != "name" {
		return toolCall{}, false
	}
	name, err := d.Token()
	if err != nil {
		return toolCall{}, false
	}
	arguments := ""
	if key, err := d.Token(); err == nil && key == "arguments" {
		arguments = strings.TrimLeft(string(c.text[c.start+int(d.InputOffset()):]), ": \n")
	}
	text, _ := name.(string)
	return c.next(text, arguments), true
}
