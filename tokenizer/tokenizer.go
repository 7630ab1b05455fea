package tokenizer

// A Tokenizer is a vocabulary of any kind, ready for a model: a *Tekken or a
// *BPE. It is never changed once read, so any number of goroutines may use it.
type Tokenizer interface {
	// Encode returns the tokens of text and nothing else: no BOS, and no special
	// token even if the text spells one.
	Encode(text string) []Token
	// EncodePrompt returns the prompt for a text that the model is to go on with:
	// Encode, with a BOS before it if the model was trained with one.
	EncodePrompt(text string) []Token
	// EncodeChat returns the prompt for a conversation, as the model was trained
	// on. grids[i] is the size of the i-th of chat.Images.
	EncodeChat(chat *Chat, grids []Grid) ([]Token, error)
	// Decode returns the text of tokens.
	Decode(tokens []Token, policy SpecialPolicy) (string, error)
	// NewDecoder returns a decoder at the start of a text.
	NewDecoder() *Decoder
	// VocabSize returns the number of tokens, special ones included.
	VocabSize() int
	// IsControl reports whether tok is a special token, which stands for no text.
	IsControl(tok Token) bool
	// Ends reports whether tok ends an answer: end of turn or end of text.
	Ends(tok Token) bool
	// Name returns what to show for a token.
	Name(tok Token) string
	// Bytes returns the text of an ordinary token, nil for any other.
	Bytes(tok Token) []byte
}

var (
	_ Tokenizer = (*Tekken)(nil)
	_ Tokenizer = (*BPE)(nil)
)
