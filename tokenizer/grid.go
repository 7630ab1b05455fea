package tokenizer

// A Grid is the size of an image in image tokens, which for Pixtral are its
// patches: Cols across, Rows down.
type Grid struct{ Cols, Rows int }

// Patches returns how many of the image's tokens stand for a part of the
// picture: one [IMG] each.
func (g Grid) Patches() int { return g.Cols * g.Rows }

// Tokens returns the length of the image in the prompt: its patches, and one
// [IMG_BREAK] or [IMG_END] after each row.
func (g Grid) Tokens() int { return (g.Cols + 1) * g.Rows }
