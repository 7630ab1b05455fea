package inspect

import "strings"

// A cache keeps what was looked at, within a bound; what was used longest ago
// goes first.
type cache struct {
	most, bytes int
	order       []string
	values      map[string]cached
}

type cached struct {
	value any
	bytes int
}

func newCache(most int) *cache { return &cache{most: most, values: map[string]cached{}} }

// get returns a value, or nil.
func (c *cache) get(key string) any {
	v, ok := c.values[key]
	if !ok {
		return nil
	}
	c.drop(key)
	c.put(key, v.value, v.bytes)
	return v.value
}

// put keeps a value of so many bytes.
func (c *cache) put(key string, value any, bytes int) {
	c.drop(key)
	if bytes > c.most {
		return
	}
	for c.bytes+bytes > c.most {
		c.drop(c.order[0])
	}
	c.order, c.bytes = append(c.order, key), c.bytes+bytes
	c.values[key] = cached{value, bytes}
}

func (c *cache) drop(key string) {
	v, ok := c.values[key]
	if !ok {
		return
	}
	delete(c.values, key)
	c.bytes -= v.bytes
	for i, k := range c.order {
		if k == key {
			c.order = append(c.order[:i], c.order[i+1:]...)
			break
		}
	}
}

// forget drops all values whose keys begin so.
func (c *cache) forget(prefix string) {
	for _, k := range append([]string(nil), c.order...) {
		if strings.HasPrefix(k, prefix) {
			c.drop(k)
		}
	}
}
