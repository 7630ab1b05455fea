package tokenizer

import "fmt"

// EncodeChat returns the prompt for a conversation, ready for the assistant to
// go on. grids[i] is the size of the i-th of chat.Images. A conversation that
// cannot be encoded gives a *ValidationError with the words of mistral-common.
//
// Follows mistral_common 1.11.7: MistralRequestValidatorV3,
// InstructRequestNormalizer and InstructTokenizerV3; spec §7.
func (t *Tekken) EncodeChat(chat *Chat, grids []Grid) ([]Token, error) {
	if t.noChat != nil {
		return nil, t.noChat
	}
	if err := chat.validate(); err != nil {
		return nil, err
	}
	if err := t.checkGrids(len(chat.Images()), grids); err != nil {
		return nil, err
	}
	system, turns := normalize(chat.Messages)
	e := &encoder{Tekken: t, grids: grids, tokens: []Token{t.Control.BOS}}
	lastUser := -1
	for i, turn := range turns {
		if turn.role == RoleUser {
			lastUser = i
		}
	}
	for i, turn := range turns {
		resume := chat.ContinueFinal && i == len(turns)-1
		if resume && turn.role != RoleAssistant {
			return nil, invalid(InvalidMessageStructure, "Cannot continue final message if it is not an assistant message")
		}
		var err error
		switch turn.role {
		case RoleUser:
			if i == lastUser {
				if err = e.tools(chat.Tools); err == nil {
					e.user(turn, system)
				}
			} else {
				e.user(turn, "")
			}
		case RoleAssistant:
			err = e.assistant(turn, resume)
		case RoleTool:
			err = e.toolResult(turn)
		}
		if err != nil {
			return nil, err
		}
	}
	return e.tokens, nil
}

// EncodePrompt returns the prompt for a text that the model is to go on with:
// BOS and the text, without a conversation around it.
func (t *Tekken) EncodePrompt(text string) []Token {
	return append([]Token{t.Control.BOS}, t.Encode(text)...)
}

// EncodeFIM returns the prompt to fill in the middle between prompt and suffix.
func (t *Tekken) EncodeFIM(prompt, suffix string) []Token {
	tokens := []Token{t.Control.BOS, t.Control.Suffix}
	if suffix != "" {
		// The smiley stands in front for the sake of tokenizers that put a space
		// there; mistral_common cuts it off as two tokens, whatever it took.
		after := t.Encode("☺" + suffix)
		tokens = append(tokens, after[min(2, len(after)):]...)
	}
	tokens = append(tokens, t.Control.Prefix)
	return append(tokens, t.Encode(prompt)...)
}

// ImageTokens returns the place of an image in the prompt: for each row its
// patches and a break, the last break being the end.
func (t *Tekken) ImageTokens(g Grid) []Token { return t.appendImage(nil, g) }

func (t *Tekken) appendImage(tokens []Token, g Grid) []Token {
	for row := range g.Rows {
		for range g.Cols {
			tokens = append(tokens, t.Control.Image)
		}
		if row < g.Rows-1 {
			tokens = append(tokens, t.Control.ImageBreak)
		}
	}
	return append(tokens, t.Control.ImageEnd)
}

func (t *Tekken) checkGrids(images int, grids []Grid) error {
	if images != len(grids) {
		return fmt.Errorf("tokenizer: chat: %d images in the conversation, but %d grids", images, len(grids))
	}
	if images > 0 && t.Image == (ImageConfig{}) {
		return fmt.Errorf("tokenizer: chat: %d images, but the vocabulary is of a model without any", images)
	}
	for i, g := range grids {
		if g.Cols < 1 || g.Rows < 1 {
			return fmt.Errorf("tokenizer: chat: image %d is of %d×%d tokens: too long and thin", i, g.Cols, g.Rows)
		}
	}
	return nil
}

// An encoder writes the turns of one conversation.
type encoder struct {
	*Tekken
	tokens []Token
	grids  []Grid // of the images yet to come
}

func (e *encoder) put(tok Token)    { e.tokens = append(e.tokens, tok) }
func (e *encoder) text(text string) { e.tokens = append(e.tokens, e.Encode(text)...) }

// tools writes what the assistant may call, right before the last question.
func (e *encoder) tools(tools []Tool) error {
	if len(tools) == 0 {
		return nil
	}
	json, err := dumpTools(tools)
	if err != nil {
		return err
	}
	e.put(e.Control.AvailableTools)
	e.text(json)
	e.put(e.Control.EndAvailableTools)
	return nil
}

// user writes a question. The system prompt, if it goes with this one, is
// tokenized together with a text, but apart from text between images.
func (e *encoder) user(turn turn, system string) {
	e.put(e.Control.Inst)
	if system != "" {
		system += "\n\n"
	}
	if text, ok := turn.text(); ok {
		e.text(system + text)
	} else {
		e.text(system)
		for _, p := range imageFirst(turn.parts) {
			if p.IsImage() {
				e.tokens = e.appendImage(e.tokens, e.grids[0])
				e.grids = e.grids[1:]
			} else {
				e.text(p.Text)
			}
		}
	}
	e.put(e.Control.EndInst)
}

// imageFirst moves an image that follows nothing but text to the front, as in
// training. mistral_common instruct.py, _maybe_put_image_first.
func imageFirst(parts []Part) []Part {
	last := len(parts) - 1
	for i, p := range parts {
		if p.IsImage() != (i == last) {
			return parts
		}
	}
	return append([]Part{parts[last]}, parts[:last]...)
}

// assistant writes an answer, without its end if it is to be continued.
func (e *encoder) assistant(turn turn, resume bool) error {
	text, _ := turn.text()
	switch {
	case len(turn.calls) > 0 && text != "":
		return invalid(ValueError, "Cannot have tool calls and content defined in the same assistant message")
	case resume && turn.prefix:
		return invalid(InvalidAssistantMessage,
			"`continue_message` is only supported for assistant messages that have `prefix=False`.")
	case len(turn.calls) > 0:
		json, err := dumpCalls(turn.calls)
		if err != nil {
			return err
		}
		e.put(e.Control.ToolCalls)
		e.text(json)
	case text != "":
		e.text(trimSpaces(text))
	default:
		return invalid(TokenizerException, "Invalid assistant message: ")
	}
	if !turn.prefix && !resume {
		e.put(e.Control.EOS)
	}
	return nil
}

func (e *encoder) toolResult(turn turn) error {
	text, _ := turn.text()
	json, err := dumpResult(text, turn.callID)
	if err != nil {
		return err
	}
	e.put(e.Control.ToolResults)
	e.text(json)
	e.put(e.Control.EndToolResults)
	return nil
}
