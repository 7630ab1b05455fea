package hub

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// Model is a repository in the cache.
type Model struct {
	Repo      string // owner/name
	Dir       string
	Size      int64     // bytes on disk of all revisions; shared contents count once
	Partial   int64     // bytes of unfinished downloads, not in Size
	LastUse   time.Time // when a file was last read, as far as the system tells
	Revisions []Revision
}

// Revision is one snapshot of a model.
type Revision struct {
	Commit string
	Refs   []string // the revisions last seen at this commit: main, a tag
	Dir    string   // holds the files by their names
	Files  []File   // without hashes
}

// Find looks up "REPO[@revision][:file-glob]" in the cache alone and returns
// the snapshot folder. Without a glob the snapshot must hold a whole model: the
// files Pull would take, or GGUF files. The error is ErrNotCached where they
// are missing.
func (c *Client) Find(text string) (dir string, err error) {
	sp, err := parseSpec(text)
	if err == nil {
		dir, err = c.find(sp)
	}
	if err != nil {
		return "", fmt.Errorf("hub: find %s: %w", text, err)
	}
	return dir, nil
}

func (c *Client) find(sp spec) (string, error) {
	f := newFolder(c.cacheDir(), sp.repo)
	commit, err := f.commit(sp)
	if err != nil {
		return "", err
	}
	files, err := f.files(commit)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%w: commit %s of %s, under %s", ErrNotCached, commit, sp.repo, f.cache)
	}
	if err != nil {
		return "", err
	}
	glob := sp.glob
	if glob == "" && len(filter(files, isGGUF)) > 0 {
		glob = "**/*" // whoever pulled it chose
	}
	chosen, err := pick(files, glob)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotCached, err)
	}
	if name := missingShard(chosen); name != "" {
		return "", fmt.Errorf("%w: %s is missing", ErrNotCached, name)
	}
	return f.snapshot(commit), nil
}

// List is the models in the cache, by name. A cache that does not exist yet is
// empty.
func (c *Client) List() ([]Model, error) {
	cache := c.cacheDir()
	entries, err := os.ReadDir(cache)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("hub: %w", err)
	}
	var models []Model
	for _, entry := range entries {
		name, ok := strings.CutPrefix(entry.Name(), folderPrefix)
		repo := strings.ReplaceAll(name, "--", "/")
		if !ok || checkRepo(repo) != nil {
			continue
		}
		m, err := newFolder(cache, repo).model(repo)
		if err != nil {
			return nil, fmt.Errorf("hub: %s: %w", repo, err)
		}
		models = append(models, m)
	}
	sort.Slice(models, func(i, j int) bool { return models[i].Repo < models[j].Repo })
	return models, nil
}

// model reads one repository's folder.
func (f folder) model(repo string) (Model, error) {
	m := Model{Repo: repo, Dir: f.path, Partial: f.unfinished()}
	snapshots, err := os.ReadDir(filepath.Join(f.path, "snapshots"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return m, err
	}
	refs := f.refsByCommit()
	counted := map[string]bool{}
	for _, entry := range snapshots {
		commit := entry.Name()
		if !commitPattern.MatchString(commit) {
			continue
		}
		files, err := f.files(commit)
		if err != nil {
			return m, err
		}
		for _, file := range files {
			real, err := filepath.EvalSymlinks(f.pointer(commit, file.Name))
			if err != nil || counted[real] {
				continue
			}
			counted[real] = true
			m.Size += file.Size
			if used := lastUse(real); used.After(m.LastUse) {
				m.LastUse = used
			}
		}
		m.Revisions = append(m.Revisions, Revision{commit, refs[commit], f.snapshot(commit), files})
	}
	return m, nil
}

// refsByCommit reads refs, which may nest (refs/pr/1).
func (f folder) refsByCommit() map[string][]string {
	refs := map[string][]string{}
	filepath.WalkDir(f.refs(), func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		name, relErr := filepath.Rel(f.refs(), path)
		if err == nil && relErr == nil {
			refs[string(text)] = append(refs[string(text)], filepath.ToSlash(name))
		}
		return nil
	})
	return refs
}

// unfinished adds up downloads that are not over, ours and huggingface_hub's.
func (f folder) unfinished() int64 {
	blobs, _ := os.ReadDir(filepath.Join(f.path, "blobs"))
	var n int64
	for _, blob := range blobs {
		path := f.blob(blob.Name())
		info, err := os.Stat(path)
		if err != nil || !strings.HasSuffix(path, ".incomplete") {
			continue
		}
		if old, ok := readState(path+".json", info.Size()); ok {
			n += old.bytes() // ours has holes
		} else if !strings.HasSuffix(path, partialEnd) {
			n += info.Size()
		}
	}
	return n
}

// Remove deletes a repository, all its revisions and unfinished downloads,
// from the cache. The error is ErrNotCached where it is not there.
func (c *Client) Remove(repo string) error {
	if err := checkRepo(repo); err != nil {
		return fmt.Errorf("hub: remove: %w", err)
	}
	f := newFolder(c.cacheDir(), repo)
	if _, err := os.Lstat(f.path); err != nil {
		return fmt.Errorf("hub: remove %s: %w: no %s", repo, ErrNotCached, f.path)
	}
	shared := f.shared()
	if err := os.RemoveAll(f.path); err != nil {
		return fmt.Errorf("hub: remove: %w", err)
	}
	os.RemoveAll(f.locks())
	for _, payload := range shared {
		if err := f.release(payload); err != nil {
			return fmt.Errorf("hub: remove %s: shared contents: %w", repo, err)
		}
	}
	return nil
}
