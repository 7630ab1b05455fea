package tokenizer

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// EncodeChat returns the prompt for a conversation, ready for the assistant to
// go on, in the form of the model's chat template if that is a known one:
// ChatML, Llama 3's, or none, where a single message is taken as a plain
// prompt. There are no images and no tools in these forms.
//
// What is checked is what Tekken.EncodeChat checks, with the same errors.
func (b *BPE) EncodeChat(chat *Chat, grids []Grid) ([]Token, error) {
	if err := chat.validate(); err != nil {
		return nil, err
	}
	if len(grids) > 0 || len(chat.Images()) > 0 {
		return nil, errors.New("tokenizer: chat: images, but the vocabulary is of a model without any")
	}
	says, err := speeches(chat)
	if err != nil {
		return nil, err
	}
	c := &bpeChat{BPE: b}
	switch b.template.family {
	case plain:
		if len(says) > 1 || says[0].role != RoleUser {
			return nil, errors.New("tokenizer: chat: the model has no chat template; only a single message of the user can be completed")
		}
		return b.EncodePrompt(says[0].text), nil
	case chatML:
		c.chatML(says)
	case llama3:
		c.llama3(says)
	default:
		return nil, errTemplate
	}
	return c.tokens, nil
}

// A speech is a message reduced to what these forms have.
type speech struct {
	role Role
	text string
	open bool // the assistant is to go on with it
}

// speeches returns the messages of a conversation one by one. Texts of a
// message that stand apart are put on lines of their own.
func speeches(chat *Chat) ([]speech, error) {
	if len(chat.Tools) > 0 {
		return nil, errors.New("tokenizer: chat: tools, but the model's chat template is not known to have any")
	}
	var says []speech
	for i, m := range chat.Messages {
		if m.Role == RoleTool || len(m.ToolCalls) > 0 {
			return nil, fmt.Errorf("tokenizer: chat: messages[%d] is of tools, which the model's chat template is not known to have", i)
		}
		var texts []string
		for _, p := range m.Parts {
			texts = append(texts, p.Text)
		}
		last := i == len(chat.Messages)-1
		says = append(says, speech{m.Role, strings.Join(texts, "\n"), m.Prefix || chat.ContinueFinal && last})
	}
	return says, nil
}

// A bpeChat writes a conversation. What stands between two special tokens is
// encoded as one text.
type bpeChat struct {
	*BPE
	tokens []Token
}

func (c *bpeChat) special(name string) { c.tokens = append(c.tokens, c.specials[name]) }
func (c *bpeChat) text(text string)    { c.tokens = append(c.tokens, c.Encode(text)...) }

// chatML writes <|im_start|>role\ntext<|im_end|>\n for each message.
// OpenAI's Chat Markup Language, as in the templates of SmolLM2 and Qwen2.
func (c *bpeChat) chatML(says []speech) {
	if c.template.bos && c.bos != noToken {
		c.tokens = append(c.tokens, c.bos)
	}
	if says[0].role != RoleSystem && c.template.system != "" {
		says = append([]speech{{role: RoleSystem, text: c.template.system}}, says...)
	}
	for _, s := range says {
		c.special("<|im_start|>")
		c.text(string(s.role) + "\n" + s.text)
		if s.open {
			return
		}
		c.special("<|im_end|>")
		c.text("\n")
	}
	c.special("<|im_start|>")
	c.text("assistant\n")
}

// llama3 writes <|start_header_id|>role<|end_header_id|>\n\ntext<|eot_id|> for
// each message, the text without the white space around it.
// Meta's llama3 tokenizer.py, ChatFormat.
func (c *bpeChat) llama3(says []speech) {
	if c.bos != noToken {
		c.tokens = append(c.tokens, c.bos)
	}
	if c.template.dated {
		if says[0].role != RoleSystem {
			says = append([]speech{{role: RoleSystem}}, says...)
		}
		says[0].text = dates + strip(says[0].text)
	}
	for i, s := range says {
		if i > 0 || !c.template.dated { // the dates end with line feeds, which stay
			s.text = strip(s.text)
		}
		c.header(s.role, s.text)
		if s.open {
			return
		}
		c.special("<|eot_id|>")
	}
	c.header(RoleAssistant, "")
}

func (c *bpeChat) header(role Role, text string) {
	c.special("<|start_header_id|>")
	c.text(string(role))
	c.special("<|end_header_id|>")
	c.text("\n\n" + text)
}

// strip is Python's str.strip, which counts four control characters as space.
func strip(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || '\x1c' <= r && r <= '\x1f' })
}
