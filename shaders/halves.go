package shaders

import (
	_ "embed"
	"regexp"
	"strconv"
	"strings"
)

//go:embed lib/halves.wgsl
var softHalves string

var halves = regexp.MustCompile(`\b(un)?pack2x16float\b`)

// SoftHalves returns m with functions of its own in the place of WGSL's for half
// floats, which need an adapter that knows them.
func SoftHalves(m *Module) *Module {
	if !halves.MatchString(m.Code) {
		return m
	}
	soft := *m
	soft.Code = strings.TrimSuffix(halves.ReplaceAllString(m.Code, "soft_$0"), "\n") + "\n" + softHalves
	soft.origin = m.origin[:len(m.origin):len(m.origin)]
	for line := range strings.Count(softHalves, "\n") {
		soft.origin = append(soft.origin, "shaders/lib/halves.wgsl:"+strconv.Itoa(line+1))
	}
	return &soft
}
