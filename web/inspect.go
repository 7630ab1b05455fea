package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
	"pixtral-wgpu/web/inspect"
)

// inspectRoutes are those that look into answers. All of them compute between
// the steps of the engine; nothing does until one is asked.
func inspectRoutes() []route {
	return []route{
		{"POST", "/inspect", "Open an inspection: a conversation, and the answer to follow or tokens to generate", false, (*Server).inspectOpen, inspectRequest{}, inspection{}},
		{"POST", "/inspect/image", "What the model will see of an image, and what it costs", false, (*Server).inspectImage, sightRequest{}, sight{}},
		{"GET", "/inspect/{id}", "The inspection as it stands", false, (*Server).inspectGet, nil, inspection{}},
		{"DELETE", "/inspect/{id}", "Put the inspection away", false, (*Server).inspectDrop, nil, nil},
		{"POST", "/inspect/{id}/step", "Generate tokens, or append one that is given", false, (*Server).inspectStep, stepRequest{}, inspection{}},
		{"GET", "/inspect/{id}/stats", "Norm and largest magnitude of the residual stream, a row a value", false, (*Server).inspectStats, nil, stats{}},
		{"GET", "/inspect/{id}/attention", "Attention rows: positions=61-64, heads=each|mean|max, layers=0,3", false, (*Server).inspectAttention, nil, attention{}},
		{"GET", "/inspect/{id}/rollout", "Attention rollout: positions=61-64; image=0 for the encoder's, patch by patch", false, (*Server).inspectRollout, nil, attention{}},
		{"GET", "/inspect/{id}/patch", "Attention of a patch in the image encoder: image=0, patch=12, heads, layers", false, (*Server).inspectPatch, nil, attention{}},
		{"GET", "/inspect/{id}/lens", "Logit lens: position=61, top=5; or image=0, layer=3 for each patch", false, (*Server).inspectLens, nil, lensed{}},
		{"GET", "/inspect/{id}/timeline", "Kernels of a token by the GPU's clock, with per cent of ceiling", false, (*Server).inspectTimeline, nil, timeline{}},
		{"POST", "/inspect/{id}/hide", "Hide a region of an image, score the answer again and ask again", false, (*Server).inspectHide, hideRequest{}, hidden{}},
	}
}

// An inspectRequest is a chat request, and what of its answer is known.
type inspectRequest struct {
	chatRequest
	Answer       *string           `json:"answer,omitempty" jsonschema_description:"The answer to follow, as text."`
	AnswerTokens []tokenizer.Token `json:"answer_tokens,omitempty" jsonschema_description:"Or as the tokens that were generated."`
	Steps        *int              `json:"steps,omitempty" jsonschema:"minimum=0,maximum=256" jsonschema_description:"Tokens to generate behind it; 0 if left out."`
}

const mostSteps = 256 // that one request may generate

// inspectOpen answers POST /inspect.
func (s *Server) inspectOpen(w http.ResponseWriter, r *http.Request) error {
	req := new(inspectRequest)
	body, err := s.receive(w, r, req)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.o.Timeout)
	defer cancel()
	a, err := s.prepare(ctx, body, &req.chatRequest)
	if err != nil {
		return err
	}
	ask := inspect.Ask{Prompt: a.Prompt, Answer: req.AnswerTokens, Steps: or(req.Steps, 0), Sample: a.Sampler}
	switch {
	case ask.Steps < 0 || ask.Steps > mostSteps:
		return bad("steps", "`steps` is %d; it must be 0 to %d.", ask.Steps, mostSteps)
	case req.Answer != nil && req.AnswerTokens != nil:
		return bad("answer", "The request has both `answer` and `answer_tokens`; one of them is enough.")
	case req.Answer != nil:
		ask.Answer = s.facts.tokenizer.Encode(*req.Answer)
	}
	for _, tok := range ask.Answer {
		if tok < 0 || int(tok) >= s.facts.config.VocabSize {
			return bad("answer_tokens", "Token %d is outside the vocabulary of %d.", tok, s.facts.config.VocabSize)
		}
	}
	i, err := s.inspections.Open(ctx, ask)
	if err != nil {
		return inspectError(err)
	}
	writeJSON(w, http.StatusOK, s.inspection(i))
	return nil
}

// inspected finds the inspection that a request speaks of.
func (s *Server) inspected(r *http.Request) (*inspect.Inspection, error) {
	i, err := s.inspections.Get(r.PathValue("id"))
	return i, inspectError(err)
}

// inspectError puts what the inspections say into the API's shape.
func inspectError(err error) error {
	var fault *inspect.Fault
	switch {
	case err == nil:
		return nil
	case errors.Is(err, inspect.ErrGone):
		return &apiError{Status: http.StatusNotFound, Type: notFound, Code: "inspection_gone", Message: "The inspection is gone: it was put away for newer ones, or the GPU was lost. Open it again."}
	case errors.As(err, &fault):
		return bad("", "%s%s.", strings.ToUpper(fault.Message[:1]), fault.Message[1:])
	}
	return err
}

func (s *Server) inspectGet(w http.ResponseWriter, r *http.Request) error {
	i, err := s.inspected(r)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, s.inspection(i))
	return nil
}

func (s *Server) inspectDrop(w http.ResponseWriter, r *http.Request) error {
	if err := s.inspections.Drop(r.PathValue("id")); err != nil {
		return inspectError(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// A stepRequest asks for tokens behind those there are.
type stepRequest struct {
	Steps *int             `json:"steps,omitempty" jsonschema:"minimum=1,maximum=256" jsonschema_description:"Tokens to generate; 1 if left out."`
	Token *tokenizer.Token `json:"token,omitempty" jsonschema_description:"Append this token, whatever the model would have chosen."`
}

func (s *Server) inspectStep(w http.ResponseWriter, r *http.Request) error {
	i, err := s.inspected(r)
	if err != nil {
		return err
	}
	req := new(stepRequest)
	if _, _, err := s.decode(w, r, req); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.o.Timeout)
	defer cancel()
	switch steps := or(req.Steps, 1); {
	case steps < 1 || steps > mostSteps:
		return bad("steps", "`steps` is %d; it must be 1 to %d.", steps, mostSteps)
	case req.Token != nil:
		err = i.Force(ctx, *req.Token)
	default:
		err = i.Step(ctx, steps)
	}
	if err != nil {
		return inspectError(err)
	}
	writeJSON(w, http.StatusOK, s.inspection(i))
	return nil
}

func (s *Server) inspectAttention(w http.ResponseWriter, r *http.Request) error {
	i, err := s.inspected(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	positions, layers, fold := q.positions(i), q.layers(s.facts.config.Layers), q.fold()
	if q.err != nil {
		return q.err
	}
	out := attention{Heads: foldNames[fold]}
	for _, p := range positions {
		v, err := i.Attention(r.Context(), p, layers, fold)
		if err != nil {
			return inspectError(err)
		}
		if err := out.add(v); err != nil {
			return err
		}
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func (s *Server) inspectPatch(w http.ResponseWriter, r *http.Request) error {
	i, err := s.inspected(r)
	if err != nil {
		return err
	}
	if s.facts.config.VisionEncoder == nil {
		return bad("image", "The model reads text only.")
	}
	q := queryOf(r)
	img, patch, layers, fold := q.number("image", 0), q.number("patch", 0), q.layers(s.facts.config.VisionEncoder.Layers), q.fold()
	if q.err != nil {
		return q.err
	}
	v, err := i.Patch(r.Context(), img, patch, layers, fold)
	if err != nil {
		return inspectError(err)
	}
	out := attention{Heads: foldNames[fold]}
	if err := out.add(v); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func (s *Server) inspectRollout(w http.ResponseWriter, r *http.Request) error {
	i, err := s.inspected(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	positions, img := q.positions(i), q.number("image", -1)
	if q.err != nil {
		return q.err
	}
	out := attention{Heads: "mean"}
	var o *model.Rollout
	if img >= 0 {
		if o, err = i.RolloutImage(r.Context(), img); err == nil {
			positions = nil
			for p := range o.Keys {
				positions = append(positions, p)
			}
		}
	} else {
		o, err = i.Rollout(r.Context())
	}
	if err != nil {
		return inspectError(err)
	}
	for _, p := range positions {
		if p < o.From || p >= o.Keys {
			return bad("positions", "Position %d has no rollout; those from %d to %d do.", p, o.From, o.Keys-1)
		}
		if err := out.addRollout(o, p, img >= 0); err != nil {
			return err
		}
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func (s *Server) inspectLens(w http.ResponseWriter, r *http.Request) error {
	i, err := s.inspected(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	position, img := q.number("position", -1), q.number("image", -1)
	layer, top := q.number("layer", s.facts.config.Layers-1), q.number("top", 5)
	if q.err != nil {
		return q.err
	}
	if top < 1 || top > mostTop {
		return bad("top", "`top` is %d; it must be 1 to %d.", top, mostTop)
	}
	var rows [][]model.LogProb
	if img >= 0 {
		rows, err = i.LensImage(r.Context(), img, layer)
	} else {
		rows, err = i.Lens(r.Context(), position, top)
	}
	if err != nil {
		return inspectError(err)
	}
	out := lensed{}
	for _, row := range rows {
		out.Rows = append(out.Rows, s.guesses(row))
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func (s *Server) inspectTimeline(w http.ResponseWriter, r *http.Request) error {
	i, err := s.inspected(r)
	if err != nil {
		return err
	}
	kernels, rates, err := i.Timeline(r.Context())
	if err != nil {
		return inspectError(err)
	}
	writeJSON(w, http.StatusOK, timelineOf(kernels, rates))
	return nil
}

func (s *Server) inspectStats(w http.ResponseWriter, r *http.Request) error {
	i, err := s.inspected(r)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, statsOf(i.State().Stats))
	return nil
}

func (s *Server) inspectHide(w http.ResponseWriter, r *http.Request) error {
	i, err := s.inspected(r)
	if err != nil {
		return err
	}
	req := new(hideRequest)
	if _, _, err := s.decode(w, r, req); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.o.Timeout)
	defer cancel()
	h, err := i.Hide(ctx, req.Image, req.region())
	if err != nil {
		return inspectError(err)
	}
	writeJSON(w, http.StatusOK, s.hidden(h))
	return nil
}
