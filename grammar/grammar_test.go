package grammar

import (
	"errors"
	"strings"
	"testing"
)

func TestSchema(t *testing.T) {
	for _, c := range []struct {
		schema   string
		yes, not []string
	}{
		{`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}},"required":["a"]}`,
			[]string{`{"a":"x"}`, `{"a":"x","b":3}`, "{\n  \"a\": \"\\u00e9\\ud83d\\ude00é😀\",\n  \"b\": -12\n}"},
			[]string{`{}`, `{"b":3}`, `{"b":3,"a":"x"}`, `{"a":"x","c":1}`, `{"a":"\ud83d"}`, "{\"a\":\"\n\"}", "{\"a\":\"\xff\"}", `{"a":"x"} `, `{"a":1}`, `{"a":"x","b":1.5}`}},
		{`{"type":"object","properties":{"a":{"type":"integer"},"ab":{"type":"integer"}},"additionalProperties":{"type":"boolean"}}`,
			[]string{`{}`, `{"a":1,"c":true}`, `{"abc":true,"é":false,"":true}`, `{"a":1,"ab":2,"abcd":true}`},
			[]string{`{"a":true}`, `{"ab":true}`, `{"c":1}`, `{"c":true,"a":1}`, `{"c":true,"a":true}`}},
		{`{"enum":["red",3,null,{"x":[1,2]}]}`, []string{`"red"`, `3`, `null`, `{"x":[1,2]}`}, []string{`"re"`, `4`, `"redd"`}},
		{`{"type":"string","enum":["a","bb",3],"minLength":2}`, []string{`"bb"`}, []string{`"a"`, `3`}},
		{`{"type":"array","items":{"type":"boolean"},"minItems":1,"maxItems":3}`,
			[]string{`[true]`, `[true, false,true]`}, []string{`[]`, `[1]`, `[true,true,true,true]`, `[true,]`}},
		{`{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false}`, []string{`[1,"a"]`, `[1]`, `[]`}, []string{`["a"]`, `[1,"a",2]`}},
		{`{"type":"string","minLength":2,"maxLength":4}`, []string{`"ab"`, `"\n\u00e9"`, `"😀😀😀😀"`, `"\ud83d\ude00a"`}, []string{`"a"`, `"abcde"`, `"\ud83d\ude00"`}},
		{`{"type":"string","pattern":"^[a-z]+-\\d{2}$"}`, []string{`"ab-12"`}, []string{`"AB-12"`, `"ab-123"`, `"ab-12 "`}},
		{`{"type":"string","pattern":"b+"}`, []string{`"abc"`, `"b"`, `"\"b\n"`}, []string{`"a"`, `""`}},
		{`{"type":"string","pattern":"^(a|bcdef)$","maxLength":3}`, []string{`"a"`}, []string{`"b`, `"bcdef"`}},
		{`{"type":"string","pattern":"^(ab)+$","minLength":3,"maxLength":6}`, []string{`"abab"`, `"ababab"`}, []string{`"ab"`, `"abababab"`, `"abababa`}},
		{`{"type":"integer","minimum":-3,"exclusiveMaximum":12}`, []string{`-3`, `-0`[1:], `0`, `9`, `10`, `11`}, []string{`-4`, `12`, `99`, `1.0`, `-30`, `012`}},
		{`{"type":"number","minimum":0,"maximum":1}`, []string{`0`, `1`, `0.5`, `0.25`, `1.0`, `1.00`}, []string{`1.01`, `-0.1`, `2`, `1.5`}},
		{`{"type":"number","exclusiveMinimum":0.1,"maximum":0.35}`, []string{`0.11`, `0.35`, `0.2`, `0.101`}, []string{`0.1`, `0.36`, `0.10`, `1`}},
		{`{"type":"number","maximum":-1.5}`, []string{`-1.5`, `-2`, `-100.25`}, []string{`-1.4`, `-1`, `0`, `1`}},
		{`{"anyOf":[{"type":"string"},{"type":"null"}]}`, []string{`"a"`, `null`}, []string{`1`}},
		{`{"type":["string","integer"],"maxLength":1}`, []string{`"a"`, `12`}, []string{`"ab"`, `null`}},
		{`{"$defs":{"n":{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}},"required":["v","next"]}},"$ref":"#/$defs/n"}`,
			[]string{`{"v":1,"next":null}`, `{"v":1,"next":{"v":2,"next":{"v":3,"next":null}}}`}, []string{`{"v":1,"next":{}}`, `{"v":1}`}},
		{`{"allOf":[{"type":"object","properties":{"a":{"type":"integer","minimum":1}},"required":["a"]},{"properties":{"a":{"maximum":3},"b":{"type":"null"}},"required":["b"]}]}`,
			[]string{`{"a":2,"b":null}`}, []string{`{"a":4,"b":null}`, `{"a":2}`}},
		{`{"type":"object","properties":{"k":{"type":"string"}},"required":["k"],"oneOf":[{"properties":{"k":{"const":"x"},"n":{"type":"integer"}},"required":["n"]},{"properties":{"k":{"const":"y"}}}]}`,
			[]string{`{"k":"x","n":1}`, `{"k":"y"}`}, []string{`{"k":"x"}`, `{"k":"z"}`, `{"k":"y","n":1}`}},
		{`{"type":"string","format":"date"}`, []string{`"2024-12-31"`}, []string{`"2024-02-30"`, `"x"`}},
		{`{"type":"object"}`, []string{`{}`, `{"a":{"b":[1,2.5e-3,"x",null,true,{}]}}`}, []string{`[]`, `1`}},
		{`{}`, []string{`1`, `"a"`, `[[]]`, `{}`, ` 1`, `-0.5E+10`}, []string{`01`, `1.`, `+1`, `tru`, `[1,]`, `{"a"}`}},
		{`true`, []string{`1`}, []string{`x`}},
		{`{"properties":{"a":{"const":1}},"required":["a","z"]}`, []string{`{"a":1,"z":[]}`}, []string{`{"a":1}`, `3`}},
		{`{"type":"object","properties":{"a\"b":{"type":"null"}},"required":["a\"b"],"additionalProperties":false}`, []string{`{"a\"b":null}`}, []string{`{}`}},
	} {
		g, err := Schema([]byte(c.schema))
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		for _, text := range c.yes {
			if !g.Matches(text) {
				t.Errorf("%s refuses %s", c.schema, text)
			}
		}
		for _, text := range c.not {
			if g.Matches(text) {
				t.Errorf("%s takes %s", c.schema, text)
			}
		}
	}
}

// What cannot be enforced is refused, and the keyword is named.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ schema, keyword string }{
		{`{"type":"array","uniqueItems":true}`, "uniqueItems"},
		{`{"type":"object","patternProperties":{"a":{}}}`, "patternProperties"},
		{`{"not":{}}`, "not"},
		{`{"if":{},"then":{}}`, "if"},
		{`{"type":"integer","multipleOf":3}`, "multipleOf"},
		{`{"type":"strnig"}`, "type"},
		{`{"type":"object","properties":{"a":{"type":"object","minProperties":2}}}`, "minProperties"},
		{`{"$ref":"https://example.com/schema"}`, "$ref"},
		{`{"$ref":"#/$defs/none"}`, "$ref"},
		{`{"$ref":"#"}`, ""},
		{`{"anyOf":[{"$ref":"#"},{"type":"null"}]}`, "$ref"},
		{`{"oneOf":[{"type":"integer"},{"type":"number"}]}`, "oneOf"},
		{`{"oneOf":[{"minimum":1},{"maxLength":3}]}`, "oneOf"},
		{`{"type":"string","pattern":"(?=a)b"}`, "pattern"},
		{`{"type":"string","pattern":"(a)\\1"}`, "pattern"},
		{`{"type":"string","pattern":"a\\bc"}`, "pattern"},
		{`{"enum":[]}`, "enum"},
		{`{"type":"string","minLength":-1}`, "minLength"},
		{`{"type":"integer","minimum":"a"}`, "minimum"},
		{`{"type":"integer","minimum":1e999999999}`, "minimum"},
		{`{"type":"integer","minimum":5,"maximum":4}`, ""},
		{`{"type":"array","minItems":3,"maxItems":2}`, ""},
		{`{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}`, ""},
		{`false`, ""},
		{`[]`, ""},
		{`{"type":`, ""},
		{strings.Repeat(`{"items":`, 5000) + "{}" + strings.Repeat("}", 5000), ""},
		{`{"type":"string","pattern":"^(((a{1000}){1000}){1000})$"}`, "pattern"},
		{`{"type":"object","required":"a"}`, "required"},
		{`{"type":"object","properties":[]}`, "properties"},
	} {
		_, err := Schema([]byte(c.schema))
		var e *Error
		switch {
		case err == nil:
			t.Errorf("%.80s is taken", c.schema)
		case !errors.As(err, &e):
			t.Errorf("%.80s: %T %v", c.schema, err, err)
		case e.Keyword != c.keyword:
			t.Errorf("%.80s: %q is at fault (%v), want %q", c.schema, e.Keyword, err, c.keyword)
		}
	}
}

func TestOthers(t *testing.T) {
	choice, err := Choice([]string{"yes", "no", "yes, please"})
	if err != nil || !choice.Matches("yes") || !choice.Matches("yes, please") || choice.Matches("y") {
		t.Error(err)
	}
	regex, err := Regex(`(\d{3}|é)\s?x*`)
	if err != nil || !regex.Matches("123 xx") || !regex.Matches("é") || regex.Matches("12") {
		t.Error(err)
	}
	calls, err := Calls([]Tool{
		{"f", []byte(`{"type":"object","properties":{"a":{"$ref":"#/$defs/n"}},"required":["a"],"$defs":{"n":{"type":"integer"}}}`)},
		{"g", nil},
	}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		`[{"name": "f", "arguments": {"a": 1}}]`:                               true,
		`[{"name":"g","arguments":{"x":[]}},{"name":"f","arguments":{"a":1}}]`: true,
		`[]`:                            false,
		`[{"name":"h","arguments":{}}]`: false,
		`[{"name":"f","arguments":{}}]`: false,
		`[{"name":"g","arguments":[]}]`: false,
		`[{"name":"g","arguments":{}},{"name":"g","arguments":{}},{"name":"g","arguments":{}}]`: false,
	} {
		if calls.Matches(text) != want {
			t.Errorf("%s: %v", text, !want)
		}
	}
}
