package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Control holds the ids of the control tokens, looked up by name in the file,
// never by number.
type Control struct {
	Unknown           Token // <unk>
	BOS               Token // <s>
	EOS               Token // </s>
	Inst              Token // [INST]
	EndInst           Token // [/INST]
	AvailableTools    Token // [AVAILABLE_TOOLS]
	EndAvailableTools Token // [/AVAILABLE_TOOLS]
	ToolResults       Token // [TOOL_RESULTS]
	EndToolResults    Token // [/TOOL_RESULTS]
	ToolCalls         Token // [TOOL_CALLS]
	Image             Token // [IMG]
	Pad               Token // <pad>
	ImageBreak        Token // [IMG_BREAK]
	ImageEnd          Token // [IMG_END]
	Prefix            Token // [PREFIX]
	Middle            Token // [MIDDLE]
	Suffix            Token // [SUFFIX]
}

// builtin are the special tokens of files that do not list them, such as
// Pixtral's; mistral_common tekken.py, DEPRECATED_SPECIAL_TOKENS.
var builtin = []string{
	"<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]",
	"[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]",
	"[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
}

// fillerName names a special token that the file leaves undefined.
func fillerName(id int) string { return fmt.Sprintf("<SPECIAL_%d>", id) }

// controls finds each control token among the names of the special tokens,
// whose ids are their places.
func controls(names []string) (c Control, err error) {
	for _, want := range []struct {
		id   *Token
		name string
	}{
		{&c.Unknown, "<unk>"}, {&c.BOS, "<s>"}, {&c.EOS, "</s>"},
		{&c.Inst, "[INST]"}, {&c.EndInst, "[/INST]"},
		{&c.AvailableTools, "[AVAILABLE_TOOLS]"}, {&c.EndAvailableTools, "[/AVAILABLE_TOOLS]"},
		{&c.ToolResults, "[TOOL_RESULTS]"}, {&c.EndToolResults, "[/TOOL_RESULTS]"},
		{&c.ToolCalls, "[TOOL_CALLS]"}, {&c.Image, "[IMG]"}, {&c.Pad, "<pad>"},
		{&c.ImageBreak, "[IMG_BREAK]"}, {&c.ImageEnd, "[IMG_END]"},
		{&c.Prefix, "[PREFIX]"}, {&c.Middle, "[MIDDLE]"}, {&c.Suffix, "[SUFFIX]"},
	} {
		found := false
		for i, name := range names {
			if name == want.name {
				*want.id, found = Token(i), true
			}
		}
		if !found {
			return c, fmt.Errorf("special token %s is missing", want.name)
		}
	}
	return c, nil
}

// specialTokens returns the names of the special tokens the file defines, or
// the built-in ones if it is old enough to leave them out.
func specialTokens(raw json.RawMessage, version string, count int) ([]string, error) {
	var listed []struct {
		Rank *int64 `json:"rank"`
		Name string `json:"token_str"`
	}
	if err := json.Unmarshal(orNull(raw), &listed); err != nil {
		return nil, fmt.Errorf("special_tokens: %w", err)
	}
	var names []string
	switch {
	case listed != nil:
		for i, s := range listed {
			if s.Rank == nil || *s.Rank != int64(i) {
				return nil, fmt.Errorf("special_tokens[%d]: rank is missing or not %d", i, i)
			}
			names = append(names, s.Name)
		}
	case age(version) > age("v7"):
		return nil, fmt.Errorf("special_tokens are missing; files newer than v7 must list them, this one is %s", version)
	default:
		names = builtin
	}
	if len(names) > count {
		return nil, fmt.Errorf("%d special tokens, but config.default_num_special_tokens is %d", len(names), count)
	}
	return names, distinct(names, count)
}

// distinct checks the names against each other and against the fillers, which
// run from len(names) to count.
func distinct(names []string, count int) error {
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		if name == "" || seen[name] {
			return fmt.Errorf("special_tokens[%d]: name %q is empty or stands there twice", i, name)
		}
		seen[name] = true
		var id int
		if _, err := fmt.Sscanf(name, "<SPECIAL_%d>", &id); err == nil &&
			id >= len(names) && id < count && name == fillerName(id) {
			return fmt.Errorf("special_tokens[%d]: name %q belongs to token %d", i, name, id)
		}
	}
	return nil
}

// ImageConfig says how an image becomes tokens.
type ImageConfig struct {
	PatchSize    int // pixels: side of a patch
	MaxSize      int // pixels: longer images are shrunk to it
	SpatialMerge int // patches: side of the square that makes one token; 1 for Pixtral
}

// imageConfig reads "multimodal", the block's name in files up to v11, or "image".
func imageConfig(multimodal, image json.RawMessage, version string) (ImageConfig, error) {
	name, raw := "image", image
	if present(multimodal) {
		if age(version) > age("v11") {
			return ImageConfig{}, fmt.Errorf(`the image config must be called "image" in a file of version %s`, version)
		}
		name, raw = "multimodal", multimodal
	}
	if !present(raw) {
		return ImageConfig{}, nil
	}
	c := struct {
		Patch *int `json:"image_patch_size"`
		Max   *int `json:"max_image_size"`
		Merge int  `json:"spatial_merge_size"`
	}{Merge: 1}
	if err := json.Unmarshal(raw, &c); err != nil {
		return ImageConfig{}, fmt.Errorf("%s: %w", name, err)
	}
	// No image of the family has a side of more than 1,540 pixels; the bound
	// keeps products of sizes far from overflow.
	const most = 1 << 16
	if c.Patch == nil || c.Max == nil || *c.Patch < 1 || *c.Max < *c.Patch || *c.Max > most || c.Merge < 1 || c.Merge > most {
		return ImageConfig{}, errors.New(name + ": image_patch_size, max_image_size or spatial_merge_size is missing or out of range")
	}
	return ImageConfig{PatchSize: *c.Patch, MaxSize: *c.Max, SpatialMerge: c.Merge}, nil
}

// present reports whether a block is there and, as Python sees it, not empty.
func present(raw json.RawMessage) bool {
	var block map[string]json.RawMessage
	err := json.Unmarshal(orNull(raw), &block)
	return err != nil || len(block) > 0
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}
