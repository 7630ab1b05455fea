package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"pixtral-wgpu/tokenizer"
)

func newDetokenize() *cobra.Command {
	var f vocabularyFlags
	var special *choice
	cmd := &cobra.Command{
		Use:   "detokenize [flags] [ID...]",
		Short: "Turn tokens into text, as JSON",
		Long: `Turn tokens into text, as JSON. The tokens are the arguments, or else standard
input: numbers, a JSON array, or what tokenize prints.`,
		Example: `  pixtral-wgpu detokenize 22177 1044 4304
  pixtral-wgpu tokenize "Hello" | pixtral-wgpu detokenize`,
		RunE: func(cmd *cobra.Command, args []string) error {
			r := &reader{ctx: cmd.Context(), stdin: cmd.InOrStdin()}
			return detokenize(cmd, r, &f, special.value, args)
		},
	}
	f.add(cmd.Flags())
	special = oneOf(cmd.Flags(), "special", "leave special tokens such as [INST] out, write their names, or refuse them", "ignore", "keep", "raise")
	return cmd
}

var policies = map[string]tokenizer.SpecialPolicy{
	"ignore": tokenizer.IgnoreSpecial, "keep": tokenizer.KeepSpecial, "raise": tokenizer.RaiseSpecial,
}

func detokenize(cmd *cobra.Command, r *reader, f *vocabularyFlags, special string, args []string) error {
	text, err := argument(r, args)
	if err != nil {
		return err
	}
	tokens, err := parseTokens([]byte(array(text)))
	if err != nil && len(args) > 0 {
		return misuse("%w", err)
	} else if err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	t, _, err := f.open(cmd)
	if err != nil {
		return err
	}
	out, err := t.Decode(tokens, policies[special])
	if err != nil {
		return err
	}
	return encode(cmd, struct {
		Text  string `json:"text"`
		Count int    `json:"count"`
	}{out, len(tokens)})
}

// array makes a JSON array of bare numbers.
func array(text string) string {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{") {
		return text
	}
	numbers := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' || r == '\r' })
	return "[" + strings.Join(numbers, ",") + "]"
}
