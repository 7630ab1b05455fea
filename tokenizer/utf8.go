package tokenizer

import "unicode/utf8"

// toValid returns text with U+FFFD for what is not UTF-8.
func toValid(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	valid, _ := appendValid(nil, []byte(text), true)
	return string(valid)
}

// appendValid appends src to dst with one U+FFFD for each maximal subpart of an
// ill-formed sequence (Unicode 15, §3.9, best practice), as Python does; Go's
// own conversions write one for each byte. Unless src is all there is, a
// sequence cut off by its end is not judged but returned.
func appendValid(dst, src []byte, all bool) (text, rest []byte) {
	for len(src) > 0 {
		n, whole := sequence(src)
		switch {
		case whole:
			dst = append(dst, src[:n]...)
		case n == len(src) && !all && cut(src):
			return dst, src
		default:
			dst = utf8.AppendRune(dst, utf8.RuneError)
		}
		src = src[n:]
	}
	return dst, nil
}

// sequence returns the length of the longest start of b that begins a
// well-formed sequence, at least 1, and whether that sequence is whole.
// The second byte's range is Table 3-7 of the Unicode standard.
func sequence(b []byte) (n int, whole bool) {
	size, low, high := lead(b[0])
	for n = 1; n < size; n++ {
		if n == len(b) || b[n] < low || b[n] > high {
			return n, false
		}
		low, high = 0x80, 0xBF
	}
	return n, size > 0
}

// lead returns the length of the sequence that c begins and the range of its
// second byte; 0 if c begins none.
func lead(c byte) (size int, low, high byte) {
	switch {
	case c < 0x80:
		return 1, 0, 0
	case c < 0xC2:
		return 0, 0, 0
	case c < 0xE0:
		return 2, 0x80, 0xBF
	case c == 0xE0:
		return 3, 0xA0, 0xBF
	case c == 0xED: // surrogates are not characters
		return 3, 0x80, 0x9F
	case c < 0xF0:
		return 3, 0x80, 0xBF
	case c == 0xF0:
		return 4, 0x90, 0xBF
	case c < 0xF4:
		return 4, 0x80, 0xBF
	case c == 0xF4: // the last character is U+10FFFF
		return 4, 0x80, 0x8F
	}
	return 0, 0, 0
}

// cut reports whether b, known to be the start of a sequence, could still
// become whole.
func cut(b []byte) bool {
	size, _, _ := lead(b[0])
	return len(b) < size
}
