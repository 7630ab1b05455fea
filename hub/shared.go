package hub

import (
	"context"
	"os"
	"path/filepath"
	"slices"
)

// Newer versions of huggingface_hub keep contents that several repositories
// share once, at CACHE/blobs/XX/HASH, and let each repository's blob link to
// them (huggingface_hub/utils/_shared_blobs.py). We never write there, but a
// model that is removed must give its space back.

// shared lists the payloads that blobs of the repository link to.
func (f folder) shared() []string {
	store := filepath.Join(f.cache, "blobs")
	if _, err := os.Lstat(filepath.Join(store, ".huggingface-shared-blobs")); err != nil {
		return nil
	}
	var payloads []string
	blobs, _ := os.ReadDir(filepath.Join(f.path, "blobs"))
	for _, blob := range blobs {
		target, ok := linkTarget(f.blob(blob.Name()))
		hash := filepath.Base(target)
		if ok && sha256Pattern.MatchString(hash) && target == filepath.Join(store, hash[:2], hash) {
			payloads = append(payloads, target)
		}
	}
	return payloads
}

// linkTarget is the first hop of a symbolic link, as an absolute path where
// the link's own path is one.
func linkTarget(path string) (string, bool) {
	target, err := os.Readlink(path)
	if err != nil {
		return "", false
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(path), target)
	}
	return filepath.Clean(target), true
}

// release deletes a payload that no repository links to any more, under the
// lock with which huggingface_hub makes new links.
func (f folder) release(payload string) error {
	unlock, err := lock(context.Background(), payload+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	repos, err := os.ReadDir(f.cache)
	if err != nil {
		return err
	}
	for _, repo := range repos { // data sets and spaces too
		other := folder{f.cache, filepath.Join(f.cache, repo.Name())}
		if slices.Contains(other.shared(), payload) {
			return nil
		}
	}
	if err := os.Remove(payload); err != nil && !os.IsNotExist(err) {
		return err
	}
	os.Remove(payload + ".refs")
	return nil
}
