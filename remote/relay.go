package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// A Card is what an engine tells of its model; what it leaves out is zero.
type Card struct {
	Name    string
	Context int   // tokens
	Vision  *bool // whether it sees images
}

// Card returns what the engine tells of the model that is asked.
func (c *Client) Card(ctx context.Context) (Card, error) {
	name, err := c.Model(ctx)
	if err != nil {
		return Card{}, err
	}
	res, err := c.do(ctx, http.MethodGet, "/models", nil)
	if err != nil {
		return Card{}, err
	}
	defer res.Body.Close()
	var list struct {
		Data []struct {
			ID            string `json:"id"`
			MaxModelLen   int    `json:"max_model_len"`      // vLLM's
			ContextLength int    `json:"max_context_length"` // Mistral's
			Capabilities  struct {
				Vision *bool `json:"vision"`
			} `json:"capabilities"`
		} `json:"data"`
	}
	if err := json.NewDecoder(res.Body).Decode(&list); err != nil {
		return Card{}, fmt.Errorf("endpoint %s: the list of models is not JSON: %w", c.URL(), err)
	}
	for _, m := range list.Data {
		if m.ID == name {
			return Card{name, max(m.MaxModelLen, m.ContextLength), m.Capabilities.Vision}, nil
		}
	}
	return Card{Name: name}, nil
}

// Relay sends requests for /v1/... on to the engine as they are, with its key
// instead of the caller's, and its answers back piece by piece. fail answers
// what did not get through.
func (c *Client) Relay(fail func(w http.ResponseWriter, r *http.Request, err error)) http.Handler {
	return &httputil.ReverseProxy{
		Transport: c.http.HTTPClient.Transport,
		Rewrite: func(p *httputil.ProxyRequest) {
			to, err := url.Parse(c.base + strings.TrimPrefix(p.In.URL.Path, "/v1"))
			if err != nil {
				to = &url.URL{} // it goes nowhere, and fail says so
			}
			to.RawQuery = p.In.URL.RawQuery
			p.Out.URL, p.Out.Host = to, ""
			for _, name := range []string{"Authorization", "Cookie", "Origin", "Referer", "X-Api-Key"} {
				p.Out.Header.Del(name)
			}
			if c.key != "" {
				p.Out.Header.Set("Authorization", "Bearer "+c.key)
			}
		},
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode == http.StatusUnauthorized {
				r.StatusCode, r.Status = http.StatusBadGateway, "" // it is not the caller's key that is wrong
			}
			for name := range r.Header {
				if strings.HasPrefix(name, "Access-Control-") || name == "Set-Cookie" || name == "X-Request-Id" {
					r.Header.Del(name) // whose pages may ask is for the relay to say
				}
			}
			return nil
		},
		FlushInterval: -1,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() != nil {
				err = r.Context().Err()
			} else {
				err = fmt.Errorf("endpoint %s does not answer: %w", c.URL(), err)
			}
			fail(w, r, err)
		},
	}
}
