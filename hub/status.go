package hub

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// what names the thing a request was for, so that a refusal can be explained.
type what struct {
	repo, revision string
	file           string // "" for the list of files
}

// check turns a status into an error: nil for 200 and 206, transient where
// waiting may help, else the reason and what to do about it. The codes are
// those of huggingface_hub/utils/_http.py hf_raise_for_status.
func (s *session) check(resp *http.Response, asked what) error {
	switch code := resp.StatusCode; {
	case code == http.StatusOK, code == http.StatusPartialContent:
		return nil
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code == http.StatusTooEarly, code >= 500:
		return &transient{err: fmt.Errorf("%s answers %d", resp.Request.URL.Host, code), after: wished(resp.Header)}
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusNotFound:
		return s.refusal(resp, asked)
	}
	return fmt.Errorf("%s answers %d%s", resp.Request.URL.Host, resp.StatusCode, message(resp))
}

// refusal explains 401, 403 and 404. The hub answers 401 for private and for
// missing repositories alike.
func (s *session) refusal(resp *http.Response, asked what) error {
	code, page := resp.Header.Get("X-Error-Code"), s.Endpoint+"/"+asked.repo
	if asked.file != "" && !strings.EqualFold(resp.Request.URL.Host, s.base.Host) {
		return &expired{fmt.Errorf("%s answers %d for %s", resp.Request.URL.Host, resp.StatusCode, asked.file)}
	}
	switch {
	case code == "GatedRepo" && s.Token == "":
		return fmt.Errorf("the repository is gated: accept its terms at %s, then set HF_TOKEN to a token of that account (made at %s/settings/tokens)", page, s.Endpoint)
	case code == "GatedRepo":
		return fmt.Errorf("the repository is gated and this token may not read it: accept its terms at %s with the account of HF_TOKEN, and give the token the right to read gated repositories", page)
	case code == "RevisionNotFound":
		return fmt.Errorf("there is no revision %q: the branches and tags are listed at %s/tree/main", asked.revision, page)
	case code == "EntryNotFound":
		return fmt.Errorf("there is no file %s at revision %s any more: run again", asked.file, asked.revision)
	case resp.StatusCode == http.StatusForbidden:
		return fmt.Errorf("access is forbidden%s: check what the token in HF_TOKEN may read", message(resp))
	case s.Token != "" && strings.Contains(resp.Header.Get("X-Error-Message"), "Invalid credentials"):
		return fmt.Errorf("the hub does not accept the token: make a new one at %s/settings/tokens and set HF_TOKEN", s.Endpoint)
	case s.Token == "":
		return fmt.Errorf("no such repository at %s: check the spelling (OWNER/NAME, with its capitals); if it is private, set HF_TOKEN", s.base.Host)
	}
	return fmt.Errorf("no such repository at %s, or the token in HF_TOKEN may not see it: check the spelling (OWNER/NAME, with its capitals)", s.base.Host)
}

// expired is the refusal of a CDN: the signature of its address has run out.
type expired struct{ error }

// message is the hub's own reason, cut to a line.
func message(resp *http.Response) string {
	text := resp.Header.Get("X-Error-Message")
	if text == "" {
		return ""
	}
	return fmt.Sprintf(" (%q)", text[:min(len(text), 200)])
}

// rateLimit is the hub's header of IETF's RateLimit draft: "api";r=0;t=55.
var rateLimit = regexp.MustCompile(`;r=0;t=(\d{1,9})`)

// wished is the wait a server asks for: Retry-After in seconds or as a date,
// or the rest of the rate limit's window.
func wished(h http.Header) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if m := rateLimit.FindStringSubmatch(h.Get("RateLimit")); value == "" && m != nil {
		value = m[1]
	}
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
