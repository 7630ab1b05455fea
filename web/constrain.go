package web

import (
	"pixtral-wgpu/tokenizer"
)

// grammars are those in use.
type grammars struct{}

func newGrammars(tokenizer.Tokenizer) *grammars { return &grammars{} }

// constrain sets what the answer may be.
func (s *Server) constrain(a *asked, req *chatRequest, chat *tokenizer.Chat) error {
	s.bound(a, &req.sampling)
	return nil
}

// bound sets when the answer may end.
func (s *Server) bound(a *asked, p *sampling) {}
