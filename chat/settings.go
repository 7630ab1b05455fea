package chat

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// A setting is read from and written as text.
type setting struct {
	name string
	get  func(s *Settings) string
	set  func(s *Settings, value string) error
}

var settings = []setting{
	floating("temperature", 0, 100, func(s *Settings) **float64 { return &s.Temperature }),
	floating("top-p", 0, 1, func(s *Settings) **float64 { return &s.TopP }),
	whole("top-k", func(s *Settings) **int { return &s.TopK }),
	floating("min-p", 0, 1, func(s *Settings) **float64 { return &s.MinP }),
	{"seed", func(s *Settings) string { return show(s.Seed) }, func(s *Settings, value string) error {
		v, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return fmt.Errorf("a seed is a whole number of 0 or more")
		}
		s.Seed = &v
		return nil
	}},
	{"max-tokens", func(s *Settings) string {
		if s.MaxTokens == 0 {
			return show[int](nil)
		}
		return strconv.Itoa(s.MaxTokens)
	}, func(s *Settings, value string) error {
		v, err := strconv.Atoi(value)
		if err != nil || v < 0 {
			return fmt.Errorf("max-tokens is a whole number; 0 leaves it to the engine")
		}
		s.MaxTokens = v
		return nil
	}},
}

func floating(name string, least, most float64, of func(*Settings) **float64) setting {
	return setting{name, func(s *Settings) string { return show(*of(s)) }, func(s *Settings, value string) error {
		v, err := strconv.ParseFloat(value, 64)
		if err != nil || !(v >= least && v <= most) {
			return fmt.Errorf("%s is a number from %g to %g", name, least, most)
		}
		*of(s) = &v
		return nil
	}}
}

func whole(name string, of func(*Settings) **int) setting {
	return setting{name, func(s *Settings) string { return show(*of(s)) }, func(s *Settings, value string) error {
		v, err := strconv.Atoi(value)
		if err != nil || v < 0 {
			return fmt.Errorf("%s is a whole number of 0 or more", name)
		}
		*of(s) = &v
		return nil
	}}
}

// show writes a value, or that the engine has its own.
func show[T any](v *T) string {
	if v == nil {
		return "the engine's own"
	}
	return fmt.Sprint(*v)
}

func (c *Conversation) set(_ context.Context, args string) (string, error) {
	name, value, _ := strings.Cut(args, " ")
	name = strings.ReplaceAll(name, "_", "-")
	var lines []string
	for _, s := range settings {
		if s.name == name {
			if value = strings.TrimSpace(value); value != "" {
				if err := s.set(&c.Settings, value); err != nil {
					return "", err
				}
			}
			return s.name + " " + s.get(&c.Settings), nil
		}
		lines = append(lines, s.name+" "+s.get(&c.Settings))
	}
	if name != "" {
		return "", fmt.Errorf("there is no setting %q; /set shows them", name)
	}
	return strings.Join(lines, "\n"), nil
}
