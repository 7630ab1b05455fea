package web

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Keys are the secrets of those who may ask. They are kept as hashes only. A nil
// *Keys lets everybody in.
type Keys struct{ sums [][32]byte }

// ReadKeys reads a file of keys: one a line, without the empty lines and those
// that begin with #.
func ReadKeys(r io.Reader) (*Keys, error) {
	k := &Keys{}
	scan := bufio.NewScanner(r)
	for n := 1; scan.Scan(); n++ {
		key := strings.TrimSpace(scan.Text())
		switch {
		case key == "" || key[0] == '#':
		case strings.ContainsAny(key, " \t"):
			return nil, fmt.Errorf("line %d: a key has no spaces in it", n)
		case len(key) < 8:
			return nil, fmt.Errorf("line %d: a key of %d characters is too easy to guess; use 8 or more", n, len(key))
		default:
			k.sums = append(k.sums, sha256.Sum256([]byte(key)))
		}
	}
	if err := scan.Err(); err != nil {
		return nil, err
	}
	if len(k.sums) == 0 {
		return nil, fmt.Errorf("there is no key in it; write one a line")
	}
	return k, nil
}

// keyOf returns the key that a request brings, "" for none.
func keyOf(r *http.Request) string {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		key = r.Header.Get("X-Api-Key")
	}
	return strings.TrimSpace(key)
}

// client names who asks, for the engine to let clients take turns: by the hash of
// the key, or by the address where no keys are asked for.
func (k *Keys) client(r *http.Request) string {
	if k == nil {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			return r.RemoteAddr
		}
		return host
	}
	sum := sha256.Sum256([]byte(keyOf(r)))
	return string(sum[:])
}

// check reports a request that brings none of the keys.
func (k *Keys) check(r *http.Request) error {
	if k == nil {
		return nil
	}
	key := keyOf(r)
	if key == "" {
		return &apiError{Status: http.StatusUnauthorized, Type: authentication, Code: "missing_api_key",
			Message: "This server wants an API key: send it as \"Authorization: Bearer KEY\"."}
	}
	sum := sha256.Sum256([]byte(key))
	known := 0
	for _, s := range k.sums {
		known |= subtle.ConstantTimeCompare(s[:], sum[:])
	}
	if known == 0 {
		return &apiError{Status: http.StatusUnauthorized, Type: authentication, Code: "invalid_api_key",
			Message: "The API key is not one of this server's."}
	}
	return nil
}
