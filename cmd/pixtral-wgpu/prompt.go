package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// placeholder is where a question wants an image.
const placeholder = "{image}"

// promptFlags are what a model is asked.
type promptFlags struct {
	imageFlags
	images         []string
	system, tokens string
}

func (f *promptFlags) add(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.images, "image", nil, "an image: `file`, URL, data URI, or - for standard input; may be repeated")
	fs.StringVar(&f.system, "system", "", "system prompt, a `text`")
	fs.StringVar(&f.tokens, "tokens", "", "`file` with the whole prompt as a JSON array of token ids, those of images included")
	f.imageFlags.add(fs)
}

// An ask is a prompt as the command line gives it: images and a question, or
// images and tokens.
type ask struct {
	images   []string
	question string
}

// parse sorts the arguments: the last is the question, unless the tokens are
// in a file; all others are images.
func (f *promptFlags) parse(cmd *cobra.Command, args []string) (a ask, err error) {
	a.images = append(a.images, f.images...)
	if f.tokens != "" {
		if f.system != "" {
			return a, misuse("--system and --tokens exclude each other: the tokens are the whole prompt")
		}
		a.images = append(a.images, args...)
		return a, nil
	}
	if len(args) > 0 {
		last := len(args) - 1
		a.images, a.question = append(a.images, args[:last]...), args[last]
	}
	if strings.TrimSpace(a.question) == "" {
		return a, misuse(`the question is missing; for example: %s cat.jpg "What is this?"`, cmd.CommandPath())
	}
	if a.question == "-" || isFile(a.question) {
		return a, misuse(`the question is missing: it is the last argument, and %q is an image; for example: %s %[1]s "What is this?"`, a.question, cmd.CommandPath())
	}
	if word := bareWord(args[:len(args)-1]); word != "" {
		return a, misuse("there is no image %q; put the question in quotes", word)
	}
	if places := strings.Count(a.question, placeholder); places > 0 && places != len(a.images) {
		return a, misuse("the question has a place for %s (%s), but %s given", plural(places, "image"), placeholder, was(len(a.images)))
	}
	return a, nil
}

// bareWord returns an argument that is no image but a word of a question that
// the shell took apart.
func bareWord(args []string) string {
	for _, arg := range args {
		if arg != "-" && !strings.ContainsAny(arg, `./\:`) && !isFile(arg) {
			return arg
		}
	}
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

func was(images int) string {
	if images == 1 {
		return "1 is"
	}
	return fmt.Sprintf("%d are", images)
}

// plural returns a number and its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// parts lays the images out in the question: where it wants them, else first.
func (a ask) parts() []tokenizer.Part {
	if !strings.Contains(a.question, placeholder) {
		return append(a.imageParts(), tokenizer.Text(a.question))
	}
	var parts []tokenizer.Part
	for i, text := range strings.Split(a.question, placeholder) {
		if i > 0 {
			parts = append(parts, tokenizer.Image(a.images[i-1]))
		}
		if text != "" {
			parts = append(parts, tokenizer.Text(text))
		}
	}
	return parts
}

func (a ask) imageParts() (parts []tokenizer.Part) {
	for _, source := range a.images {
		parts = append(parts, tokenizer.Image(source))
	}
	return parts
}

// chat is the conversation that asks for an answer.
func (a ask) chat(model, system string) *tokenizer.Chat {
	chat := &tokenizer.Chat{Model: model}
	if system != "" {
		chat.Messages = append(chat.Messages, tokenizer.SystemMessage(system))
	}
	chat.Messages = append(chat.Messages, tokenizer.UserMessage(a.parts()...))
	return chat
}

// prompt reads the images and makes the prompt for a model.
func (f *promptFlags) prompt(cmd *cobra.Command, a ask, c *model.Checkpoint) (model.Prompt, error) {
	if c.Tokenizer == nil && f.tokens == "" {
		return model.Prompt{}, fmt.Errorf("model %s has no tekken.json, which a question needs; put Mistral's into its directory, or use --tokens", c.Name)
	}
	camera := f.camera(cmd)
	var images []*pixels.Patches
	if len(a.images) > 0 {
		l, err := lensOf(c.Name, c.Config, c.Tokenizer)
		if err != nil {
			return model.Prompt{}, err
		}
		if images, err = camera.takeAll(a.images, l); err != nil {
			return model.Prompt{}, err
		}
	}
	if f.tokens != "" {
		tokens, err := readTokens(&camera.reader, f.tokens)
		return model.Prompt{Tokens: tokens, Images: images}, err
	}
	tokens, err := c.Tokenizer.EncodeChat(a.chat(c.Name, f.system), grids(images))
	return model.Prompt{Tokens: tokens, Images: images}, err
}

func grids(images []*pixels.Patches) []tokenizer.Grid {
	list := make([]tokenizer.Grid, len(images))
	for i, img := range images {
		list[i] = img.Grid
	}
	return list
}

// readTokens reads a file of tokens.
func readTokens(r *reader, source string) ([]tokenizer.Token, error) {
	data, err := r.read(source)
	if err == nil {
		var tokens []tokenizer.Token
		if tokens, err = parseTokens(data); err == nil {
			return tokens, nil
		}
	}
	return nil, fmt.Errorf("tokens %s: %w", source, err)
}

// parseTokens reads a JSON array of ids, or an object that has it as "tokens",
// which is what tokenize and run --json print.
func parseTokens(data []byte) (tokens []tokenizer.Token, err error) {
	if err = json.Unmarshal(data, &tokens); err == nil {
		return tokens, nil
	}
	var object struct {
		Tokens []tokenizer.Token `json:"tokens"`
	}
	if json.Unmarshal(data, &object) == nil && object.Tokens != nil {
		return object.Tokens, nil
	}
	return nil, fmt.Errorf("not a JSON array of token ids: %w", err)
}
