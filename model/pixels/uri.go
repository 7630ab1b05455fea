package pixels

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// DataURI returns the contents of a data URI, "data:image/png;base64,…" with
// any type, parameters and alphabet of base64, or percent-encoded (RFC 2397).
func DataURI(uri string) ([]byte, error) {
	if len(uri) < 5 || !strings.EqualFold(uri[:5], "data:") {
		return nil, errors.New("not a data URI")
	}
	header, body, ok := strings.Cut(uri[5:], ",")
	if !ok {
		return nil, errors.New("a data URI without a comma")
	}
	body, err := url.PathUnescape(body)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(strings.ToLower(header), ";base64") {
		return Base64(body)
	}
	return []byte(body), nil
}

// Base64 reads base64 as people send it: of either alphabet, with or without
// padding and white space.
func Base64(text string) ([]byte, error) {
	text = strings.Join(strings.Fields(text), "")
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("not base64: %w", err)
	}
	return data, nil
}
