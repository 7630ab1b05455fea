package grammar

import (
	"fmt"
	"slices"
)

// exclusive checks that of the branches of a oneOf no two can be satisfied by
// the same value: that exactly one is cannot be enforced otherwise. base are the
// alternatives beside it.
func (c *compiler) exclusive(base []*object, branches [][]*object, root any, path string) error {
	for i := range branches {
		var err error
		if branches[i], err = c.product(base, branches[i], path); err != nil {
			return err
		}
		for j := range i {
			for _, x := range branches[i] {
				for _, y := range branches[j] {
					if !c.apart(x, y, root, 0) {
						return &Error{path, "oneOf", fmt.Sprintf("alternatives %d and %d may both be satisfied, which cannot be prevented; "+
							"use anyOf, or a property with a different const in each", j, i)}
					}
				}
			}
		}
	}
	return nil
}

// apart reports whether surely no value satisfies both of two flat schemas.
func (c *compiler) apart(x, y *object, root any, depth int) bool {
	tx, err := typesOf(x, "")
	ty, err2 := typesOf(y, "")
	if err != nil || err2 != nil || depth > 8 {
		return false
	}
	vx, listedX, _ := enumeration(x, "")
	vy, listedY, _ := enumeration(y, "")
	if listedX {
		tx = typesOfValues(vx)
	}
	if listedY {
		ty = typesOfValues(vy)
	}
	common := slices.DeleteFunc(slices.Clone(tx), func(t string) bool {
		return !slices.ContainsFunc(ty, func(u string) bool { return baseType(t) == baseType(u) })
	})
	// A type that is only implied does not keep others out.
	if len(common) == 0 && typed(x) && typed(y) {
		return true
	}
	if listedX && listedY {
		return !slices.ContainsFunc(vx, func(v any) bool {
			return slices.ContainsFunc(vy, func(w any) bool { return same(v, w) })
		})
	}
	return typed(x) && typed(y) && len(common) == 1 && common[0] == "object" && c.objectsApart(x, y, root, depth)
}

// typed reports whether a schema says itself which types it allows.
func typed(s *object) bool { return has(s, "type") || has(s, "enum") || has(s, "const") }

// same reports whether two values are equal; numbers however they are spelled.
func same(v, w any) bool {
	if baseType(typeOf(v)) == "number" && baseType(typeOf(w)) == "number" {
		return true // surely apart only if they are of other types: 1 and 1.0 are the same
	}
	return spell(v) == spell(w)
}

func typesOfValues(values []any) (list []string) {
	for _, v := range values {
		list = append(list, typeOf(v))
	}
	return merged(list)
}

// objectsApart reports whether surely no object satisfies both: one requires a
// property that the other forbids, or for which they want values apart.
func (c *compiler) objectsApart(x, y *object, root any, depth int) bool {
	for _, o := range [][2]*object{{x, y}, {y, x}} {
		list, err := propertiesOf(o[0], "")
		if err != nil {
			return false
		}
		other := propertyObject(o[1])
		for _, p := range list {
			if !p.required {
				continue
			}
			if other == nil || !has(other, p.name) {
				if extra, _ := o[1].get("additionalProperties"); extra == false {
					return true
				}
				continue
			}
			a, err := c.flatten(p.schema, root, "", 0)
			b, err2 := c.flatten(other.values[p.name], root, "", 0)
			if err != nil || err2 != nil {
				continue
			}
			all := true
			for _, m := range a {
				for _, n := range b {
					all = all && c.apart(m, n, root, depth+1)
				}
			}
			if all {
				return true
			}
		}
	}
	return false
}
