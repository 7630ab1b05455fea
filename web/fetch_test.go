package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// An internet is a resolver and a dialer that record what they are asked. Every
// address that may be dialled leads to one server.
type internet struct {
	names  map[string][]string // addresses of hosts; one list after the other, if parted by "then"
	server *httptest.Server

	mu      sync.Mutex
	lookups []string
	dials   []string
}

func newInternet(t *testing.T, names map[string][]string, handler http.HandlerFunc) *internet {
	t.Helper()
	n := &internet{names: names, server: httptest.NewServer(handler)}
	t.Cleanup(n.server.Close)
	return n
}

func (n *internet) lookup(_ context.Context, host string) (list []netip.Addr, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lookups = append(n.lookups, host)
	answers := n.names[host]
	if at := slices.Index(answers, "then"); at >= 0 { // the next time it says something else
		answers, n.names[host] = answers[:at], answers[at+1:]
	}
	if answers == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	for _, a := range answers {
		list = append(list, netip.MustParseAddr(a))
	}
	return list, nil
}

func (n *internet) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dials = append(n.dials, address)
	n.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, network, n.server.Listener.Addr().String())
}

// fetcher returns one that asks this internet.
func (n *internet) fetcher(hosts ...string) *fetcher {
	f := newFetcher(hosts, 1<<10)
	f.lookup, f.dial = n.lookup, n.dial
	f.own = func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("9.9.9.9")} }
	return f
}

// refused reports whether an error is one of the API's that names the reason.
func refused400(err error) bool {
	var api *apiError
	return errors.As(err, &api) && api.Status == 400 && api.Code == "image_source_not_allowed"
}

const somewhere = "93.184.215.14"

// notOpen are addresses of everything that is not the open internet.
var notOpen = []string{
	"127.0.0.1", "127.1.2.3", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.255.255",
	"169.254.0.1", "169.254.169.254", // link-local; clouds keep their secrets there
	"100.64.0.1", "100.100.100.200", "100.127.255.255", // carriers' NAT
	"168.63.129.16", "192.0.0.192", // Azure's and Oracle's hosts
	"192.0.0.1", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "192.88.99.1",
	"224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
	"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
	"fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "ff0e::1",
	"2002:7f00:1::", "2002:a9fe:a9fe::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", // IPv4 inside IPv6
	"2001::1", "2001:0:7f00:1::", "2001:2::1", "2001:20::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1", "4000::1",
	"9.9.9.9", // this machine's own
}

// Nothing but the open internet is ever dialled: not as an address, not as a
// name, not by redirect, not among other answers, and not the second time.
func TestFetchDialsOnlyTheInternet(t *testing.T) {
	for _, a := range notOpen {
		host := a
		if strings.Contains(a, ":") {
			host = "[" + strings.Replace(a, "%", "%25", 1) + "]"
		}
		names := map[string][]string{
			"evil.example": {a}, "mixed.example": {somewhere, a}, "mixed2.example": {a, somewhere}, "rebinds.example": {somewhere, "then", a, "then", a},
			"good.example": {somewhere},
		}
		target := ""
		n := newInternet(t, names, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) })
		f := n.fetcher("*", "*:8080")
		for _, address := range []string{
			"http://" + host + "/x.png", "https://" + host + "/", "http://" + host + ":8080/",
			"http://evil.example/", "https://evil.example/", "http://mixed.example/", "http://mixed2.example/", "http://evil.example.:80/",
		} {
			names["evil.example."] = []string{a}
			if _, err := f.fetch(t.Context(), address); !refused400(err) {
				t.Errorf("%s at %s: %v", address, a, err)
			}
		}
		if len(n.dials) > 0 {
			t.Fatalf("%s: dialled %v", a, n.dials)
		}
		for _, to := range []string{"http://" + host + "/", "//" + host + ":80/", "https://evil.example/x", "http://mixed.example"} {
			target, n.dials = to, nil
			if _, err := f.fetch(t.Context(), "http://good.example/"); !refused400(err) {
				t.Errorf("a redirect to %s at %s: %v", to, a, err)
			}
			if !slices.Equal(n.dials, []string{somewhere + ":80"}) {
				t.Fatalf("a redirect to %s at %s: dialled %v", to, a, n.dials)
			}
		}
		target, n.dials = "http://rebinds.example/again", nil // a name that turns round after it was checked
		if _, err := f.fetch(t.Context(), "http://rebinds.example/"); !refused400(err) || !slices.Equal(n.dials, []string{somewhere + ":80"}) {
			t.Errorf("rebinding to %s: %v, dialled %v", a, err, n.dials)
		}
	}
}

// Hosts written in the ways that some programs read as addresses are names here:
// a resolver that knows better does not help.
func TestFetchOddHosts(t *testing.T) {
	odd := []string{
		"2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "0177.0.0.1", "127.1", "127.0.1", "0", "127.0.0.1.nip.io", "localhost", "LOCALHOST",
		"localhost.", "foo.localhost", "0x7f.1", "①②⑦.⓪.⓪.①", "127。0。0。1", "metadata.google.internal", "169.254.43518", "3232235521", "ip6-localhost",
	}
	names := map[string][]string{}
	for _, host := range odd {
		names[host] = []string{"127.0.0.1"}
		names[strings.ToLower(host)] = []string{"127.0.0.1"}
	}
	n := newInternet(t, names, func(http.ResponseWriter, *http.Request) {})
	f := n.fetcher("*")
	for _, host := range odd {
		if _, err := f.fetch(t.Context(), "http://"+host+"/x.png"); err == nil {
			t.Errorf("%s is fetched from", host)
		}
	}
	for _, address := range []string{
		"http://user@good.example/", "http://user:pw@good.example/", "http://good.example@127.0.0.1/", "http://127.0.0.1#@good.example/",
		"http://good.example:22/", "http://good.example:6379/", "http://good.example:0/", "http://good.example:99999/", "http://good.example:-1/",
		"http:///x", "http://", "http:", "http:good.example", "https:/good.example/", "http://[::1", "http://[::1]:x/", "http://%31%32%37.0.0.1/", "http://good.example\r\nHost: x/",
		"http://good.example%2f@127.0.0.1/", "http://127.0.0.1\\@good.example/", "http://[::ffff:7f00:1]/", "http://[0:0:0:0:0:ffff:127.0.0.1]/", "http://.../", "http:// /", "http://\x00/",
		"ftp://good.example/", "gopher://good.example/", "file:///etc/passwd", "dict://good.example:11211/", "ldap://good.example/", "javascript:alert(1)", "unix:///var/run/docker.sock", "HTTP+UNIX://x/", "jar:http://good.example!/", "//good.example/x",
	} {
		if _, err := f.fetch(t.Context(), address); err == nil {
			t.Errorf("%q is fetched", address)
		}
	}
	if len(n.dials) > 0 {
		t.Errorf("dialled %v", n.dials)
	}
}

// What redirects lead to is held to the same rules, and there are not many.
func TestFetchRedirects(t *testing.T) {
	n := newInternet(t, map[string][]string{"good.example": {somewhere}, "other.example": {somewhere}, "www.good.example": {somewhere}}, func(w http.ResponseWriter, r *http.Request) {
		var left int
		switch _, err := fmt.Sscanf(r.URL.Path, "/left/%d", &left); {
		case err == nil && left > 0:
			http.Redirect(w, r, fmt.Sprintf("/left/%d", left-1), http.StatusFound)
		case r.URL.Query().Get("to") != "":
			w.Header().Set("Location", r.URL.Query().Get("to"))
			w.WriteHeader(http.StatusTemporaryRedirect)
		case r.Header.Get("Referer") != "":
			w.WriteHeader(http.StatusTeapot)
		default:
			fmt.Fprint(w, "picture")
		}
	})
	f := n.fetcher("good.example", "*.good.example")
	for address, want := range map[string]string{
		"http://good.example/left/3":                           "",
		"http://good.example/left/4":                           "redirects more than 3 times",
		"http://good.example/?to=http://www.good.example/":     "",
		"http://good.example/?to=https://other.example/":       "none of those",
		"http://good.example/?to=ftp://good.example/":          "other than http or https",
		"http://good.example/?to=file:///etc/passwd":           "other than http or https",
		"http://good.example/?to=http://good.example:8080/":    "none of those",
		"http://good.example/?to=http://a:b@good.example/":     "user or a password",
		"http://good.example/?to=data:image/png,AAAA":          "other than http or https",
		"http://good.example/?to=http://notgood.example/":      "none of those",
		"http://good.example/?to=http://good.example.evil.xy/": "none of those",
	} {
		data, err := f.fetch(t.Context(), address)
		if want == "" && (err != nil || string(data) != "picture") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q, %v; want an error with %q", address, data, err, want)
		}
	}
	for _, d := range n.dials {
		if d != somewhere+":80" {
			t.Errorf("dialled %s", d)
		}
	}
}

// The list of hosts is exact, by name and port.
func TestFetchHosts(t *testing.T) {
	f := newFetcher([]string{"good.example", "*.wild.example", "port.example:8443", "8.8.8.8", "[2606:4700::1111]", "[2606:4700::2222]:8080"}, 1)
	for address, want := range map[string]bool{
		"http://good.example/": true, "https://GOOD.example./x": true, "http://good.example:443": true, "http://good.example:8080": false,
		"http://www.good.example": false, "http://good.example.evil": false, "http://xgood.example": false, "http://a.wild.example": true,
		"http://a.b.wild.example": true, "http://wild.example": false, "http://xwild.example": false, "http://port.example:8443": true, "http://port.example": false,
		"http://8.8.8.8/": true, "http://8.8.4.4/": false, "http://[2606:4700::1111]/": true, "http://[2606:4700::2222]/": false, "http://[2606:4700::2222]:8080/": true,
	} {
		u, err := parseURL(address)
		if err == nil {
			err = f.allowed(u)
		}
		if (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := newFetcher(nil, 1).fetch(t.Context(), "http://good.example/"); !refused400(err) || !strings.Contains(err.Error(), "--allow-image-hosts") {
		t.Errorf("with no hosts allowed: %v", err)
	}
}

// Downloads end: by size, by time, with whoever asked.
func TestFetchBounds(t *testing.T) {
	stop := make(chan struct{})
	n := newInternet(t, map[string][]string{"good.example": {somewhere}, "none.example": {}}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long": // says so
			w.Write(make([]byte, 1025))
		case "/endless": // does not
			for i := 0; i < 1<<14; i++ {
				w.Write(make([]byte, 64))
				w.(http.Flusher).Flush()
			}
		case "/fits":
			w.Write(make([]byte, 1024))
		case "/drip":
			for i := 0; i < 600; i++ {
				w.Write([]byte{0})
				w.(http.Flusher).Flush()
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		case "/silent":
			<-stop
		case "/headers":
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		case "/cut":
			w.Header().Set("Content-Length", "500")
			w.Write([]byte("x"))
		case "/switch":
			w.Header().Set("Upgrade", "websocket")
			w.WriteHeader(http.StatusSwitchingProtocols)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	defer close(stop)
	f := n.fetcher("good.example", "none.example", "unknown.example")
	f.timeout = 300 * time.Millisecond
	for path, want := range map[string]string{
		"good.example/fits": "", "good.example/long": "longer than", "good.example/endless": "longer than", "good.example/drip": "took longer than", "good.example/silent": "took longer than",
		"good.example/headers": "header", "good.example/cut": "ended too early", "good.example/switch": "answers 101", "good.example/missing": "answers 404", "none.example": "no address", "unknown.example/": "cannot be found",
	} {
		start := time.Now()
		data, err := f.fetch(t.Context(), "http://"+path)
		if want == "" && (err != nil || len(data) != 1024) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %d bytes, %v; want %q", path, len(data), err, want)
		}
		if err != nil && strings.Contains(err.Error(), somewhere) {
			t.Errorf("%s tells the address: %v", path, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s took %v", path, took)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := f.fetch(ctx, "http://good.example/silent"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a client that left: %v", err)
	}
}

// The last lock: the dialer itself connects to no other address.
func TestControlPublic(t *testing.T) {
	for _, a := range notOpen[:len(notOpen)-1] {
		if controlPublic("tcp", net.JoinHostPort(a, "80"), nil) == nil {
			t.Errorf("%s would be connected to", a)
		}
	}
	for _, a := range []string{somewhere, "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.128.0.1", "192.167.1.1", "2606:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8"} {
		if err := controlPublic("tcp", net.JoinHostPort(a, "80"), nil); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	f := newFetcher([]string{"*"}, 1)
	if conn, err := f.dial(t.Context(), "tcp", listener.Addr().String()); err == nil || !refused400(err) {
		t.Errorf("the real dialer: %v, %v", conn, err)
	}
}
