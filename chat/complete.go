package chat

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// complete completes a line at its end: a command's name, a setting, or a path
// behind a command that takes one. It returns the line as far as it is clear,
// and what it could go on as.
func complete(line string) (completed string, choices []string) {
	rest, ok := strings.CutPrefix(line, "/")
	if !ok {
		return line, nil
	}
	name, args, spaced := strings.Cut(rest, " ")
	if !spaced {
		for _, k := range commands {
			if strings.HasPrefix(k.name, name) {
				choices = append(choices, "/"+k.name)
			}
		}
		return extend(line, choices, " "), choices
	}
	i := slices.IndexFunc(commands, func(k command) bool { return k.name == name })
	switch {
	case name == "set" && !strings.Contains(args, " "):
		for _, s := range settings {
			if strings.HasPrefix(s.name, args) {
				choices = append(choices, s.name)
			}
		}
		return "/set " + extend(args, choices, " "), choices
	case i >= 0 && commands[i].paths:
		start := wordStart(args)
		word, choices := completePath(args[start:])
		return "/" + name + " " + args[:start] + word, choices
	}
	return line, nil
}

// extend returns the longest beginning that the choices share; a single one is
// followed by end.
func extend(word string, choices []string, end string) string {
	if len(choices) == 0 {
		return word
	}
	common := choices[0]
	for _, c := range choices[1:] {
		for !strings.HasPrefix(c, common) {
			common = common[:len(common)-1]
		}
	}
	if len(choices) == 1 {
		common += end
	}
	return common
}

// wordStart returns where the last word begins; a backslash keeps a space in
// it.
func wordStart(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == ' ' && (i == 0 || s[i-1] != '\\') {
			return i + 1
		}
	}
	return 0
}

var (
	escapes   = strings.NewReplacer(`\`, `\\`, " ", `\ `, "'", `\'`, `"`, `\"`, "(", `\(`, ")", `\)`, "&", `\&`)
	unescapes = strings.NewReplacer(`\\`, `\`, `\ `, " ", `\'`, "'", `\"`, `"`, `\(`, "(", `\)`, ")", `\&`, "&")
)

// completePath completes a path written with backslashes before spaces.
func completePath(word string) (string, []string) {
	path := unescapes.Replace(word)
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(expand(dir + "."))
	if err != nil {
		return word, nil
	}
	var choices []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), base) && (base != "" || !strings.HasPrefix(e.Name(), ".")) {
			name := e.Name()
			if e.IsDir() {
				name += string(filepath.Separator)
			}
			choices = append(choices, name)
		}
	}
	if len(choices) == 0 {
		return word, nil
	}
	completed := escapes.Replace(dir + extend(base, choices, ""))
	if len(choices) == 1 && !strings.HasSuffix(choices[0], string(filepath.Separator)) {
		completed += " "
	}
	return completed, choices
}

// expand makes a home directory of ~.
func expand(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}
