package tokenizer

import (
	"fmt"
	"strings"
	"unicode"
)

// dumps is Python's json.dumps(v, ensure_ascii=False): ", " and ": " between
// things, text as it is.
func dumps(v any) string {
	var b strings.Builder
	dump(&b, v)
	return b.String()
}

func dump(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		fmt.Fprint(b, v)
	case number:
		b.WriteString(string(v))
	case string:
		dumpString(b, v)
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			dump(b, e)
		}
		b.WriteByte(']')
	case *object:
		b.WriteByte('{')
		for i, key := range v.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			dumpString(b, key)
			b.WriteString(": ")
			dump(b, v.values[key])
		}
		b.WriteByte('}')
	}
}

// escapes are the characters that json.dumps and repr name by a letter.
var escapes = strings.NewReplacer("\\", `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

func dumpString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range escapes.Replace(s) {
		switch {
		case r == '"':
			b.WriteString(`\"`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r < ' ':
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}

// repr is Python's repr of a value, for messages.
func repr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case number:
		return reprNumber.Replace(string(v))
	case string:
		return reprString(v)
	case []any:
		items := make([]string, len(v))
		for i, e := range v {
			items[i] = repr(e)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case *object:
		items := make([]string, len(v.keys))
		for i, key := range v.keys {
			items[i] = reprString(key) + ": " + repr(v.values[key])
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	return fmt.Sprint(v)
}

var reprNumber = strings.NewReplacer("NaN", "nan", "Infinity", "inf")

func reprString(s string) string {
	quote := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = `"`
	}
	var b strings.Builder
	for _, r := range escapes.Replace(s) {
		switch {
		case string(r) == quote:
			b.WriteString(`\` + quote)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xFF:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xFFFF:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return quote + b.String() + quote
}
