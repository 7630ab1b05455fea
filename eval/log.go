package eval

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"pixtral-wgpu/remote"
)

// A Header is the first line of a log: what was run. A run goes on only from a
// log with the same header.
type Header struct {
	Task  string `json:"eval"`
	Model string `json:"model"`
	Data  string `json:"data"`
	Limit int    `json:"limit"`
	Judge string `json:"judge,omitempty"`
}

// An Entry is a line of a log: one item, answered and scored.
type Entry struct {
	ID           string             `json:"id"`
	Request      string             `json:"request"` // hash of the request, images included
	Question     string             `json:"question"`
	References   []string           `json:"references"`
	Answer       string             `json:"answer"` // the last
	Earlier      []string           `json:"earlier_answers,omitempty"`
	FinishReason string             `json:"finish_reason"`
	Scores       map[string]float64 `json:"scores"`
	Weights      map[string]float64 `json:"weights,omitempty"` // of scores that do not weigh 1
	Judgement    string             `json:"judgement,omitempty"`
	Meta         map[string]string  `json:"meta,omitempty"`
	Usage        remote.Usage       `json:"usage"`
	Seconds      float64            `json:"seconds"`
}

// A Log is the file that a run writes as it goes.
type Log struct {
	Header  Header
	Entries map[string]Entry // by id

	mu   sync.Mutex
	file *os.File
}

// OpenLog opens a log to go on from, or begins one. A line that a kill cut
// short is dropped.
func OpenLog(path string, h Header) (*Log, error) {
	l, whole, err := readLog(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		l = &Log{Header: h, Entries: map[string]Entry{}}
	case err != nil:
		return nil, err
	case whole > 0 && l.Header != h:
		return nil, fmt.Errorf("%s is the log of another run (%v); choose another --out, or delete it", path, l.Header)
	}
	if l.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, err
	}
	if err = l.file.Truncate(whole); err == nil {
		_, err = l.file.Seek(whole, 0)
	}
	if err == nil && whole == 0 {
		l.Header = h
		err = l.write(h)
	}
	if err != nil {
		l.file.Close()
		return nil, err
	}
	return l, nil
}

// ReadLog reads a log.
func ReadLog(path string) (*Log, error) {
	l, whole, err := readLog(path)
	if err == nil && whole == 0 {
		err = fmt.Errorf("%s is empty", path)
	}
	return l, err
}

// readLog reads a log and says how many of its bytes are whole lines.
func readLog(path string) (*Log, int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, err
	}
	l := &Log{Entries: map[string]Entry{}}
	whole := bytes.LastIndexByte(data, '\n') + 1
	for n, line := range bytes.Split(data[:whole], []byte("\n")) {
		var err error
		switch {
		case len(line) == 0:
		case n == 0:
			if err = json.Unmarshal(line, &l.Header); err == nil && l.Header.Task == "" {
				err = errors.New("it says of no evaluation")
			}
		default:
			var e Entry
			if err = json.Unmarshal(line, &e); err == nil {
				l.Entries[e.ID] = e
			}
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%s is no log of eval: line %d: %w", path, n+1, err)
		}
	}
	return l, int64(whole), nil
}

// Add writes an entry. It is safe for concurrent use.
func (l *Log) Add(e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.write(e); err != nil {
		return err
	}
	l.Entries[e.ID] = e
	return nil
}

// write writes a line at once, so that a kill leaves at most its beginning.
func (l *Log) write(v any) error {
	if l.file == nil {
		return nil // a log in memory
	}
	line, err := json.Marshal(v)
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	return err
}

// Close closes the file.
func (l *Log) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// hash names a request: its messages, images and bounds.
func hash(r remote.Request) string {
	body, err := json.Marshal(r)
	if err != nil {
		return "" // texts and bytes always can be written
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:8])
}

// question is the text of a request's last message, and of its images how many.
func question(r remote.Request) (text string) {
	for _, p := range r.Messages[len(r.Messages)-1].Parts {
		if p.Image == nil {
			text += p.Text
		}
	}
	return text
}
