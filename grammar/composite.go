package grammar

import "slices"

// list writes the rule of lists of min to max values of a rule; max -1 for any
// number.
func (c *compiler) list(rule, item, min, max int) {
	c.items(rule, nil, item, min, max)
}

// items writes the rule of lists that begin with values of some rules, and go on
// with those of another, item; -1 for none.
func (c *compiler) items(rule int, prefix []int, item, min, max int) {
	if max >= 0 && max < min {
		c.b.finish(rule, c.b.state()) // nothing leads there: there is no such list
		return
	}
	if max >= 0 && max < len(prefix) {
		prefix = prefix[:max]
	}
	start := c.space(c.b.bytes(c.b.start(rule), '[', '['))
	var ends []state // where the list may end
	if min == 0 {
		ends = append(ends, start)
	}
	at := start
	for i, p := range prefix {
		if i > 0 {
			at = c.space(c.b.bytes(at, ',', ','))
		}
		if at = c.b.call(at, p); i+1 >= min {
			ends = append(ends, c.space(at))
		}
	}
	if n := len(prefix); item >= 0 && (max < 0 || max > n) {
		count := &count{min: max0(min - n), max: -1}
		if max >= 0 {
			count.max = max - n
		}
		// An item is counted before the comma in front of it.
		next := c.b.state()
		after := c.b.call(next, item)
		if n == 0 {
			c.b.free(c.b.tick(start, count), next)
		} else {
			c.b.free(c.comma(c.b.tick(at, count)), next)
		}
		c.b.free(c.comma(c.b.tick(after, count)), next)
		ends = append(ends, c.space(c.b.atLeast(after, count)))
	}
	c.b.finish(rule, c.b.bytes(c.b.join(ends...), ']', ']'))
}

func max0(n int) int { return max(n, 0) }

// array returns the rule of lists.
func (c *compiler) array(s *object, root any, path string) (int, error) {
	min, max, err := bounds(s, "minItems", "maxItems", path)
	if err != nil {
		return 0, err
	}
	rule := c.b.newRule()
	var prefix []int
	if v, ok := s.get("prefixItems"); ok {
		list, isList := v.([]any)
		if !isList {
			return 0, &Error{path, "prefixItems", "it must be a list of schemas"}
		}
		for i, schema := range list {
			r, err := c.rule(schema, root, path+"/prefixItems/"+itoa(i))
			if err != nil {
				return 0, err
			}
			prefix = append(prefix, r)
		}
	}
	item := -1
	switch v, ok := s.get("items"); {
	case ok && v == false:
	case ok:
		if item, err = c.rule(v, root, path+"/items"); err != nil {
			return 0, err
		}
	case prefix == nil || min > len(prefix): // beside prefixItems, others come only if they must
		item = c.any()
	}
	c.items(rule, prefix, item, min, max)
	return rule, nil
}

// A property is one of an object.
type property struct {
	name     string
	schema   any
	path     string
	required bool
}

// object returns the rule of objects: the properties of the schema in their
// order, then others if additionalProperties asks for them.
func (c *compiler) object(s *object, root any, path string) (int, error) {
	list, err := propertiesOf(s, path)
	if err != nil {
		return 0, err
	}
	extra, hasExtra := s.get("additionalProperties")
	if !hasExtra && len(list) == 0 {
		return c.anyObject(), nil
	}
	rule := c.b.newRule()
	// None of the properties so far, or some: there is a comma to be written then.
	none, some := c.space(c.b.bytes(c.b.start(rule), '{', '{')), c.b.state()
	for _, p := range list {
		value, err := c.rule(p.schema, root, p.path)
		if err != nil {
			return 0, err
		}
		written := c.b.call(c.colon(c.b.literal(c.b.join(none, c.comma(some)), quoteJSON(p.name))), value)
		if p.required {
			none, some = c.b.state(), written
		} else {
			none, some = c.b.join(none), c.b.join(some, written)
		}
	}
	if hasExtra && extra != false {
		value, err := c.rule(extra, root, path+"/additionalProperties")
		if err != nil {
			return 0, err
		}
		some = c.b.join(some)
		names := make([]string, len(list))
		for i, p := range list {
			names[i] = p.name
		}
		key := c.b.otherKey(c.b.join(none, c.comma(some)), names)
		c.b.free(c.b.call(c.colon(key), value), some)
	}
	c.b.finish(rule, c.b.bytes(c.b.join(none, c.space(some)), '}', '}'))
	return rule, nil
}

func (c *compiler) comma(from state) state { return c.space(c.b.bytes(from, ',', ',')) }

// propertiesOf returns the properties of a schema, those that are only required
// last.
func propertiesOf(s *object, path string) (list []property, err error) {
	required := map[string]bool{}
	var order []string
	if v, ok := s.get("required"); ok {
		names, isList := v.([]any)
		for _, n := range names {
			name, isText := n.(string)
			if isList = isList && isText; isText {
				required[name] = true
				order = append(order, name)
			}
		}
		if !isList {
			return nil, &Error{path, "required", "it must be a list of names"}
		}
	}
	declared := newObject()
	if v, ok := s.get("properties"); ok {
		if declared, ok = v.(*object); !ok {
			return nil, &Error{path, "properties", "it must be an object of schemas"}
		}
	}
	for _, name := range declared.keys {
		list = append(list, property{name, declared.values[name], path + "/properties/" + name, required[name]})
	}
	extra, ok := s.get("additionalProperties")
	if !ok {
		extra = true
	}
	for _, name := range order {
		known := slices.ContainsFunc(list, func(p property) bool { return p.name == name })
		if !known {
			list = append(list, property{name, extra, path + "/additionalProperties", true})
		}
	}
	return list, nil
}
