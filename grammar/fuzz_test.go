package grammar

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A maker makes schemas by chance.
type maker struct{ *rand.Rand }

func (m maker) pick(list ...string) string { return list[m.IntN(len(list))] }

func (m maker) schema(depth int) string {
	kinds := 13
	if depth <= 0 {
		kinds = 8
	}
	switch m.IntN(kinds) {
	case 0:
		return m.pick(`{"type":"null"}`, `{"type":"boolean"}`, `true`, `{"title":"x"}`, `{"type":["string","null"]}`, `{"const":"a\n\"é"}`)
	case 1:
		return m.pick(`{"enum":["a","b\\",1,2.5,null,true,[1],{"k":"v"}]}`, `{"enum":["a","bb","ccc"],"maxLength":2}`, `{"type":"integer","enum":[1,2,"x"],"minimum":2}`)
	case 2, 3:
		return m.number()
	case 4, 5:
		return m.text()
	case 6, 7:
		return fmt.Sprintf(`{"$ref":"#/$defs/%s"}`, m.pick("a", "b"))
	case 8, 9:
		return m.object(depth)
	case 10:
		return m.array(depth)
	case 11:
		return fmt.Sprintf(`{"%s":[%s,%s]}`, m.pick("anyOf", "anyOf", "oneOf"), m.schema(depth-1), m.schema(depth-1))
	}
	return fmt.Sprintf(`{"allOf":[%s,%s]}`, m.object(depth-1), m.object(depth-1))
}

func (m maker) number() string {
	s := `{"type":"` + m.pick("integer", "number") + `"`
	lo := float64(m.IntN(2000)-1000) / float64([]int{1, 1, 10, 100}[m.IntN(4)])
	if m.IntN(2) == 0 {
		s += fmt.Sprintf(`,"%s":%v`, m.pick("minimum", "exclusiveMinimum"), lo)
	}
	if m.IntN(2) == 0 {
		s += fmt.Sprintf(`,"%s":%v`, m.pick("maximum", "exclusiveMaximum"), lo+float64(m.IntN(300))/10)
	}
	return s + "}"
}

func (m maker) text() string {
	s := `{"type":"string"`
	if m.IntN(2) == 0 {
		s += fmt.Sprintf(`,"minLength":%d`, m.IntN(6))
	}
	if m.IntN(2) == 0 {
		s += fmt.Sprintf(`,"maxLength":%d`, m.IntN(9))
	}
	switch m.IntN(4) {
	case 0:
		s += `,"pattern":` + quoteJSON(m.pick(`^[a-c]+$`, `\d{2,4}`, `^(ab|cd\\)*$`, `^.{2,5}x?$`, `é|[^\x00-\x7f]`, `^\S+@\w+\.(com|org)$`, `^(?:[^"]|\n)*$`, `^a?b*`, `x$`, `[\s\d]-`, `^(?i:abc)$`))
	case 1:
		if !strings.Contains(s, "L") {
			s += `,"format":"` + m.pick("date", "time", "date-time", "uuid", "ipv4", "email", "color") + `"`
		}
	}
	return s + "}"
}

func (m maker) object(depth int) string {
	var properties, required []string
	for _, name := range []string{"a", "ab", "b", `q"`, "é"}[:m.IntN(6)] {
		properties = append(properties, quoteJSON(name)+":"+m.schema(depth-1))
		if m.IntN(2) == 0 {
			required = append(required, quoteJSON(name))
		}
	}
	s := `{"type":"object","properties":{` + strings.Join(properties, ",") + `},"required":[` + strings.Join(required, ",") + `]`
	switch m.IntN(4) {
	case 0:
		s += `,"additionalProperties":false`
	case 1:
		s += `,"additionalProperties":` + m.schema(depth-1)
	}
	return s + "}"
}

func (m maker) array(depth int) string {
	s := `{"type":"array"`
	if m.IntN(3) > 0 {
		s += `,"items":` + m.schema(depth-1)
	}
	if m.IntN(4) == 0 {
		s += `,"prefixItems":[` + m.schema(depth-1) + "," + m.schema(depth-1) + "]"
	}
	if m.IntN(2) == 0 {
		s += fmt.Sprintf(`,"minItems":%d`, m.IntN(3))
	}
	if m.IntN(2) == 0 {
		s += fmt.Sprintf(`,"maxItems":%d`, m.IntN(4))
	}
	return s + "}"
}

// document makes a schema with two definitions, which may be recursive.
func (m maker) document() string {
	return fmt.Sprintf(`{"$defs":{"a":%s,"b":%s},"allOf":[%s]}`, m.schema(2), m.schema(1), m.schema(3))
}

// walk takes bytes by chance until the text ends; the longer it is, the more it
// wants to end.
func walk(a *automaton, rng *rand.Rand) (text string, ended bool, err error) {
	at := first
	var b strings.Builder
	for b.Len() < 3000 {
		may, must := a.ended(at)
		if must || may && rng.IntN(3) == 0 {
			return b.String(), true, nil
		}
		var list []byte
		for c := range 256 {
			if a.step(at, byte(c)) != dead {
				list = append(list, byte(c))
			}
		}
		if len(list) == 0 {
			if may {
				return b.String(), true, nil
			}
			return b.String(), false, errors.New("nothing may follow")
		}
		c := list[rng.IntN(len(list))]
		if close := strings.IndexAny(string(list), `"}]`); b.Len() > 200 || rng.IntN(4) == 0 {
			if ends := keep(list, `"}]`); close >= 0 && len(ends) > 0 {
				c = ends[rng.IntN(len(ends))]
			}
		}
		b.WriteByte(c)
		at = a.step(at, c)
	}
	return b.String(), false, nil
}

func keep(list []byte, of string) (kept []byte) {
	for _, c := range list {
		if strings.IndexByte(of, c) >= 0 {
			kept = append(kept, c)
		}
	}
	return kept
}

// checkSchema compiles a schema and checks texts of it with a validator of others.
func checkSchema(t *testing.T, schema string, rng *rand.Rand) (texts int) {
	t.Helper()
	g, err := Schema([]byte(schema))
	var e *Error
	if err != nil {
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", schema, err)
		}
		return 0
	}
	validator := jsonschema.NewCompiler()
	validator.AssertFormat()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err == nil {
		err = validator.AddResource("file:///s.json", document)
	}
	if err != nil {
		t.Fatal(err)
	}
	valid, err := validator.Compile("file:///s.json")
	if err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	a := newAutomaton(g.program)
	for range 10 {
		text, ended, err := walk(a, rng)
		if err != nil {
			t.Fatalf("%s: stuck after %s: %v", schema, text, err)
		}
		if !ended {
			continue
		}
		texts++
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err == nil {
			err = valid.Validate(v)
		}
		if err == nil && !json.Valid([]byte(text)) {
			err = errors.New("not JSON")
		}
		if err != nil {
			t.Fatalf("%s\ntakes %s\nwhich is wrong: %v", schema, text, err)
		}
	}
	return texts
}

// Whatever a grammar lets through is of its schema, and no way is a dead end.
func TestRandomSchemas(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	schemas, texts := 0, 0
	for range 1500 {
		n := checkSchema(t, maker{rng}.document(), rng)
		if texts += n; n > 0 {
			schemas++
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d texts of %d schemas", texts, schemas)
	if schemas < 400 {
		t.Errorf("only %d schemas could be walked", schemas)
	}
}

func FuzzSchema(f *testing.F) {
	f.Add(uint64(1), uint64(1))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		rng := rand.New(rand.NewPCG(a, b))
		checkSchema(t, maker{rng}.document(), rng)
	})
}

// Nothing that is not a schema makes the compiler fail.
func FuzzRefused(f *testing.F) {
	for _, s := range []string{`{"type":"object","properties":{"a":{"$ref":"#"}}}`, `{"pattern":"[a-z]{3}|\\w+"}`, `{"enum":[1]}`, `{"oneOf":[{},true]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, schema []byte) {
		g, err := Schema(schema)
		if err != nil {
			return
		}
		if _, _, err := walk(newAutomaton(g.program), rand.New(rand.NewPCG(1, 1))); err != nil {
			t.Error(err)
		}
	})
}
