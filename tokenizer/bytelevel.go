package tokenizer

import "strings"

// Vocabularies of the GPT-2 kind write each byte of a token as one character:
// printable ones of Latin-1 as themselves, the others as U+0100 and on, in
// order. The space becomes Ġ, the line feed Ċ.
// OpenAI's GPT-2 encoder.py, bytes_to_unicode.

var (
	byteSpelling = spellings()
	spelledByte  = func() map[rune]byte {
		m := make(map[rune]byte, 256)
		for b, r := range byteSpelling {
			m[r] = byte(b)
		}
		return m
	}()
)

func spellings() (table [256]rune) {
	next := rune(0x100)
	for b := range rune(256) {
		if '!' <= b && b <= '~' || '¡' <= b && b <= '¬' || '®' <= b && b <= 'ÿ' {
			table[b] = b
		} else {
			table[b] = next
			next++
		}
	}
	return table
}

// unspell returns the bytes that a spelling stands for, false if a character of
// it stands for none.
func unspell(spelling string) (string, bool) {
	var text strings.Builder
	text.Grow(len(spelling))
	for _, r := range spelling {
		b, ok := spelledByte[r]
		if !ok {
			return "", false
		}
		text.WriteByte(b)
	}
	return text.String(), true
}
