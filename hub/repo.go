package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
)

// Repo is what the hub holds of a repository at one commit.
type Repo struct {
	Name     string // owner/name, as asked for
	Revision string // as asked for
	Commit   string // 40 hexadecimal digits
	Files    []File // sorted by name
}

// File is one file of a repository.
type File struct {
	Name   string // slash-separated, relative, safe to join to a folder
	Size   int64  // bytes
	SHA256 string // of the content, where the hub keeps it in LFS or Xet, else ""
	Blob   string // git's SHA-1 of the content, for the others
}

// etag is the name of the file's blob in the cache and the ETag the hub gives
// it.
func (f File) etag() string {
	if f.SHA256 != "" {
		return f.SHA256
	}
	return f.Blob
}

const (
	listBytes = 64 << 20 // the longest list of files that is read
	fileBytes = 1 << 44  // the biggest file believed, 16 TiB: chunks are counted by it
)

// Resolve asks the hub which files a repository has at a revision ("" is
// main). Errors explain repositories that are gated, private or misspelt, and
// lists that name files outside of the repository.
func (c *Client) Resolve(ctx context.Context, repo, revision string) (*Repo, error) {
	if revision == "" {
		revision = "main"
	}
	err := checkRepo(repo)
	if err == nil {
		err = checkRevision(revision)
	}
	if err == nil && c.Offline {
		err = ErrOffline
	}
	var s *session
	if err == nil {
		s, err = c.session()
	}
	if err != nil {
		return nil, fmt.Errorf("hub: %s: %w", repo, err)
	}
	defer s.close()
	r, err := s.resolve(ctx, repo, revision)
	if err != nil {
		return nil, fmt.Errorf("hub: %s: %w", repo, err)
	}
	return r, nil
}

// resolve reads /api/models/{repo}/revision/{revision}?blobs=true, the call of
// huggingface_hub's model_info(files_metadata=True).
func (s *session) resolve(ctx context.Context, repo, revision string) (*Repo, error) {
	address := s.Endpoint + "/api/models/" + repo + "/revision/" + url.PathEscape(revision) + "?blobs=true"
	var list []byte
	// Few attempts: somebody without a network should hear of it soon.
	err := s.retry(ctx, min(s.Retries, 3), func() (bool, error) {
		var err error
		list, err = s.getSmall(ctx, address, what{repo: repo, revision: revision})
		return false, err
	})
	if err != nil {
		return nil, err
	}
	r, err := decodeRepo(list)
	if err != nil {
		return nil, fmt.Errorf("the list of files of %s: %w", s.base.Host, err)
	}
	r.Name, r.Revision = repo, revision
	return r, nil
}

// getSmall reads a whole answer of at most listBytes.
func (s *session) getSmall(ctx context.Context, address string, asked what) ([]byte, error) {
	ctx, touch, stop := watch(ctx, s.Stall)
	defer stop()
	a, err := s.do(ctx, address, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	if err := s.check(a.Response, asked); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if _, err := io.Copy(&buf, io.LimitReader(touching{a.Body, touch}, listBytes+1)); err != nil {
		return nil, lost(ctx, err)
	}
	if buf.Len() > listBytes {
		return nil, fmt.Errorf("the list of files is longer than %s", Size(listBytes))
	}
	return buf.Bytes(), nil
}

// decodeRepo reads and checks the hub's answer; nothing in it is trusted.
func decodeRepo(list []byte) (*Repo, error) {
	var answer struct {
		SHA      string `json:"sha"`
		Siblings []struct {
			Name string `json:"rfilename"`
			Size *int64 `json:"size"`
			Blob string `json:"blobId"`
			LFS  *struct {
				Size   int64  `json:"size"`
				SHA256 string `json:"sha256"`
			} `json:"lfs"`
		} `json:"siblings"`
	}
	if err := json.Unmarshal(list, &answer); err != nil {
		return nil, fmt.Errorf("is not what the hub answers: %w", err)
	}
	if !commitPattern.MatchString(answer.SHA) {
		return nil, fmt.Errorf("its commit is %q, not 40 hexadecimal digits", answer.SHA)
	}
	r := &Repo{Commit: answer.SHA, Files: make([]File, 0, len(answer.Siblings))}
	for _, sibling := range answer.Siblings {
		f := File{Name: sibling.Name, Size: -1, Blob: sibling.Blob}
		if sibling.Size != nil {
			f.Size = *sibling.Size
		}
		if sibling.LFS != nil {
			f.Size, f.SHA256, f.Blob = sibling.LFS.Size, sibling.LFS.SHA256, ""
		}
		if err := f.check(); err != nil {
			return nil, err
		}
		r.Files = append(r.Files, f)
	}
	sort.Slice(r.Files, func(i, j int) bool { return r.Files[i].Name < r.Files[j].Name })
	for i := 1; i < len(r.Files); i++ {
		if r.Files[i].Name == r.Files[i-1].Name {
			return nil, fmt.Errorf("%s is listed twice", r.Files[i].Name)
		}
	}
	return r, nil
}

func (f File) check() error {
	if err := checkName(f.Name); err != nil {
		return err
	}
	if f.Size < 0 || f.Size > fileBytes {
		return fmt.Errorf("%s: its size is missing or not to be believed (%d bytes)", f.Name, f.Size)
	}
	// The hash becomes a file name, so its form is a matter of safety too.
	if f.SHA256 != "" && !sha256Pattern.MatchString(f.SHA256) || f.SHA256 == "" && !commitPattern.MatchString(f.Blob) {
		return fmt.Errorf("%s: its hash %q is neither a SHA-256 nor git's SHA-1", f.Name, f.etag())
	}
	return nil
}

// Size prints a number of bytes as people say it: 25.4 GB.
func Size(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), 0
	for value >= 999.95 && unit < 5 {
		value /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", value, " kMGTP"[unit])
}
