// Package grammar says which tokens may follow, so that what a model writes is
// JSON of a schema, a call of a tool, or a text of a regular expression.
//
// A schema becomes a program (schema.go, program.go): states with edges that
// take bytes, and rules that call each other, since JSON nests. The program is
// run as an automaton that is made deterministic while it runs (automaton.go);
// the vocabulary, sorted into a trie, is walked through it once for each state
// (vocabulary.go), and what came of it is kept: within a string the same few
// states come again and again.
//
// Whatever a grammar lets through can be completed: edges that lead nowhere are
// taken out when it is compiled.
package grammar

import (
	"encoding/json"
	"fmt"
	"strings"
)

// A Grammar is a set of texts. It does not change.
type Grammar struct{ program *program }

// An Error is a schema or an expression that cannot be enforced.
type Error struct {
	Path    string // a JSON pointer into the schema, "" for its root
	Keyword string // at fault, "" for none
	Message string
}

func (e *Error) Error() string {
	at := "the schema"
	if e.Path != "" {
		at = "at " + e.Path
	}
	if e.Keyword != "" {
		at += fmt.Sprintf(": %q", e.Keyword)
	}
	return at + ": " + e.Message
}

// Object returns the grammar of all JSON objects.
func Object() *Grammar { return mustSchema(`{"type": "object"}`) }

func mustSchema(text string) *Grammar {
	g, err := Schema([]byte(text))
	if err != nil {
		panic(err) // the schema is ours
	}
	return g
}

// Schema returns the grammar of the JSON values that a JSON Schema (draft
// 2020-12) allows. Objects have their properties in the order of the schema, and
// others only if additionalProperties says so. Keywords that are not enforced are
// errors.
func Schema(schema []byte) (*Grammar, error) {
	root, err := parse(schema)
	if err != nil {
		return nil, &Error{Message: "it is not valid JSON: " + err.Error()}
	}
	c := newCompiler()
	rule, err := c.rule(root, root, "")
	if err != nil {
		return nil, err
	}
	main := c.b.newRule()
	start := c.b.start(main) // models like to begin with a space or on a new line
	start = c.b.join(start, c.b.oneOf(start, " \n"))
	c.b.finish(main, c.b.call(start, rule))
	return c.grammar(main)
}

// A Tool is a function and the JSON Schema of its arguments, nil for any object.
type Tool struct {
	Name       string
	Parameters []byte
}

// Calls returns the grammar of lists of 1 to most calls of tools, as Mistral's
// models write them: [{"name": "f", "arguments": {…}}].
func Calls(tools []Tool, most int) (*Grammar, error) {
	c := newCompiler()
	one := c.b.newRule()
	var ends []state
	for _, tool := range tools {
		c.document()
		arguments := c.anyObject()
		if len(tool.Parameters) > 0 && string(tool.Parameters) != "null" {
			root, err := parse(tool.Parameters)
			if err != nil {
				return nil, &Error{Message: "it is not valid JSON: " + err.Error()}
			}
			if o, ok := root.(*object); ok && len(o.keys) > 0 {
				if arguments, err = c.rule(asObject(o), root, ""); err != nil {
					return nil, err
				}
			}
		}
		at := c.space(c.b.literal(c.b.start(one), `{"name":`))
		at = c.space(c.b.literal(c.b.literal(at, quoteJSON(tool.Name)), `,`))
		at = c.space(c.b.literal(at, `"arguments":`))
		ends = append(ends, c.b.literal(c.space(c.b.call(at, arguments)), "}"))
	}
	c.b.finish(one, c.b.join(ends...))
	main := c.b.newRule()
	c.list(main, one, 1, most)
	return c.grammar(main)
}

// asObject returns a schema of a tool's arguments that allows objects only.
func asObject(o *object) *object {
	if _, typed := o.values["type"]; typed {
		return o
	}
	typed := &object{keys: append([]string{"type"}, o.keys...), values: map[string]any{"type": "object"}}
	for k, v := range o.values {
		typed.values[k] = v
	}
	return typed
}

// Choice returns the grammar of a few texts.
func Choice(texts []string) (*Grammar, error) {
	b := newBuilder()
	main := b.newRule()
	var ends []state
	for _, text := range texts {
		if text == "" {
			return nil, &Error{Message: "a choice is empty"}
		}
		ends = append(ends, b.literal(b.start(main), text))
	}
	if len(ends) == 0 {
		return nil, &Error{Message: "there is nothing to choose from"}
	}
	b.finish(main, b.join(ends...))
	return b.grammar(main)
}

// Regex returns the grammar of the texts that a regular expression matches as a
// whole.
func Regex(expression string) (*Grammar, error) {
	b := newBuilder()
	main := b.newRule()
	p := &pattern{b: b, spell: plain}
	end, err := p.whole(b.start(main), expression)
	if err != nil {
		return nil, &Error{Message: err.Error()}
	}
	b.finish(main, end)
	return b.grammar(main)
}

// quoteJSON spells a text as a JSON string.
func quoteJSON(text string) string {
	var s strings.Builder
	e := json.NewEncoder(&s)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string always has a spelling
	return strings.TrimSuffix(s.String(), "\n")
}
