package tokenizer

import "slices"

// successors are the roles that may follow each role.
var successors = map[Role][]Role{
	RoleSystem:    {RoleUser, RoleAssistant, RoleSystem},
	RoleUser:      {RoleAssistant, RoleSystem, RoleUser},
	RoleAssistant: {RoleAssistant, RoleUser, RoleTool},
	RoleTool:      {RoleAssistant, RoleTool, RoleUser},
}

// structure checks who speaks when.
func (c *Chat) structure() error {
	n := len(c.Messages)
	if n == 0 {
		return invalid(InvalidMessageStructure, "Conversation must have at least one message")
	}
	if first := c.Messages[0].Role; n == 1 && first != RoleUser && first != RoleSystem {
		return invalid(InvalidMessageStructure, "Conversation must start with a user message or system message")
	}
	if n > 1 {
		if err := c.last(c.Messages[n-1]); err != nil {
			return err
		}
	}
	for i := 1; i < n; i++ {
		previous, current := c.Messages[i-1].Role, c.Messages[i].Role
		if !slices.Contains(successors[previous], current) {
			return invalid(InvalidMessageStructure, "Unexpected role '%s' after role '%s'", current, previous)
		}
	}
	return c.results()
}

// last checks that the assistant is next, or is to go on.
func (c *Chat) last(m Message) error {
	assistant := m.Role == RoleAssistant
	if assistant && !m.Prefix && !c.ContinueFinal {
		return invalid(InvalidMessageStructure, "Expected last role User or Tool (or Assistant with prefix or "+
			"continue_final_message set to True) for serving but got %s", m.Role)
	}
	if c.ContinueFinal && (!assistant || m.Prefix) {
		return invalid(InvalidMessageStructure, "Expected last role Assistant with prefix False for serving with "+
			"continue_final_message set to True but got %s", m.Role)
	}
	return nil
}

// results checks that every call of a tool has its result, and none more. As in
// the reference, calls in the first message are not counted.
func (c *Chat) results() error {
	const uneven = "Not the same number of function calls and responses"
	open := 0
	for _, m := range c.Messages[1:] {
		switch m.Role {
		case RoleTool:
			open--
		case RoleAssistant:
			if open != 0 {
				return invalid(InvalidMessageStructure, uneven)
			}
			open = len(m.ToolCalls)
		}
	}
	if open != 0 && c.Mode == Serving {
		return invalid(InvalidMessageStructure, uneven)
	}
	return nil
}
