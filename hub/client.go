// Package hub downloads model files from the Hugging Face hub and keeps them
// in the hub's own cache layout, so that what Python's huggingface_hub has
// downloaded is found here, and what is downloaded here is found there.
//
// Pull fetches, Find looks up without the network, List and Remove manage what
// is there. A download is made of ranges over several connections; what has
// arrived survives a kill, a full disk and a lost connection, and no file
// enters the cache before its hash is right.
package hub

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// DefaultEndpoint is the public hub.
const DefaultEndpoint = "https://huggingface.co"

var (
	// ErrOffline says that the network was needed and Client.Offline is set.
	ErrOffline = errors.New("offline mode is on (HF_HUB_OFFLINE)")
	// ErrNotCached says that the cache does not hold what was asked for.
	ErrNotCached = errors.New("not in the cache")
)

// Client says where models come from and where they are kept. Its zero value
// reads the public hub without a token; FromEnv fills it as huggingface_hub
// would. A Client is not changed by its methods and may be used at once by
// several goroutines.
type Client struct {
	Endpoint   string        // "" is DefaultEndpoint
	Token      string        // sent to Endpoint alone, never to where it redirects; "" sends none
	CacheDir   string        // "" is ~/.cache/huggingface/hub
	Offline    bool          // Pull only looks into the cache
	HTTP       *http.Client  // its Timeout and CheckRedirect are not used; nil is one with Parallel connections
	Parallel   int           // connections at once; 0 is 8
	ChunkBytes int64         // bytes asked for by one request; 0 is 64 MiB
	Stall      time.Duration // a connection that brings no byte for this long is given up; 0 is 30 s
	Retries    int           // attempts in a row that bring nothing before an error is final; 0 is 8
	Backoff    time.Duration // the wait after the first of them, doubled each time up to 30 s; 0 is 1 s

	free    func(dir string) (uint64, error)    // nil is freeBytes; tests give small disks
	writer  func(io.WriterAt) io.WriterAt       // nil is the file itself; tests let it fail
	symlink func(target, link string) error     // nil is os.Symlink; tests refuse links
	hard    func(oldname, newname string) error // nil is os.Link
}

// FromEnv is a Client set by huggingface_hub's environment: HF_ENDPOINT,
// HF_TOKEN (then the file HF_TOKEN_PATH, HF_HOME/token), HF_HUB_CACHE (then
// HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub) and HF_HUB_OFFLINE. The error
// names a token file that cannot be read.
func FromEnv() (*Client, error) {
	home := hubHome()
	c := &Client{
		Endpoint: strings.TrimRight(os.Getenv("HF_ENDPOINT"), "/"),
		CacheDir: expand(cmp.Or(os.Getenv("HF_HUB_CACHE"), os.Getenv("HUGGINGFACE_HUB_CACHE"), filepath.Join(home, "hub"))),
		Offline:  truth(os.Getenv("HF_HUB_OFFLINE")),
		Token:    strings.TrimSpace(cmp.Or(os.Getenv("HF_TOKEN"), os.Getenv("HUGGING_FACE_HUB_TOKEN"))),
	}
	if c.Token != "" {
		return c, nil
	}
	path := expand(cmp.Or(os.Getenv("HF_TOKEN_PATH"), filepath.Join(home, "token")))
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("hub: token file: %w", err)
	}
	c.Token = strings.TrimSpace(string(text))
	return c, nil
}

// hubHome is HF_HOME or its default.
func hubHome() string {
	if home := os.Getenv("HF_HOME"); home != "" {
		return expand(home)
	}
	if cache := os.Getenv("XDG_CACHE_HOME"); cache != "" {
		return filepath.Join(expand(cache), "huggingface")
	}
	return expand(filepath.Join("~", ".cache", "huggingface"))
}

// expand resolves $NAME and a leading ~ as the shell would.
func expand(path string) string {
	path = os.ExpandEnv(path)
	rest, ok := strings.CutPrefix(path, "~")
	if !ok || rest != "" && !os.IsPathSeparator(rest[0]) {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, rest)
}

// truth reads a switch as huggingface_hub/constants.py _is_true does.
func truth(value string) bool {
	switch strings.ToUpper(value) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

// session is a Client with its defaults filled in and its connections.
type session struct {
	Client
	base *url.URL // of Endpoint; the token goes to this origin alone
	http *http.Client
}

func (c *Client) session() (*session, error) {
	s := &session{Client: *c}
	s.Endpoint = strings.TrimRight(cmp.Or(c.Endpoint, DefaultEndpoint), "/")
	s.CacheDir = c.cacheDir()
	s.Parallel = max(1, cmp.Or(c.Parallel, 8))
	s.ChunkBytes = max(1, cmp.Or(c.ChunkBytes, 64<<20))
	s.Stall = cmp.Or(c.Stall, 30*time.Second)
	s.Retries = max(1, cmp.Or(c.Retries, 8))
	s.Backoff = cmp.Or(c.Backoff, time.Second)
	if s.free == nil {
		s.free = freeBytes
	}
	if s.symlink == nil {
		s.symlink = os.Symlink
	}
	if s.hard == nil {
		s.hard = os.Link
	}
	base, err := url.Parse(s.Endpoint)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("endpoint %q is not an http or https address: check HF_ENDPOINT", s.Endpoint)
	}
	if strings.ContainsFunc(s.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("the token holds characters no token has: check HF_TOKEN")
	}
	s.base = base
	s.http = s.connections()
	return s, nil
}

// connections is the HTTP client of a session. Redirects are followed by do,
// which knows where the token may go: net/http would send it on to subdomains
// and other ports.
func (s *session) connections() *http.Client {
	client := http.Client{Transport: s.transport()}
	if s.HTTP != nil {
		client = *s.HTTP
	}
	client.Timeout = 0 // chunks take as long as they take; Stall watches them
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// transport speaks HTTP/1.1 only: over HTTP/2 all ranges would share one
// connection, and with it one congestion window.
func (s *session) transport() *http.Transport {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if std, ok := http.DefaultTransport.(*http.Transport); ok {
		t = std.Clone()
	}
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	t.MaxIdleConnsPerHost = s.Parallel
	return t
}

// close lets go of idle connections, unless they are the caller's.
func (s *session) close() {
	if s.HTTP == nil {
		s.http.CloseIdleConnections()
	}
}

func (c *Client) cacheDir() string {
	if c.CacheDir != "" {
		return c.CacheDir
	}
	return expand(filepath.Join("~", ".cache", "huggingface", "hub"))
}
