package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"pixtral-wgpu/hub"
)

// locate returns the files of a model that is named by its path, or by the name
// of a repository that pull has fetched.
func locate(model string) (path string, more []string, err error) {
	if _, err := os.Stat(model); err == nil || !isRepo(model) {
		return model, nil, nil // what is not there is told by who opens it
	}
	client, err := hub.FromEnv()
	if err != nil {
		return "", nil, err
	}
	dir, err := client.Find(model)
	if errors.Is(err, hub.ErrNotCached) {
		return "", nil, fmt.Errorf("%w; there is no file of that name either. To fetch it: pixtral-wgpu pull %s", err, model)
	}
	if err != nil {
		return "", nil, err
	}
	if _, pattern, ok := strings.Cut(model, ":"); ok {
		return chosen(dir, pattern)
	}
	return dir, nil, nil
}

// isRepo reports whether a name is OWNER/NAME, with or without a revision and a
// pattern, and no path that begins at some directory.
func isRepo(name string) bool {
	repo, _, _ := strings.Cut(name, ":")
	repo, _, _ = strings.Cut(repo, "@")
	return strings.Count(repo, "/") == 1 && !strings.HasPrefix(repo, ".") && !strings.HasPrefix(repo, "/") &&
		!strings.HasPrefix(repo, "~") && !strings.HasSuffix(repo, "/")
}

// chosen returns the GGUF files that a pattern picks, the text first; a pattern
// of other files stands for their directory.
func chosen(dir, pattern string) (path string, more []string, err error) {
	if !strings.Contains(pattern, "/") {
		pattern = "**/" + pattern // as pull takes it
	}
	names, err := doublestar.Glob(os.DirFS(dir), pattern, doublestar.WithFilesOnly())
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", dir, err)
	}
	var texts []string
	for _, name := range names {
		full := filepath.Join(dir, filepath.FromSlash(name))
		switch base := strings.ToLower(filepath.Base(name)); {
		case !strings.HasSuffix(base, ".gguf"):
		case strings.Contains(base, "mmproj"):
			more = append(more, full)
		default:
			texts = append(texts, full)
		}
	}
	switch {
	case len(texts) == 0:
		return dir, nil, nil
	case len(texts) > 1 || len(more) > 1:
		return "", nil, fmt.Errorf("the pattern %s picks %s; name one text model and one mmproj", pattern, strings.Join(names, ", "))
	}
	return texts[0], more, nil
}
