package hub

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// folder is where the cache keeps one repository:
//
//	models--owner--name/blobs/ETAG                the contents, by hash
//	models--owner--name/refs/main                 the commit a revision was last seen at
//	models--owner--name/snapshots/COMMIT/FILE     links to the blobs
//
// as in huggingface_hub/file_download.py.
type folder struct {
	cache, path string
}

const folderPrefix = "models--"

func newFolder(cache, repo string) folder {
	return folder{cache, filepath.Join(cache, folderPrefix+strings.ReplaceAll(repo, "/", "--"))}
}

func (f folder) blob(etag string) string       { return filepath.Join(f.path, "blobs", etag) }
func (f folder) snapshot(commit string) string { return filepath.Join(f.path, "snapshots", commit) }
func (f folder) refs() string                  { return filepath.Join(f.path, "refs") }
func (f folder) locks() string                 { return filepath.Join(f.cache, ".locks", filepath.Base(f.path)) }

// partialEnd marks our unfinished blobs. huggingface_hub's are ETAG.incomplete
// and ETAG.RANDOM.incomplete; some versions append to the former, so it must
// not be ours, which has holes.
const partialEnd = ".ranges.incomplete"

func (f folder) partial(etag string) string { return f.blob(etag) + partialEnd }

func (f folder) pointer(commit, name string) string {
	return filepath.Join(f.snapshot(commit), filepath.FromSlash(name))
}

// hasSize reports whether a regular file of this size is at the path or where
// it links.
func hasSize(path string, size int64) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

// link puts a blob into a snapshot: by a relative symbolic link, else a hard
// link, else (on FAT, for one) the file itself: a fresh blob is moved, one that
// other snapshots may need is copied.
func (s *session) link(blob, pointer string, fresh bool) error {
	if err := os.MkdirAll(filepath.Dir(pointer), 0o777); err != nil {
		return err
	}
	if err := os.Remove(pointer); err != nil && !os.IsNotExist(err) {
		return err
	}
	target, err := filepath.Rel(filepath.Dir(pointer), blob)
	if err == nil && s.symlink(target, pointer) == nil {
		return nil
	}
	real, err := filepath.EvalSymlinks(blob)
	if err != nil {
		return err
	}
	if s.hard(real, pointer) == nil {
		return nil
	}
	if fresh {
		return os.Rename(blob, pointer)
	}
	return copyFile(real, pointer)
}

// copyFile copies a blob; a pointer is whole or absent.
func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	return fullDisk(replace(to, src))
}

// replace writes a file under another name first, so that readers see the old
// content or the new one.
func replace(path string, content io.Reader) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = io.Copy(tmp, content)
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Chmod(tmp.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}

// setRef remembers the commit of a revision. The file has no newline:
// huggingface_hub reads it as it is.
func (f folder) setRef(revision, commit string) error {
	if revision == commit {
		return nil
	}
	path := filepath.Join(f.refs(), filepath.FromSlash(revision))
	if old, err := os.ReadFile(path); err == nil && string(old) == commit {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return replace(path, strings.NewReader(commit))
}

// commit is the snapshot a revision stands for in the cache. Without a pinned
// revision and without refs/main, the only snapshot there is.
func (f folder) commit(sp spec) (string, error) {
	if commitPattern.MatchString(sp.revision) {
		return sp.revision, nil
	}
	text, err := os.ReadFile(filepath.Join(f.refs(), filepath.FromSlash(sp.revision)))
	if commit := strings.TrimSpace(string(text)); err == nil && commitPattern.MatchString(commit) {
		return commit, nil
	}
	entries, _ := os.ReadDir(filepath.Join(f.path, "snapshots"))
	if !sp.pinned && len(entries) == 1 && commitPattern.MatchString(entries[0].Name()) {
		return entries[0].Name(), nil
	}
	return "", fmt.Errorf("%w: revision %s of %s, under %s", ErrNotCached, sp.revision, sp.repo, f.cache)
}

// files lists a snapshot: what is whole and readable, by slash-separated name.
func (f folder) files(commit string) ([]File, error) {
	root := f.snapshot(commit)
	var files []File
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			return nil // a link to a blob that is gone
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		files = append(files, File{Name: filepath.ToSlash(name), Size: info.Size()})
		return nil
	})
	return files, err
}
