package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// The scanner below is Pattern by hand: Go's regexp has no look-ahead, and the
// alternatives need it. Leftmost, first alternative wins, with backtracking;
// spec §6.2 derives the steps. split_test.go holds it against a regex engine.

// A class is what the pattern asks of a character, as bits.
type class uint8

const (
	upper   class = 1 << iota // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
	lower                     // [\p{Ll}\p{Lm}\p{Lo}\p{M}]
	letter                    // \p{L}
	numeral                   // \p{N}
	space                     // \s
	newline                   // [\r\n]
)

// classOf returns the classes of r, by the Unicode version of package unicode.
// A character that is newer than that has none, and counts as a symbol.
func classOf(r rune) class {
	switch {
	case 'a' <= r && r <= 'z':
		return lower | letter
	case 'A' <= r && r <= 'Z':
		return upper | letter
	case '0' <= r && r <= '9':
		return numeral
	case r == '\n' || r == '\r':
		return space | newline
	case r == ' ' || '\t' <= r && r <= '\f':
		return space
	case r < utf8.RuneSelf:
		return 0
	case unicode.Is(unicode.Lo, r), unicode.Is(unicode.Lm, r):
		return upper | lower | letter
	case unicode.Is(unicode.Ll, r):
		return lower | letter
	case unicode.Is(unicode.Lu, r), unicode.Is(unicode.Lt, r):
		return upper | letter
	case unicode.Is(unicode.M, r):
		return upper | lower
	case unicode.Is(unicode.N, r):
		return numeral
	case unicode.Is(unicode.White_Space, r):
		return space
	}
	return 0
}

// at returns the classes and the length of the character at text[i:], 0 and 0
// at the end.
func at(text string, i int) (class, int) {
	if i >= len(text) {
		return 0, 0
	}
	if c := text[i]; c < utf8.RuneSelf {
		return classOf(rune(c)), 1
	}
	r, n := utf8.DecodeRuneInString(text[i:])
	return classOf(r), n
}

// run returns the end of the longest run from i of characters that have any of
// the classes in want.
func run(text string, i int, want class) int {
	for {
		c, n := at(text, i)
		if c&want == 0 {
			return i
		}
		i += n
	}
}

// split returns the length of the first piece of text, which must not be empty.
func split(text string) int {
	c, n := at(text, 0)
	if end := word(text, c, n); end > 0 {
		return end
	}
	if c&numeral != 0 {
		return n
	}
	if end := punctuation(text); end > 0 {
		return end
	}
	return blank(text) // what is no letter, mark, number or punctuation is space
}

// word matches the first two alternatives: an optional leading character that
// is no letter, number or line end, then capitals and small letters. Marks,
// and letters without case, count as both.
func word(text string, c class, n int) int {
	lead := c&(letter|numeral|newline) == 0
	if lead {
		if end := lowerWord(text, n); end > 0 {
			return end
		}
	}
	if end := lowerWord(text, 0); end > 0 {
		return end
	}
	if lead {
		if end := upperWord(text, n); end > 0 {
			return end
		}
	}
	return upperWord(text, 0)
}

// lowerWord matches upper* lower+ from i: it gives back as few of the first run
// as leave a lower for the second. 0 if there is none.
func lowerWord(text string, i int) int {
	end := run(text, i, upper)
	if c, _ := at(text, end); c&lower != 0 {
		return run(text, end, lower)
	}
	for end > i {
		_, n := utf8.DecodeLastRuneInString(text[i:end])
		end -= n
		if c, _ := at(text, end); c&lower != 0 {
			return run(text, end, lower)
		}
	}
	return 0
}

// upperWord matches upper+ lower* from i, or returns 0.
func upperWord(text string, i int) int {
	end := run(text, i, upper)
	if end == i {
		return 0
	}
	return run(text, end, lower)
}

// punctuation matches an optional space, then characters that are no space,
// letter or number, then any line ends and slashes. 0 if there are none.
func punctuation(text string) int {
	i := 0
	if text[0] == ' ' {
		i = 1
	}
	end := i
	for {
		c, n := at(text, end)
		if n == 0 || c&(space|letter|numeral) != 0 {
			break
		}
		end += n
	}
	if end == i {
		return 0
	}
	for end < len(text) && (text[end] == '\r' || text[end] == '\n' || text[end] == '/') {
		end++
	}
	return end
}

// blank matches the last three alternatives at the start of a run of spaces:
// up to the last line end in it; else all of it at the end of the text; else
// all but the last character, which goes with the word that follows.
func blank(text string) int {
	end, last, lastLine := 0, 0, 0
	for {
		c, n := at(text, end)
		if c&space == 0 {
			break
		}
		last = end
		end += n
		if c&newline != 0 {
			lastLine = end
		}
	}
	switch {
	case lastLine > 0:
		return lastLine
	case end < len(text) && last > 0:
		return last
	}
	return end
}
