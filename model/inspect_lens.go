package model

import (
	"context"
	"fmt"

	"pixtral-wgpu/gpu/ops"
)

// Lens reads rows of the residual stream, [n, dim], as if they had come out of
// the last layer: final norm, output matrix, and of each row the so many
// likeliest tokens (the logit lens). Of rows between layers it says what the
// model could already tell, and it is known to underrate image patches, whose
// rows need not look like words (arXiv:2602.00462).
func (p *Pixtral) Lens(ctx context.Context, rows []float32, top int) ([][]LogProb, error) {
	dim := p.Config.Dim
	n := len(rows) / dim
	if n == 0 || len(rows) != n*dim || top < 1 {
		return nil, fmt.Errorf("model: a lens over %d values for the %d likeliest; rows have %d", len(rows), top, dim)
	}
	a := &arena{dev: p.dev}
	defer a.free()
	batch := min(n, headRows)
	x, norm, logits := a.new("lens", batch, dim), a.new("norm", batch, dim), a.new("logits", batch, p.Config.VocabSize)
	if a.err != nil {
		return nil, a.err
	}
	var list [][]LogProb
	for from := 0; from < n; from += batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m := min(batch, n-from)
		if err := p.dev.WriteFloats(x.Rows(m), rows[from*dim:(from+m)*dim]); err != nil {
			return nil, err
		}
		r := p.dev.Record()
		ops.RMSNorm(r, norm.Rows(m), x.Rows(m), p.w.norm, p.Config.NormEps)
		ops.Linear(r, logits.Rows(m), norm.Rows(m), p.w.output)
		if err := r.Submit(); err != nil {
			return nil, err
		}
		data, err := p.dev.Floats(logits.Rows(m))
		if err != nil {
			return nil, err
		}
		for i := range m {
			_, guesses := LogProbs(data[i*p.Config.VocabSize:(i+1)*p.Config.VocabSize], 0, top)
			list = append(list, guesses)
		}
	}
	return list, nil
}

// Residuals runs a prompt in a session of its own and returns the residual
// stream after a layer, [tokens, dim]; layer -1 is what goes into the first.
func (p *Pixtral) Residuals(ctx context.Context, prompt Prompt, layer int) ([]float32, error) {
	if layer < -1 || layer >= p.Config.Layers {
		return nil, fmt.Errorf("model: layer %d is not one of %d", layer, p.Config.Layers)
	}
	s, err := p.NewSession(SessionOptions{Context: len(prompt.Tokens) + 1})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	name := "embeddings"
	if layer >= 0 {
		name = fmt.Sprintf("layers.%d", layer)
	}
	values := &Values{}
	s.Tap = values.Tap(func(n string) bool { return n == name })
	if err := s.Sync(ctx, prompt); err != nil {
		return nil, err
	}
	return values.ByName[name].Data, nil
}
