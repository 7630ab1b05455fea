package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// outer are the values that trace writes unless it is told otherwise: those
// between the layers.
var outer = []string{
	"images.*.pixels", "vision.*.ln_pre", "vision.*.layers.*", "adapter.*", "embeddings", "layers.*", "norm", "logits",
}

// globs choose values by name. Dots part a name: * is one part or some of it,
// ** any number of parts, and a pattern that begins with "*." begins anywhere.
type globs []string

// parseGlobs turns patterns into those of doublestar, which parts by slashes.
func parseGlobs(patterns []string) (globs, error) {
	var g globs
	for _, p := range patterns {
		slashed := strings.ReplaceAll(p, ".", "/")
		if strings.HasPrefix(slashed, "*/") {
			slashed = "*" + slashed
		}
		if !doublestar.ValidatePattern(slashed) {
			return nil, misuse("--match %q is not a pattern; for example layers.*, *.attention.q* or **", p)
		}
		g = append(g, slashed)
	}
	return g, nil
}

func (g globs) match(name string) bool {
	slashed := strings.ReplaceAll(name, ".", "/")
	return slices.ContainsFunc(g, func(p string) bool {
		ok, _ := doublestar.Match(p, slashed) // patterns were validated
		return ok
	})
}

var digits = regexp.MustCompile(`\.\d+`)

// describe names some of the values of a pass, the outer ones first.
func describe(names []string) string {
	const inner = 4
	outside, _ := parseGlobs(outer)
	var first, others []string
	for _, name := range names {
		list := &others
		if outside.match(name) {
			list = &first
		}
		if kind := digits.ReplaceAllString(name, ".N"); !slices.Contains(*list, kind) {
			*list = append(*list, kind)
		}
	}
	shown := append(first, others[:min(inner, len(others))]...)
	return fmt.Sprintf("there are, for numbers N, %s and %d more (** matches all)", strings.Join(shown, ", "), len(others)-min(inner, len(others)))
}
