package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// A media gets the images that requests speak of.
type media struct {
	lens      lens
	pixels    pixels.Options
	maxImages int
	maxBytes  int64
	fetcher   *fetcher
	dir       *os.Root // of files that may be named; nil for none
	dirName   string
	decoding  chan struct{} // holds one for each image that is being decoded
}

func newMedia(o Options, f facts) (*media, error) {
	m := &media{
		lens: f.lens, pixels: pixels.Options{MaxPixels: o.MaxPixels, Orientation: o.Orientation},
		maxImages: o.MaxImages, maxBytes: o.MaxImageBytes,
		fetcher: newFetcher(o.ImageHosts, o.MaxImageBytes), decoding: make(chan struct{}, pixels.AtOnce()),
	}
	if o.MediaDir == "" {
		return m, nil
	}
	var err error
	if m.dirName, err = filepath.Abs(o.MediaDir); err == nil {
		m.dir, err = os.OpenRoot(m.dirName)
	}
	if err != nil {
		return nil, fmt.Errorf("web: the directory of media: %w", err)
	}
	return m, nil
}

func (m *media) close() {
	if m.dir != nil {
		m.dir.Close()
	}
}

// images gets the images of a conversation, in order.
func (m *media) images(ctx context.Context, chat *tokenizer.Chat) ([]*pixels.Patches, error) {
	parts := chat.Images()
	switch {
	case len(parts) == 0:
		return nil, nil
	case m.lens.patch == 0:
		return nil, bad("messages", "The model reads text only; it cannot take images.")
	case len(parts) > m.maxImages:
		return nil, bad("messages", "The request has %d images; this server takes %d (--max-images).", len(parts), m.maxImages)
	}
	return pixels.All(ctx, len(parts), func(ctx context.Context, i int) (*pixels.Patches, error) {
		img, err := m.image(ctx, parts[i])
		if err != nil {
			return nil, imageError(i, parts[i], err)
		}
		return img, nil
	})
}

// imageError says which image is at fault, without showing it.
func imageError(i int, part tokenizer.Part, err error) error {
	var api *apiError
	if errors.As(err, &api) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) && ctxOver(err) {
		return err
	}
	name := fmt.Sprintf("Image %d", i+1)
	if place := placeOf(part.Source); place != "" {
		name += " (" + place + ")"
	}
	e := bad("messages", "%s: %s.", name, cause(err))
	e.Code = "invalid_image"
	return e
}

// ctxOver reports whether a deadline was the request's and not a download's,
// which fetch words itself.
func ctxOver(err error) bool { return err == context.DeadlineExceeded }

// isPlace reports whether a source says where an image is, rather than being it.
func isPlace(source string) bool {
	scheme, _, ok := strings.Cut(source, ":")
	return ok && len(scheme) < 8 && !strings.EqualFold(scheme, "data")
}

// placeOf says where an image is, if its source does: without what may be
// secret in a URL, user, password and parameters.
func placeOf(source string) string {
	if !isPlace(source) {
		return ""
	}
	u, err := url.Parse(source)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return shorten(u.String())
}

func (m *media) image(ctx context.Context, part tokenizer.Part) (*pixels.Patches, error) {
	data, err := m.read(ctx, part)
	if err != nil {
		return nil, err
	}
	select { // a picture takes 30 bytes a pixel while it is decoded
	case m.decoding <- struct{}{}:
		defer func() { <-m.decoding }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	img, err := pixels.Decode(data, m.pixels)
	if err != nil {
		return nil, err
	}
	return pixels.Preprocess(img, m.lens.patch, m.lens.side)
}

// read returns the file that a part stands for: an "image" is base64 or a data
// URI; an "image_url" may also name a file or a host, if the server allows it.
func (m *media) read(ctx context.Context, part tokenizer.Part) ([]byte, error) {
	scheme, _, _ := strings.Cut(part.Source, ":")
	switch strings.ToLower(scheme) {
	case "data":
		return pixels.DataURI(part.Source)
	case "http", "https":
		return m.fetcher.fetch(ctx, part.Source)
	case "file":
		return m.file(part.Source)
	}
	if part.Type == tokenizer.PartImage || !isPlace(part.Source) {
		data, err := pixels.Base64(part.Source)
		if err != nil && part.Type == tokenizer.PartImageURL {
			return nil, errors.New("it is neither a data URI nor an http, https or file URL")
		}
		return data, err
	}
	return nil, fmt.Errorf("the scheme of its URL is none that is read here: data, http, https or file")
}

// file reads a file below the directory of media. Links that lead out of it are
// not followed.
func (m *media) file(address string) ([]byte, error) {
	if m.dir == nil {
		return nil, forbidden("Files of the server's machine are not read; send the image as a data URI, or start the server with --media-dir DIR.")
	}
	u, err := url.Parse(address)
	if err != nil || u.Host != "" && u.Host != "localhost" {
		return nil, errors.New("a file URL is file:///path")
	}
	name := filepath.FromSlash(u.Path)
	if relative, err := filepath.Rel(m.dirName, name); err == nil && filepath.IsAbs(name) && filepath.IsLocal(relative) {
		name = relative
	}
	outside := forbidden("The file is not in the directory that this server reads images from.")
	if !filepath.IsLocal(name) {
		return nil, outside
	}
	info, err := m.dir.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("there is no such file")
	case err != nil:
		return nil, outside
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a file")
	case info.Size() > m.maxBytes:
		return nil, tooLong(m.maxBytes)
	}
	f, err := m.dir.Open(name)
	if err != nil {
		return nil, outside
	}
	defer f.Close()
	return readMost(f, m.maxBytes)
}

func forbidden(message string) error {
	return &apiError{Status: 400, Type: invalidRequest, Code: "image_source_not_allowed", Param: "messages", Message: message}
}

// readMost reads all of r, unless it is longer than most bytes.
func readMost(r io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, tooLong(most)
	}
	return data, err
}

func tooLong(most int64) error {
	return fmt.Errorf("it is longer than the %d MB this server takes", most>>20)
}
