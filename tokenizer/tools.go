package tokenizer

import "fmt"

// The JSON of tools, calls and results is part of what the model was trained
// on, so it is written as Python's json.dumps writes it.

// dumpTools writes what the assistant may call.
func dumpTools(tools []Tool) (string, error) {
	list := make([]any, len(tools))
	for i, tool := range tools {
		parameters, err := tool.schema()
		if err != nil {
			return "", err
		}
		list[i] = pairsOf("type", "function", "function",
			pairsOf("name", tool.Name, "description", tool.Description, "parameters", parameters))
	}
	return dumps(list), nil
}

// schema returns the parameters as a value.
func (t Tool) schema() (any, error) {
	if t.Parameters == nil {
		return pairsOf(), nil
	}
	v, err := loads(string(t.Parameters))
	if err != nil {
		return nil, fmt.Errorf("tokenizer: chat: tool %q: parameters: %w", t.Name, err)
	}
	if _, ok := v.(*object); !ok {
		return nil, fmt.Errorf("tokenizer: chat: tool %q: parameters are not a JSON object", t.Name)
	}
	return v, nil
}

// dumpCalls writes what the assistant has called.
func dumpCalls(calls []ToolCall) (string, error) {
	list := make([]any, len(calls))
	for i, call := range calls {
		arguments, err := content(call.Arguments)
		if err != nil {
			return "", fmt.Errorf("tokenizer: chat: call of %q: %w", call.Name, err)
		}
		o := pairsOf("name", call.Name, "arguments", arguments)
		if call.ID != "" && call.ID != nullID {
			o.set("id", call.ID)
		}
		list[i] = o
	}
	return dumps(list), nil
}

// dumpResult writes what a call came to.
func dumpResult(result, id string) (string, error) {
	v, err := content(result)
	if err != nil {
		return "", fmt.Errorf("tokenizer: chat: result of call %q: %w", id, err)
	}
	return dumps(pairsOf("content", v, "call_id", id)), nil
}

// content reads arguments or a result: JSON if it is JSON, else text, and an
// empty object if there is nothing.
func content(text string) (any, error) {
	if text == "" {
		return pairsOf(), nil
	}
	v, err := loads(text)
	switch err {
	case nil:
		return v, nil
	case errDepth:
		return nil, err
	}
	return text, nil
}
