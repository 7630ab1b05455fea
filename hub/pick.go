package hub

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	consolidated = regexp.MustCompile(`^consolidated([.-]\d+(-of-\d+)?)?\.safetensors$`)
	hfSingle     = regexp.MustCompile(`^model\.safetensors$`)
	hfShard      = regexp.MustCompile(`^model-\d+-of-\d+\.safetensors$`)
	hfBeside     = regexp.MustCompile(`^(config|generation_config|(pre)?processor_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template)\.json$|^(merges\.txt|chat_template\.jinja|tekken\.json|model\.safetensors\.index\.json)$`)
	numbered     = regexp.MustCompile(`^(.*-)(\d{1,6})-of-(\d{1,6})(\.[^/]*)$`)
)

// pick chooses the files to fetch: those of the glob, else what this program
// runs. Mistral's form wins over Hugging Face's, since it is the one the model
// was published in; of GGUF files only the user knows which.
func pick(files []File, glob string) ([]File, error) {
	if glob != "" {
		return orList(files, filter(files, func(name string) bool { return matches(glob, name) }),
			fmt.Sprintf("no file matches %q", glob))
	}
	top := filter(files, func(name string) bool { return !strings.Contains(name, "/") })
	if weights := filter(top, consolidated.MatchString); len(weights) > 0 && has(top, "params.json") {
		return append(filter(top, func(name string) bool {
			return name == "params.json" || name == "tekken.json"
		}), weights...), nil
	}
	weights := filter(top, hfShard.MatchString)
	if len(weights) == 0 || !has(top, "model.safetensors.index.json") {
		weights = filter(top, hfSingle.MatchString)
	}
	if len(weights) > 0 && has(top, "config.json") {
		return append(filter(top, hfBeside.MatchString), weights...), nil
	}
	if len(filter(files, isGGUF)) > 0 {
		return orList(filter(files, isGGUF), nil, "the repository holds GGUF files: choose with REPO:PATTERN, several as REPO:{A,B}")
	}
	return orList(files, nil, "no model that this program runs (params.json with consolidated*.safetensors, config.json with model*.safetensors, *.gguf)")
}

func isGGUF(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".gguf") }

func filter(files []File, keep func(name string) bool) []File {
	var kept []File
	for _, f := range files {
		if keep(f.Name) {
			kept = append(kept, f)
		}
	}
	return kept
}

func has(files []File, name string) bool {
	return len(filter(files, func(n string) bool { return n == name })) > 0
}

// mostListed keeps an error on one screen.
const mostListed = 60

// orList is the chosen files, or an error that shows what there is.
func orList(files, chosen []File, reason string) ([]File, error) {
	if len(chosen) > 0 {
		return chosen, nil
	}
	var b strings.Builder
	b.WriteString(reason)
	b.WriteString("; it has")
	for i, f := range files {
		if i == mostListed {
			fmt.Fprintf(&b, "\n  and %d more", len(files)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %9s  %s", Size(f.Size), f.Name)
	}
	if len(files) == 0 {
		b.WriteString(" no files")
	}
	return nil, errors.New(b.String())
}

// missingShard names the first absent file of a numbered series
// (model-00002-of-00005.safetensors) of which others are there, "" if none.
func missingShard(files []File) string {
	there, seen := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		there[f.Name] = true
	}
	for _, f := range files {
		m := numbered.FindStringSubmatch(f.Name)
		if m == nil || seen[m[1]+m[3]+m[4]] {
			continue
		}
		seen[m[1]+m[3]+m[4]] = true
		total, err := strconv.Atoi(m[3])
		if err != nil {
			continue
		}
		for i := 1; i <= total; i++ {
			name := fmt.Sprintf("%s%0*d-of-%s%s", m[1], len(m[2]), i, m[3], m[4])
			if !there[name] {
				return name
			}
		}
	}
	return ""
}
