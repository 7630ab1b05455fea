package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

type tokenizeFlags struct {
	vocabularyFlags
	imageFlags
	images []string
	chat   string
}

func newTokenize() *cobra.Command {
	var f tokenizeFlags
	cmd := &cobra.Command{
		Use:   "tokenize [flags] [TEXT...]",
		Short: "Turn text or a conversation into tokens, as JSON",
		Long: `Turn text into tokens, as JSON. The text is the arguments, or else standard
input, and is tokenized as it is: no token is added to it.

With --image, the tokens are those of the whole prompt that run would make of
the images and the text. With --chat they are those of a conversation: a file
with the body of a chat-completion request, whose images are data URIs, base64,
URLs or files. Both together add the images to its last question.`,
		Example: `  pixtral-wgpu tokenize "Hello, world"
  pixtral-wgpu tokenize --image cat.jpg "What is this?"
  pixtral-wgpu tokenize --chat request.json | jq .count`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.vocabularyFlags.add(cmd.Flags())
	cmd.Flags().StringVar(&f.chat, "chat", "", "`file` with the body of a chat-completion request; - for standard input")
	cmd.Flags().StringArrayVar(&f.images, "image", nil, "an image: `file`, URL, data URI, or -; may be repeated")
	f.imageFlags.add(cmd.Flags())
	return cmd
}

// A tokenized is what tokenize prints.
type tokenized struct {
	Tokens []tokenizer.Token `json:"tokens"`
	Pieces []string          `json:"pieces"`
	Count  int               `json:"count"`
	Images []imageTokens     `json:"images,omitempty"`
}

type imageTokens struct {
	Cols   int `json:"cols"`
	Rows   int `json:"rows"`
	Tokens int `json:"tokens"`
}

func (f *tokenizeFlags) run(cmd *cobra.Command, args []string) error {
	if f.chat != "" && len(args) > 0 {
		return misuse("--chat has the text already; %q is too much", args[0])
	}
	t, name, err := f.vocabularyFlags.open(cmd)
	if err != nil {
		return err
	}
	camera := f.camera(cmd)
	out := tokenized{}
	if f.chat == "" && len(f.images) == 0 {
		text, err := argument(&camera.reader, args)
		if err != nil {
			return err
		}
		out.Tokens = t.Encode(text)
	} else if out.Tokens, out.Images, err = f.converse(camera, t, name, args); err != nil {
		return err
	}
	out.Count = len(out.Tokens)
	out.Tokens = append([]tokenizer.Token{}, out.Tokens...) // [] and not null for no text
	out.Pieces = make([]string, len(out.Tokens))
	for i, tok := range out.Tokens {
		out.Pieces[i] = t.Name(tok)
	}
	return encode(cmd, out)
}

// encode prints v as a line of JSON, with <s> and not \u003cs\u003e.
func encode(cmd *cobra.Command, v any) error {
	e := json.NewEncoder(cmd.OutOrStdout())
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// argument returns the arguments as one text, or else standard input.
func argument(r *reader, args []string) (string, error) {
	if len(args) > 0 {
		return strings.Join(args, " "), nil
	}
	data, err := r.read("-")
	return string(data), err
}

// converse tokenizes a conversation with images.
func (f *tokenizeFlags) converse(camera *camera, t tokenizer.Tokenizer, name string, args []string) ([]tokenizer.Token, []imageTokens, error) {
	chat, err := f.conversation(&camera.reader, args)
	if err != nil {
		return nil, nil, err
	}
	if chat.Model == "" {
		chat.Model = name
	}
	var images []*pixels.Patches
	if parts := chat.Images(); len(parts) > 0 {
		l, err := lensOfVocabulary(t)
		if err != nil {
			return nil, nil, err
		}
		if images, err = camera.takeParts(parts, l); err != nil {
			return nil, nil, err
		}
	}
	var list []imageTokens
	for _, g := range grids(images) {
		list = append(list, imageTokens{g.Cols, g.Rows, g.Tokens()})
	}
	tokens, err := t.EncodeChat(chat, grids(images))
	return tokens, list, err
}

// conversation returns the chat of --chat, or one of a single question.
func (f *tokenizeFlags) conversation(r *reader, args []string) (*tokenizer.Chat, error) {
	if f.chat == "" {
		text, err := argument(r, args)
		return ask{f.images, text}.chat("", ""), err
	}
	body, err := r.read(f.chat)
	if err != nil {
		return nil, fmt.Errorf("chat %s: %w", f.chat, err)
	}
	chat, err := tokenizer.ParseChat(body)
	if err != nil {
		return nil, fmt.Errorf("chat %s: %w", f.chat, err)
	}
	return chat, addImages(chat, f.images)
}

// addImages puts images before the last question of a chat.
func addImages(chat *tokenizer.Chat, sources []string) error {
	if len(sources) == 0 {
		return nil
	}
	for i, m := range slices.Backward(chat.Messages) {
		if m.Role == tokenizer.RoleUser {
			chat.Messages[i].Parts = append(ask{images: sources}.imageParts(), m.Parts...)
			return nil
		}
	}
	return fmt.Errorf("the chat has no question that the images could go with")
}
