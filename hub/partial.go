package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"
	"time"
)

// partial is a file under download: the bytes, sparse, and a state file beside
// them that says which of them are right. Both lie in the cache's blobs folder
// under names that huggingface_hub never continues itself, but counts and
// prunes as unfinished downloads.
type partial struct {
	path string // of the bytes; the state is at path + ".json"
	file *os.File
	w    io.WriterAt

	mu    sync.Mutex
	state state
	saved time.Time
}

// state is the content of the state file.
type state struct {
	ETag  string // the server's, "" where it gives none
	Size  int64
	Chunk int64  // bytes of all chunks but the last
	Marks []mark // one a chunk
}

// mark says how many bytes of a chunk are on disk, from its start, and their
// CRC-32C: a crash may keep the state and lose the bytes.
type mark struct {
	Bytes int64
	CRC   uint32
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The state is saved at the end of each chunk and, for slow connections, this
// often: it bounds what a kill loses.
const saveEvery = time.Second

// openPartial opens or makes the file and takes over what is right of an
// earlier run.
func openPartial(ctx context.Context, path string, size, chunk int64) (*partial, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	p := &partial{path: path, file: file, w: file, state: newState(size, chunk)}
	info, err := file.Stat()
	if err == nil && info.Size() == size {
		if old, ok := readState(path+".json", size); ok {
			p.state = old
		}
	} else if err == nil {
		err = file.Truncate(size)
	}
	if err == nil {
		err = p.verify(ctx)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return p, nil
}

func newState(size, chunk int64) state {
	return state{Size: size, Chunk: chunk, Marks: make([]mark, (size+chunk-1)/chunk)}
}

// readState is the state of an earlier run, if there is one that fits a file
// of this size.
func readState(path string, size int64) (state, bool) {
	text, err := os.ReadFile(path)
	var s state
	if err != nil || json.Unmarshal(text, &s) != nil {
		return s, false
	}
	if s.Size != size || s.Chunk <= 0 || int64(len(s.Marks)) != (size+s.Chunk-1)/s.Chunk {
		return s, false
	}
	for i, m := range s.Marks {
		if _, n := s.span(i); m.Bytes < 0 || m.Bytes > n {
			return s, false
		}
	}
	return s, true
}

// span is where chunk i lies in the file: its offset and length.
func (s *state) span(i int) (offset, n int64) {
	offset = int64(i) * s.Chunk
	return offset, min(s.Chunk, s.Size-offset)
}

func (s *state) bytes() int64 {
	var n int64
	for _, m := range s.Marks {
		n += m.Bytes
	}
	return n
}

// verify reads back what the state claims and forgets the chunks that are not
// as they were written.
func (p *partial) verify(ctx context.Context) error {
	for i, m := range p.state.Marks {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		offset, _ := p.state.span(i)
		h := crc32.New(castagnoli)
		if _, err := io.Copy(h, io.NewSectionReader(p.file, offset, m.Bytes)); err != nil {
			return err
		}
		if h.Sum32() != m.CRC {
			p.state.Marks[i] = mark{}
		}
	}
	return nil
}

// have is how much of chunk i is there, and whether that is all of it.
func (p *partial) have(i int) (n int64, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, length := p.state.span(i)
	return p.state.Marks[i].Bytes, p.state.Marks[i].Bytes == length
}

func (p *partial) bytes() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.bytes()
}

// add appends to chunk i. Each chunk has one writer at a time.
func (p *partial) add(i int, b []byte) error {
	offset, _ := p.state.span(i)
	have, _ := p.have(i)
	if _, err := p.w.WriteAt(b, offset+have); err != nil {
		return fullDisk(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	m := &p.state.Marks[i]
	*m = mark{m.Bytes + int64(len(b)), crc32.Update(m.CRC, castagnoli, b)}
	if _, n := p.state.span(i); m.Bytes < n && time.Since(p.saved) < saveEvery {
		return nil
	}
	return fullDisk(p.save())
}

// accept remembers the server's ETag and reports whether it is the one the
// bytes so far came under.
func (p *partial) accept(etag string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.ETag == "" {
		p.state.ETag = etag
	}
	return etag == "" || p.state.ETag == etag
}

// tag is the ETag that the bytes so far came under.
func (p *partial) tag() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.ETag
}

// reset forgets all bytes. Nobody may be writing.
func (p *partial) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = newState(p.state.Size, p.state.Chunk)
}

// save replaces the state file; p.mu is held. A kill leaves the old or the new
// one, never half of one.
func (p *partial) save() error {
	text, err := json.Marshal(&p.state)
	if err != nil {
		return err
	}
	p.saved = time.Now()
	if err := os.WriteFile(p.path+".json.tmp", text, 0o666); err != nil {
		os.Remove(p.path + ".json.tmp")
		return err
	}
	return os.Rename(p.path+".json.tmp", p.path+".json")
}

// close keeps what is there for the next run. The state on disk may stay older
// than the bytes where it cannot be written, on a full disk for one.
func (p *partial) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.save()
	p.file.Close()
}

// remove deletes bytes and state.
func (p *partial) remove() {
	p.file.Close()
	os.Remove(p.path)
	os.Remove(p.path + ".json")
}

// finish makes the bytes, which are known to be right, the blob.
func (p *partial) finish(blob string) error {
	if err := p.file.Sync(); err != nil {
		p.close()
		return fullDisk(err)
	}
	if err := p.file.Close(); err != nil {
		return fullDisk(err)
	}
	if err := os.Rename(p.path, blob); err != nil {
		return err
	}
	os.Remove(p.path + ".json")
	return nil
}

// fullDisk says what to do about a disk without space.
func fullDisk(err error) error {
	if err == nil || !isFull(err) {
		return err
	}
	return fmt.Errorf("the disk is full; what has arrived is kept: free some space and run again (%w)", err)
}
