package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// Pull makes sure that the files of "REPO[@revision][:file-glob]" are in the
// cache and returns the snapshot folder that holds them.
//
// Without a glob it takes what this program runs: params.json,
// consolidated*.safetensors and tekken.json, else config.json,
// model*.safetensors and what lies beside them. Of GGUF files only the user
// knows which: the error lists them. The glob is doublestar's (*, **, ?, [a-z],
// {a,b}) and is compared with the whole path, or with its last element if it
// has no slash.
//
// progress may be nil; it is called about ten times a second, never twice at
// once, and a last time when all is there. A run that was stopped by ctx, a
// kill, a lost connection or a full disk is continued by the next one.
func (c *Client) Pull(ctx context.Context, text string, progress func(Progress)) (dir string, err error) {
	if c.Offline {
		dir, err := c.Find(text)
		if err != nil {
			return "", fmt.Errorf("%w; %w", err, ErrOffline)
		}
		return dir, nil
	}
	dir, err = c.pull(ctx, text, progress)
	if err == nil {
		return dir, nil
	}
	if ctx.Err() != nil {
		err = ctx.Err() // whatever the interruption looked like from inside
	}
	return "", fmt.Errorf("hub: pull %s: %w", text, err)
}

func (c *Client) pull(ctx context.Context, text string, progress func(Progress)) (string, error) {
	sp, err := parseSpec(text)
	if err != nil {
		return "", err
	}
	s, err := c.session()
	if err != nil {
		return "", err
	}
	defer s.close()
	repo, err := s.resolve(ctx, sp.repo, sp.revision)
	if err != nil {
		return "", err
	}
	files, err := pick(repo.Files, sp.glob)
	if err != nil {
		return "", err
	}
	if name := missingShard(files); name != "" && sp.glob == "" {
		return "", fmt.Errorf("the repository lacks %s: its upload may not be finished", name)
	}
	f := newFolder(s.CacheDir, sp.repo)
	if err := s.fetch(ctx, f, repo, files, progress); err != nil {
		return "", err
	}
	return f.snapshot(repo.Commit), f.setRef(sp.revision, repo.Commit)
}

// fetch brings the files into the snapshot, small ones first: they are the
// ones whose faults are cheap to learn.
func (s *session) fetch(ctx context.Context, f folder, repo *Repo, files []File, progress func(Progress)) error {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b File) int { return cmp.Compare(a.Size, b.Size) })
	for _, dir := range []string{filepath.Join(f.path, "blobs"), f.snapshot(repo.Commit), f.locks()} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return fmt.Errorf("the cache cannot be written, set HF_HUB_CACHE to another folder: %w", err)
		}
	}
	slots := make(chan struct{}, s.Parallel)
	transfers := make([]*transfer, len(files))
	var need int64
	for i, file := range files {
		transfers[i] = &transfer{s: s, repo: repo, file: file, slots: slots}
		transfers[i].done = hasSize(f.pointer(repo.Commit, file.Name), file.Size)
		need += transfers[i].need(f)
	}
	if err := s.fits(f, need); err != nil {
		return err
	}
	m := startMeter(transfers, progress)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(s.Parallel)
	for _, t := range transfers {
		if t.done {
			continue
		}
		g.Go(func() error {
			if err := t.place(gctx, f); err != nil {
				return fmt.Errorf("%s: %w", t.file.Name, err)
			}
			return nil
		})
	}
	err := g.Wait()
	m.stop(err == nil)
	return err
}

// need is how many bytes of the disk the transfer will take.
func (t *transfer) need(f folder) int64 {
	if t.done || hasSize(f.blob(t.file.etag()), t.file.Size) {
		return 0
	}
	if old, ok := readState(f.partial(t.file.etag())+".json", t.file.Size); ok {
		return t.file.Size - old.bytes()
	}
	return t.file.Size
}

// fits compares with the free space before the first byte is asked for.
func (s *session) fits(f folder, need int64) error {
	free, err := s.free(filepath.Join(f.path, "blobs"))
	if err != nil || need <= 0 || uint64(need) <= free {
		return nil // where the system does not tell, the disk itself will
	}
	return fmt.Errorf("%s are still to be fetched and the disk of %s has %s free: make room or set HF_HUB_CACHE to another disk",
		Size(need), f.cache, Size(int64(min(free, 1<<62))))
}

// place downloads one file, unless its blob is there, and links it into the
// snapshot. The lock is the one huggingface_hub takes for the same blob.
func (t *transfer) place(ctx context.Context, f folder) error {
	etag := t.file.etag()
	unlock, err := lock(ctx, filepath.Join(f.locks(), etag+".lock"))
	if err != nil {
		return err
	}
	defer unlock()
	fresh := !hasSize(f.blob(etag), t.file.Size)
	if fresh {
		if err := t.toBlob(ctx, f); err != nil {
			return err
		}
	}
	if err := t.s.link(f.blob(etag), f.pointer(t.repo.Commit, t.file.Name), fresh); err != nil {
		return err
	}
	t.mu.Lock()
	t.done = true
	t.mu.Unlock()
	return nil
}

// toBlob downloads into the partial file and turns it into the blob. On any
// error but wrong data the partial file stays for the next run.
func (t *transfer) toBlob(ctx context.Context, f folder) error {
	etag := t.file.etag()
	part, err := openPartial(ctx, f.partial(etag), t.file.Size, t.s.ChunkBytes)
	if err != nil {
		return fullDisk(err)
	}
	if t.s.writer != nil {
		part.w = t.s.writer(part.file)
	}
	t.mu.Lock()
	t.part = part // and stays, for the progress
	t.mu.Unlock()
	err = t.download(ctx)
	var bad *corrupt
	switch {
	case errors.As(err, &bad):
		part.remove()
		return err
	case err != nil:
		part.close()
		return err
	}
	return part.finish(f.blob(etag))
}

const lockPoll = 200 * time.Millisecond

// lock waits for a lock file of its own or of another process. Where the file
// system has no locks it goes on without: two processes would then do the same
// work twice, and the hash is checked before anything counts.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o664)
	if err != nil {
		return nil, err
	}
	for {
		switch err := tryLock(file); {
		case err == nil, !errors.Is(err, errLocked):
			return func() { file.Close() }, nil
		}
		if err := sleep(ctx, lockPoll); err != nil {
			file.Close()
			return nil, err
		}
	}
}
