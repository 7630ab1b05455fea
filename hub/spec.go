package hub

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// spec is REPO[@revision][:file-glob].
type spec struct {
	repo     string
	revision string // "main" where none is given
	pinned   bool   // a revision was given
	glob     string // "" picks what this program runs
}

// Names may hold neither ':' nor '@', so the first of each is the separator.
func parseSpec(text string) (spec, error) {
	if strings.Contains(text, "://") {
		return spec{}, fmt.Errorf("%q is an address: write OWNER/NAME, and set HF_ENDPOINT for another hub", text)
	}
	rest, glob, hasGlob := strings.Cut(text, ":")
	repo, revision, pinned := strings.Cut(rest, "@")
	if !pinned {
		revision = "main"
	}
	if hasGlob && (glob == "" || !doublestar.ValidatePattern(glob)) {
		return spec{}, fmt.Errorf("%q is not a file pattern: write REPO:*.gguf, for example", glob)
	}
	if err := checkRepo(repo); err != nil {
		return spec{}, err
	}
	return spec{repo, revision, pinned, glob}, checkRevision(revision)
}

// The rules of huggingface_hub/utils/_validators.py validate_repo_id.
var repoPattern = regexp.MustCompile(`^(\w|\w[\w.-]{0,94}\w)(/(\w|\w[\w.-]{0,94}\w))?$`)

func checkRepo(repo string) error {
	if !repoPattern.MatchString(repo) || strings.Contains(repo, "--") || strings.Contains(repo, "..") ||
		strings.HasSuffix(repo, ".git") {
		return fmt.Errorf("%q is not the name of a repository: write OWNER/NAME, as in mistralai/Pixtral-12B-2409", repo)
	}
	return nil
}

func checkRevision(revision string) error {
	if err := checkName(revision); err != nil || len(revision) > 255 {
		return fmt.Errorf("%q is not a revision: write a branch, a tag or a commit after the @", revision)
	}
	return nil
}

// checkName refuses names that would leave the folder they are joined to, on
// any system: absolute ones, those with .. or with Windows' separators and
// drives, and those a terminal would act on.
func checkName(name string) error {
	control := func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' || r == ':' }
	if name == "." || !fs.ValidPath(name) || !filepath.IsLocal(filepath.FromSlash(name)) ||
		strings.ContainsFunc(name, control) {
		return fmt.Errorf("the name %q is not a plain relative path: refused", name)
	}
	return nil
}

var (
	commitPattern = regexp.MustCompile(`^[0-9a-f]{40}$`)
	sha256Pattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// matches reports whether a file is meant by a glob: by its whole path, or by
// its last element where the glob has no slash.
func matches(glob, name string) bool {
	if !strings.Contains(glob, "/") {
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	return doublestar.MatchUnvalidated(glob, name)
}
