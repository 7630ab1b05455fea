package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
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
	client   *http.Client

	// What asks the network; tests record it.
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

func newFetcher(hosts []string, maxBytes int64) *fetcher {
	f := &fetcher{hosts: hosts, maxBytes: maxBytes}
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
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("its URL is not one")
	}
	if err := f.allowed(u); err != nil {
		return nil, err
	}
	fetching, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(fetching, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errors.New("its URL is not one")
	}
	req.Header.Set("User-Agent", "pixtral-wgpu") // some hosts refuse clients without a name
	req.Header.Set("Accept", "image/*")
	data, err := f.download(req)
	if err != nil && ctx.Err() == nil {
		err = reworded(err)
	}
	return data, err
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

// reworded says what went wrong without what net/http adds.
func reworded(err error) error {
	var api *apiError
	var wrapped *url.Error
	switch {
	case errors.As(err, &api):
		return api
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("its host took longer than %v", fetchTimeout)
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
		name, of, withPort := strings.Cut(entry, ":")
		if strings.Count(entry, ":") > 1 { // an IPv6 address
			name, withPort = strings.Trim(entry, "[]"), false
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
		if !public(a) {
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

func notPublic(host string) error {
	return forbidden("The host " + quote(host) + " is at an address of a private or special network; images are fetched from the open internet only.")
}

// controlPublic is the last look at an address, right before the connection.
func controlPublic(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || !public(a.Addr()) {
		return notPublic(address)
	}
	return nil
}

// special are the networks that are not the open internet, besides those that
// netip knows by name: IANA's registries of special-purpose addresses (RFC 6890).
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", // Teredo, documentation, 6to4: IPv4 in disguise
)

// unicast is where all public IPv6 addresses are; NAT64 and mapped ones are not.
var unicast = netip.MustParsePrefix("2000::/3")

func prefixes(list ...string) (all []netip.Prefix) {
	for _, p := range list {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

// public reports whether an address is of the open internet.
func public(a netip.Addr) bool {
	a = a.Unmap()
	if a.Zone() != "" || !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !unicast.Contains(a) {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
