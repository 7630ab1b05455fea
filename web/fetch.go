package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	fetchTimeout = 20 * time.Second // from the first look-up to the last byte
	maxRedirects = 3
)

// A fetcher downloads images from hosts that are allowed. It never connects to
// an address that is not of the open internet: each name is looked up once, all
// its addresses are checked, and the connection goes to one of those.
type fetcher struct {
	hosts    []string
	maxBytes int64
	timeout  time.Duration
	client   *http.Client

	// What asks the network; tests record it.
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	own    func() []netip.Addr // addresses of this machine
}

func newFetcher(hosts []string, maxBytes int64) *fetcher {
	f := &fetcher{hosts: hosts, maxBytes: maxBytes, timeout: fetchTimeout, own: ownAddresses}
	f.lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: controlPublic}
	f.dial = dialer.DialContext
	f.client = &http.Client{
		Transport: &http.Transport{ // no Proxy: it would look names up itself
			DialContext:            f.connect,
			DisableKeepAlives:      true, // a later request must not ride on a connection checked for this one
			DisableCompression:     true, // what comes is as long as it is said to be
			TLSHandshakeTimeout:    5 * time.Second,
			ResponseHeaderTimeout:  10 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: f.redirect,
	}
	return f
}

// fetch downloads what is at an address.
func (f *fetcher) fetch(ctx context.Context, address string) ([]byte, error) {
	if len(f.hosts) == 0 {
		return nil, forbidden("This server fetches no image URLs; send the image as a data URI, or start the server with --allow-image-hosts HOST.")
	}
	u, err := parseURL(address)
	if err != nil {
		return nil, err
	}
	if err := f.allowed(u); err != nil {
		return nil, err
	}
	fetching, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(fetching, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errors.New("its URL is not one")
	}
	req.Header.Set("User-Agent", "pixtral-wgpu") // some hosts refuse clients without a name
	req.Header.Set("Accept", "image/*")
	data, err := f.download(req)
	if err != nil && ctx.Err() == nil {
		err = f.reworded(err)
	}
	return data, err
}

// parseURL reads an address. What is wrong with it is not repeated: it may be long.
func parseURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("its URL is not one")
	}
	return u, nil
}

func (f *fetcher) download(req *http.Request) ([]byte, error) {
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("its host answers %d", resp.StatusCode)
	case resp.ContentLength > f.maxBytes:
		return nil, tooLong(f.maxBytes)
	}
	return readMost(resp.Body, f.maxBytes)
}

// reworded says what went wrong without what net/http adds: addresses and URLs
// with all their parameters are for nobody's log.
func (f *fetcher) reworded(err error) error {
	var api *apiError
	var wrapped *url.Error
	var wire *net.OpError
	var slow interface{ Timeout() bool }
	switch {
	case errors.As(err, &api):
		return api
	case errors.As(err, &slow) && slow.Timeout():
		return fmt.Errorf("its host took longer than %v", f.timeout)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("what its host sends ended too early")
	case errors.As(err, &wire):
		return fmt.Errorf("its host cannot be reached (%w)", wire.Err)
	case errors.As(err, &wrapped):
		return wrapped.Err
	}
	return err
}

// redirect checks where a host sends us.
func (f *fetcher) redirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return forbidden(fmt.Sprintf("The image's host redirects more than %d times.", maxRedirects))
	}
	req.Header.Del("Referer")
	return f.allowed(req.URL)
}

// allowed checks everything about an address that can be known before asking
// for its host.
func (f *fetcher) allowed(u *url.URL) error {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return forbidden("An image's URL leads to something other than http or https.")
	case u.User != nil:
		return forbidden("An image's URL may not hold a user or a password.")
	case host == "" || !f.listed(host, u.Port()):
		return forbidden("The host " + quote(u.Host) + " is none of those that this server fetches images from (--allow-image-hosts).")
	}
	if addr, err := netip.ParseAddr(host); err == nil && !public(addr) {
		return notPublic(host)
	}
	return nil
}

// listed reports whether a host is on the list. A port other than the usual
// ones must be listed with it.
func (f *fetcher) listed(host, port string) bool {
	usual := port == "" || port == "80" || port == "443"
	for _, entry := range f.hosts {
		entry = strings.ToLower(entry)
		name, of, err := net.SplitHostPort(entry)
		withPort := err == nil
		if !withPort {
			name = strings.Trim(entry, "[]") // IPv6 addresses may stand in them
		}
		if withPort && of != port || !withPort && !usual {
			continue
		}
		suffix, wild := strings.CutPrefix(name, "*.")
		if name == "*" || name == host || wild && strings.HasSuffix(host, "."+suffix) {
			return true
		}
	}
	return false
}

// connect looks a host up, checks all of its addresses, and connects to the
// first that answers: to an address, so that no second look-up can differ.
func (f *fetcher) connect(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addresses, err := f.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, a := range addresses {
		if !public(a) || slices.Contains(f.own(), a.Unmap()) {
			return nil, notPublic(host)
		}
	}
	err = errors.New("its host has no address")
	for _, a := range addresses {
		var conn net.Conn
		if conn, err = f.dial(ctx, network, net.JoinHostPort(a.Unmap().String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

func (f *fetcher) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	list, err := f.lookup(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("its host %s cannot be found", quote(host))
	}
	return list, nil
}
