// Package pocket carries a small Pixtral inside the program: the same files as a full
// checkpoint of Mistral's, a few megabytes in all. MODEL_CARD.md says what it can do and
// how it was trained.
package pocket

import _ "embed"

// Params is params.json: the dimensions of the decoder and, under vision_encoder, of the
// vision tower.
//
//go:embed params.json
var Params []byte

// Weights is consolidated.safetensors: every tensor in bfloat16 under Mistral's names, the
// query and key rows in native (interleaved) order.
//
//go:embed consolidated.safetensors
var Weights []byte

// Tekken is tekken.json: the vocabulary in the schema of mistral-common, version v3, with 32
// special tokens and a largest image side of 256 pixels.
//
//go:embed tekken.json
var Tekken []byte
