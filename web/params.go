package web

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// A sampling is what requests for chats and texts share: how to pick tokens,
// and how many.
type sampling struct {
	Temperature       *float64           `json:"temperature,omitempty" jsonschema:"minimum=0,maximum=2" jsonschema_description:"How freely to pick tokens; 0 picks the likeliest."`
	TopP              *float64           `json:"top_p,omitempty" jsonschema:"minimum=0,maximum=1" jsonschema_description:"Pick among the likeliest that together reach this probability."`
	TopK              *int               `json:"top_k,omitempty" jsonschema:"minimum=-1" jsonschema_description:"Pick among so many of the likeliest; 0 and -1 are off."`
	MinP              *float64           `json:"min_p,omitempty" jsonschema:"minimum=0,maximum=1" jsonschema_description:"Pick among those at least so likely as the likeliest times this."`
	Seed              *int64             `json:"seed,omitempty" jsonschema_description:"Repeats an answer."`
	RandomSeed        *int64             `json:"random_seed,omitempty" jsonschema_description:"Mistral's name of seed."`
	MaxTokens         *int               `json:"max_tokens,omitempty" jsonschema:"minimum=1" jsonschema_description:"Longest answer in tokens."`
	MinTokens         *int               `json:"min_tokens,omitempty" jsonschema:"minimum=0" jsonschema_description:"The answer does not end before so many tokens."`
	IgnoreEOS         bool               `json:"ignore_eos,omitempty" jsonschema_description:"The model cannot end the answer."`
	Stop              texts              `json:"stop,omitempty" jsonschema_description:"Texts that end the answer and are not part of it."`
	N                 *int               `json:"n,omitempty" jsonschema:"minimum=1,maximum=32" jsonschema_description:"How many answers; the seed grows by one for each."`
	PresencePenalty   *float64           `json:"presence_penalty,omitempty" jsonschema:"minimum=-2,maximum=2" jsonschema_description:"Taken from the logit of tokens that the answer has."`
	FrequencyPenalty  *float64           `json:"frequency_penalty,omitempty" jsonschema:"minimum=-2,maximum=2" jsonschema_description:"Taken from the logit of a token for each time that the answer has it."`
	RepetitionPenalty *float64           `json:"repetition_penalty,omitempty" jsonschema:"minimum=0.01,maximum=10" jsonschema_description:"Weakens tokens of prompt and answer; 1 is off."`
	LogitBias         map[string]float64 `json:"logit_bias,omitempty" jsonschema_description:"Added to the logits of tokens, -100 to 100, by their ids."`
	Stream            bool               `json:"stream,omitempty" jsonschema_description:"Send the answer as it comes, as server-sent events."`
	StreamOptions     *streamOptions     `json:"stream_options,omitempty"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage,omitempty" jsonschema_description:"End the stream with a chunk of the usage and no choices."`
}

// texts is a string or a list of strings.
type texts []string

func (t *texts) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		if string(data) != "null" {
			*t = texts{one}
		}
		return nil
	}
	var list []string
	if err := json.Unmarshal(data, &list); err != nil {
		return bad("stop", "`stop` must be a string or a list of strings.")
	}
	*t = list
	return nil
}

const (
	mostChoices   = 32
	mostStops     = 64
	mostStopBytes = 1 << 10
	mostTop       = 20 // log-probabilities of others, as OpenAI has it
)

// A within is a number of a request and where it may lie.
type within struct {
	name     string
	value    *float64
	min, max float64
}

func float(v *int) *float64 {
	if v == nil {
		return nil
	}
	f := float64(*v)
	return &f
}

// check reports the first number out of its range.
func (p *sampling) check() error {
	for _, w := range []within{
		{"temperature", p.Temperature, 0, 2}, {"top_p", p.TopP, 0, 1}, {"top_k", float(p.TopK), -1, 1 << 30}, {"min_p", p.MinP, 0, 1},
		{"max_tokens", float(p.MaxTokens), 1, 1 << 30}, {"min_tokens", float(p.MinTokens), 0, 1 << 30}, {"n", float(p.N), 1, mostChoices},
		{"presence_penalty", p.PresencePenalty, -2, 2}, {"frequency_penalty", p.FrequencyPenalty, -2, 2},
		{"repetition_penalty", p.RepetitionPenalty, 0.01, 10},
	} {
		if v := w.value; v != nil && !(*v >= w.min && *v <= w.max) {
			if w.max == 1<<30 {
				return bad(w.name, "`%s` is %v; it must be %v or more.", w.name, *v, w.min)
			}
			return bad(w.name, "`%s` is %v; it must be %v to %v.", w.name, *v, w.min, w.max)
		}
	}
	if len(p.Stop) > mostStops {
		return bad("stop", "`stop` has %d texts; it may have %d.", len(p.Stop), mostStops)
	}
	for _, stop := range p.Stop {
		if stop == "" || len(stop) > mostStopBytes {
			return bad("stop", "A text of `stop` has %d bytes; it may have 1 to %d.", len(stop), mostStopBytes)
		}
	}
	if p.StreamOptions != nil && !p.Stream {
		return bad("stream_options", "`stream_options` are for `stream: true` only.")
	}
	return nil
}

// sampler returns how the engine is to pick tokens: what the request says, and
// the server's own for the rest.
func (p *sampling) sampler(own model.Sampler, vocab int) (model.Sampler, error) {
	s := own
	if p.Temperature != nil {
		s.Temperature = *p.Temperature
	}
	if p.TopP != nil {
		s.TopP = max(*p.TopP, 1e-9) // 0 keeps only the likeliest; to the sampler it would mean off
	}
	if p.TopK != nil {
		s.TopK = max(*p.TopK, 0)
	}
	if p.MinP != nil {
		s.MinP = *p.MinP
	}
	s.PresencePenalty, s.FrequencyPenalty = or(p.PresencePenalty, 0), or(p.FrequencyPenalty, 0)
	s.RepetitionPenalty = or(p.RepetitionPenalty, 0)
	switch {
	case p.Seed != nil:
		s.Seed = uint64(*p.Seed)
	case p.RandomSeed != nil:
		s.Seed = uint64(*p.RandomSeed)
	default:
		s.Seed = uint64(rand.Uint32())
	}
	for id, bias := range p.LogitBias {
		tok, err := strconv.Atoi(id)
		if err != nil || tok < 0 || tok >= vocab {
			return s, bad("logit_bias", "`logit_bias` names the token %s; tokens are numbers from 0 to %d.", quote(id), vocab-1)
		}
		if !(bias >= -100 && bias <= 100) {
			return s, bad("logit_bias", "`logit_bias` gives token %d a bias of %v; it must be -100 to 100.", tok, bias)
		}
		if s.LogitBias == nil {
			s.LogitBias = map[tokenizer.Token]float64{}
		}
		s.LogitBias[tokenizer.Token(tok)] = bias
	}
	return s, s.Check()
}

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// request returns what the engine is asked, but for its prompt and its masker.
func (p *sampling) request(s *Server) (engine.Request, error) {
	if err := p.check(); err != nil {
		return engine.Request{}, err
	}
	sampler, err := p.sampler(s.o.Sampler, s.facts.tokenizer.VocabSize())
	if err != nil {
		var api *apiError
		if !errors.As(err, &api) {
			err = bad("", "The request asks for %v.", err)
		}
		return engine.Request{}, err
	}
	return engine.Request{Sampler: sampler, MaxTokens: or(p.MaxTokens, 0), Stop: p.Stop, TopLogProbs: -1}, nil
}

// accepted are fields that change nothing here, whatever they hold: they are for
// the bookkeeping of others, or say what is done anyway.
var accepted = []string{
	"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "verbosity",
	"add_generation_prompt", "add_special_tokens", "skip_special_tokens", "spaces_between_special_tokens", "include_stop_str_in_output",
	"priority", "request_id", "prompt_mode", "stream_interval", "cache_prompt", "return_progress", "chat_template_kwargs",
}

// refused are fields that would change the answer and cannot be honoured.
var refused = map[string]string{
	"functions":                   "use `tools`",
	"function_call":               "use `tool_choice`",
	"audio":                       "the model does not speak",
	"prediction":                  "predicted outputs are not offered",
	"web_search_options":          "the model cannot search the web",
	"best_of":                     "use `n`",
	"use_beam_search":             "there is no beam search",
	"length_penalty":              "there is no beam search",
	"suffix":                      "filling in the middle is not offered",
	"prompt_logprobs":             "log-probabilities of the prompt are not offered",
	"chat_template":               "the model has one way to write conversations",
	"documents":                   "put documents into the messages",
	"guided_grammar":              "use `response_format` or `guided_regex`",
	"bad_words":                   "use `logit_bias`",
	"allowed_token_ids":           "use `logit_bias`",
	"truncate_prompt_tokens":      "prompts are not cut",
	"truncate_for_context_length": "prompts are not cut",
}

// receive is decode that answers for the fields that the API does not have.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, v any) (body []byte, err error) {
	body, unknown, err := s.decode(w, r, v)
	if err != nil {
		return nil, err
	}
	return body, s.others(w, r, body, unknown)
}

// others looks at the fields that a request has and the API does not. Those that
// would change the answer are refused, as OpenAI does; the rest is left out and
// named in a header and the log, as vLLM does.
func (s *Server) others(w http.ResponseWriter, r *http.Request, body []byte, unknown []string) error {
	slices.Sort(unknown)
	var all map[string]json.RawMessage
	if len(unknown) > 0 {
		_ = json.Unmarshal(body, &all) // it was read before
	}
	var left []string
	for _, name := range unknown {
		reason, known := refused[name]
		switch {
		case known && !empty(all[name]):
			return bad(name, "%s is not supported: %s.", quote(name), reason)
		case !known && !slices.Contains(accepted, name):
			left = append(left, printable(name))
		}
	}
	if left = left[:min(len(left), 16)]; len(left) > 0 {
		w.Header().Set("X-Ignored-Fields", strings.Join(left, ", "))
		entryOf(r).note("ignored", strings.Join(left, ", "))
	}
	return nil
}

// empty reports whether a value says nothing.
func empty(raw json.RawMessage) bool {
	return slices.Contains([]string{"", "null", "false", "[]", "{}", `""`, "0"}, string(raw))
}

// printable cuts a name down to what may stand in a header.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == ',' {
			return '?'
		}
		return r
	}, shorten(name)[:min(len(shorten(name)), 40)])
}
