package web

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/grammar"
	"pixtral-wgpu/tokenizer"
)

// mostGrammars is how many grammars are kept ready, each with what was found out
// about it: at most some 15 MiB.
const mostGrammars = 32

// mostCalls is how many calls of tools one answer may have.
const mostCalls = 32

// grammars are those in use lately, over the model's vocabulary.
type grammars struct {
	vocabulary func() *grammar.Vocabulary // made when it is first needed

	mu    sync.Mutex
	cache *simplelru.LRU[[32]byte, *grammar.Constraint]
}

func newGrammars(t tokenizer.Tokenizer) *grammars {
	cache, _ := simplelru.NewLRU[[32]byte, *grammar.Constraint](mostGrammars, nil) // an error is a size of nothing
	return &grammars{cache: cache, vocabulary: sync.OnceValue(func() *grammar.Vocabulary {
		tokens := make([][]byte, t.VocabSize())
		for i := range tokens {
			tokens[i] = t.Bytes(tokenizer.Token(i))
		}
		return grammar.NewVocabulary(tokens)
	})}
}

// of returns the grammar that make makes of a source.
func (g *grammars) of(source string, make func() (*grammar.Grammar, error)) (*grammar.Constraint, error) {
	key := sha256.Sum256([]byte(source))
	g.mu.Lock()
	c, ok := g.cache.Get(key)
	g.mu.Unlock()
	if ok {
		return c, nil
	}
	made, err := make()
	if err != nil {
		return nil, err
	}
	c = made.Over(g.vocabulary())
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cache.Add(key, c)
	return c, nil
}

// constrain sets what the answer may be: of a format, a call of a tool, or both.
func (s *Server) constrain(a *asked, req *chatRequest, chat *tokenizer.Chat) error {
	text, err := s.format(req)
	if err != nil {
		return err
	}
	calls, must, err := s.toolGrammar(req, chat)
	if err != nil {
		return err
	}
	a.tools = calls != nil
	return s.masked(a, &req.sampling, rules{text: text, calls: calls, must: must}, req.begun(chat))
}

// begun is the text that the answer goes on with.
func (req *chatRequest) begun(chat *tokenizer.Chat) string {
	last := len(chat.Messages) - 1
	if last < 0 || chat.Messages[last].Role != tokenizer.RoleAssistant || !(chat.Messages[last].Prefix || chat.ContinueFinal) {
		return ""
	}
	text := ""
	for _, p := range chat.Messages[last].Parts {
		text += p.Text
	}
	return text
}

// bound sets when the answer may end, for texts.
func (s *Server) bound(a *asked, p *sampling) { _ = s.masked(a, p, rules{}, "") }

// masked gives the answer a masker, if there is anything for it to do.
func (s *Server) masked(a *asked, p *sampling, r rules, begun string) error {
	r.facts, r.least, r.endless = s.facts, or(p.MinTokens, 0), p.IgnoreEOS
	if r.text == nil && r.calls == nil && r.least == 0 && !r.endless {
		return nil
	}
	if r.text != nil && !r.text.Start().Advance([]byte(begun)) {
		return bad("response_format", "The answer begins with %s, which the format does not allow.", quote(begun))
	}
	r.prepare()
	a.masker = func() engine.Masker { return newMask(&r, begun) }
	return nil
}

// format returns the grammar of the answer's format, nil if any text will do.
func (s *Server) format(req *chatRequest) (*grammar.Constraint, error) {
	f := req.ResponseFormat
	param, schema := "", json.RawMessage(nil)
	switch {
	case f == nil || f.Type == "text":
	case f.Type == "json_object":
		param, schema = "response_format", json.RawMessage(`{"type": "object"}`)
	case f.Type == "json_schema":
		if f.JSONSchema == nil || empty(f.JSONSchema.Schema) && string(f.JSONSchema.Schema) != "{}" {
			return nil, bad("response_format.json_schema.schema", "A `response_format` of type json_schema needs `json_schema.schema`.")
		}
		param, schema = "response_format.json_schema.schema", f.JSONSchema.Schema
	default:
		return nil, bad("response_format.type", "`response_format.type` is %s; it must be text, json_object or json_schema.", quote(f.Type))
	}
	ways := 0
	var c *grammar.Constraint
	var err error
	use := func(name, source string, make func() (*grammar.Grammar, error)) {
		if ways++; err == nil {
			if c, err = s.grammar.of(name+"\x00"+source, make); err != nil {
				err = grammarError(name, err)
			}
		}
	}
	fromSchema := func(name string, raw []byte) {
		use(name, string(raw), func() (*grammar.Grammar, error) { return grammar.Schema(raw) })
	}
	if schema != nil {
		fromSchema(param, schema)
	}
	if raw := req.GuidedJSON; !empty(raw) || string(raw) == "{}" {
		var text string // vLLM takes it as a string, too
		if json.Unmarshal(raw, &text) == nil {
			raw = []byte(text)
		}
		fromSchema("guided_json", raw)
	}
	if req.GuidedRegex != "" {
		use("guided_regex", req.GuidedRegex, func() (*grammar.Grammar, error) { return grammar.Regex(req.GuidedRegex) })
	}
	if req.GuidedChoice != nil {
		source, _ := json.Marshal(req.GuidedChoice)
		use("guided_choice", string(source), func() (*grammar.Grammar, error) { return grammar.Choice(req.GuidedChoice) })
	}
	if ways > 1 {
		return nil, bad("response_format", "The request says in %d ways what the answer must be; use one of `response_format`, `guided_json`, `guided_regex` and `guided_choice`.", ways)
	}
	return c, err
}

// grammarError puts what cannot be enforced into the API's shape.
func grammarError(param string, err error) error {
	var e *grammar.Error
	if !errors.As(err, &e) {
		return err
	}
	api := bad(param, "`%s` cannot be enforced: %s.", param, e)
	api.Code = "unsupported_schema"
	return api
}

// toolGrammar returns the grammar of calls of the request's tools, nil if the
// model may not call any, and whether it must.
func (s *Server) toolGrammar(req *chatRequest, chat *tokenizer.Chat) (*grammar.Constraint, bool, error) {
	choice := or(req.ToolChoice, toolChoice{Mode: "auto"})
	if len(chat.Tools) == 0 {
		if choice.Mode == "required" {
			return nil, false, bad("tool_choice", "`tool_choice` wants a tool to be called, but there are no `tools`.")
		}
		return nil, false, nil
	}
	if s.facts.tekken == nil {
		return nil, false, bad("tools", "The model %s was not trained to call tools.", quote(s.facts.name))
	}
	if choice.Mode == "none" {
		chat.Tools = nil
		return nil, false, nil
	}
	tools, err := chosenTools(req, chat, choice)
	if err != nil {
		return nil, false, err
	}
	most := mostCalls
	if !or(req.Parallel, true) {
		most = 1
	}
	source, _ := json.Marshal(tools)
	c, err := s.grammar.of(fmt.Sprintf("calls %d\x00%s", most, source), func() (*grammar.Grammar, error) { return grammar.Calls(tools, most) })
	if err != nil {
		err = grammarError("tools", err)
	}
	return c, choice.Mode == "required", err
}

// chosenTools returns the tools that may be called. Parameters that cannot be
// enforced are left to the model, unless the tool is strict.
func chosenTools(req *chatRequest, chat *tokenizer.Chat, choice toolChoice) (tools []grammar.Tool, err error) {
	var wire []struct {
		Function struct {
			Strict *bool `json:"strict"`
		} `json:"function"`
	}
	_ = json.Unmarshal(req.Tools, &wire) // the tokenizer has read it already
	for i, t := range chat.Tools {
		if choice.Name != "" && t.Name != choice.Name {
			continue
		}
		tool := grammar.Tool{Name: t.Name, Parameters: t.Parameters}
		if _, err := grammar.Calls([]grammar.Tool{tool}, 1); err != nil {
			if i < len(wire) && or(wire[i].Function.Strict, false) {
				return nil, grammarError(fmt.Sprintf("tools[%d].function.parameters", i), err)
			}
			tool.Parameters = nil
		}
		tools = append(tools, tool)
	}
	if len(tools) == 0 {
		return nil, bad("tool_choice", "`tool_choice` wants %s, which is none of the `tools`.", quote(choice.Name))
	}
	return tools, nil
}
