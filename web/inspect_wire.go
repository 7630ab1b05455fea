package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/png"
	"maps"
	"math"
	"net/http"
	"slices"

	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
	"pixtral-wgpu/web/inspect"
)

// floats are 32-bit floats on the wire: little-endian, in base64.
type floats []float32

func (f floats) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 4*len(f))
	for _, v := range f {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return json.Marshal(base64.StdEncoding.EncodeToString(b))
}

// An inspection is an opened inspection, as it stands.
type inspection struct {
	ID           string      `json:"id"`
	Object       string      `json:"object"` // "inspection"
	Model        inspectedBy `json:"model"`
	Context      int         `json:"context"`       // tokens it can hold
	PromptTokens int         `json:"prompt_tokens"` // the answer's first position
	Images       []sight     `json:"images"`
	Tokens       []atToken   `json:"tokens"` // of the prompt but for patches, then those of the answer
	Answer       []chosen    `json:"answer"` // the same again, with what else was likely
	FinishReason *string     `json:"finish_reason"`
}

// inspectedBy is the shape of the model.
type inspectedBy struct {
	Name    string         `json:"name"`
	Layers  int            `json:"layers"`
	Heads   int            `json:"heads"`
	KVHeads int            `json:"kv_heads"`
	Dim     int            `json:"dim"`
	Vocab   int            `json:"vocab"`
	Vision  *inspectedEyes `json:"vision,omitempty"`
}

type inspectedEyes struct {
	Layers int `json:"layers"`
	Heads  int `json:"heads"`
	Dim    int `json:"dim"`
	Patch  int `json:"patch"`
	Side   int `json:"max_side"`
}

// An atToken is a token and where it stands.
type atToken struct {
	Position int             `json:"position"`
	ID       tokenizer.Token `json:"id"`
	Text     string          `json:"text"`
	Control  bool            `json:"control,omitempty"`
}

type chosen struct {
	guess
	Top []guess `json:"top"`
}

type guess struct {
	ID      tokenizer.Token `json:"id"`
	Text    string          `json:"text"`
	LogProb float32         `json:"logprob"`
}

// sight is what the model sees of an image.
type sight struct {
	Width      int     `json:"width"` // pixels of the picture as it came, upright
	Height     int     `json:"height"`
	SeenWidth  int     `json:"seen_width"` // and as the model sees it
	SeenHeight int     `json:"seen_height"`
	Patch      int     `json:"patch"` // pixels a side
	Cols       int     `json:"cols"`
	Rows       int     `json:"rows"`
	Tokens     int     `json:"tokens"`
	Context    int     `json:"context"`
	Share      float64 `json:"context_share"`
	First      int     `json:"first,omitempty"`   // position of the first patch; a row of patches is followed by one break
	Picture    string  `json:"picture,omitempty"` // data URI of a PNG: the resized picture
}

func sightOf(p *pixels.Patches, context int) sight {
	return sight{
		Width: p.Source.Width, Height: p.Source.Height, SeenWidth: p.Width, SeenHeight: p.Height,
		Patch: p.Patch, Cols: p.Grid.Cols, Rows: p.Grid.Rows, Tokens: p.Grid.Tokens(),
		Context: context, Share: float64(p.Grid.Tokens()) / float64(context),
	}
}

func (s *Server) guess(g model.LogProb) guess {
	return guess{g.Token, s.tokenText(g.Token), max(g.LogProb, unlikely)}
}

func (s *Server) guesses(list []model.LogProb) []guess {
	all := make([]guess, len(list))
	for i, g := range list {
		all[i] = s.guess(g)
	}
	return all
}

// tokenText returns what to show for a token; bytes that are no whole character
// come as the replacement character.
func (s *Server) tokenText(tok tokenizer.Token) string {
	if text := s.facts.tokenizer.Bytes(tok); text != nil {
		return string([]rune(string(text)))
	}
	return s.facts.tokenizer.Name(tok)
}

func (s *Server) inspection(i *inspect.Inspection) inspection {
	c, state := s.facts.config, i.State()
	out := inspection{
		ID: i.ID, Object: "inspection", Context: state.Context, PromptTokens: len(i.Prompt.Tokens),
		Model:  inspectedBy{Name: s.facts.name, Layers: c.Layers, Heads: c.Heads, KVHeads: c.KVHeads, Dim: c.Dim, Vocab: c.VocabSize},
		Images: []sight{}, Answer: []chosen{}, FinishReason: orNil(state.Ended),
	}
	if v := c.VisionEncoder; v != nil {
		out.Model.Vision = &inspectedEyes{v.Layers, v.Heads, v.HiddenSize, v.PatchSize, v.ImageSize}
	}
	places := inspect.Places(c, i.Prompt)
	for n, img := range i.Prompt.Images {
		seen := sightOf(img, s.o.Context)
		seen.First = places[n][0]
		out.Images = append(out.Images, seen)
	}
	put := func(position int, tok tokenizer.Token) {
		if v := c.VisionEncoder; v == nil || int32(tok) != v.ImageTokenID {
			out.Tokens = append(out.Tokens, atToken{position, tok, s.tokenText(tok), s.facts.tokenizer.IsControl(tok)})
		}
	}
	for position, tok := range i.Prompt.Tokens {
		put(position, tok)
	}
	for n, a := range state.Answer {
		put(len(i.Prompt.Tokens)+n, a.Token)
		out.Answer = append(out.Answer, chosen{s.guess(model.LogProb{Token: a.Token, LogProb: a.LogProb}), s.guesses(a.Top)})
	}
	return out
}

// attention is rows of attention, position by position.
type attention struct {
	Heads string         `json:"heads"` // "each", "mean" or "max"
	Rows  []attentionRow `json:"rows"`
	total int
}

type attentionRow struct {
	Position int    `json:"position"`
	Layers   []int  `json:"layers"`
	Shape    [3]int `json:"shape"` // layers, heads, keys
	Data     floats `json:"data"`
}

// mostFloats is how many floats one answer holds.
const mostFloats = 8 << 20

func (a *attention) put(row attentionRow) error {
	if a.total += len(row.Data); a.total > mostFloats {
		return bad("positions", "The answer would hold more than %d numbers; ask for fewer positions or layers, or for heads=mean.", mostFloats)
	}
	a.Rows = append(a.Rows, row)
	return nil
}

func (a *attention) add(v *model.Visit) error {
	return a.put(attentionRow{v.Position, v.Layers, [3]int{len(v.Layers), v.Heads, v.Keys}, v.Attention})
}

func (a *attention) addRollout(o *model.Rollout, position int, lastOnly bool) error {
	row := attentionRow{Position: position}
	for layer := range o.Layers {
		if lastOnly && layer+1 < len(o.Layers) {
			continue
		}
		row.Layers = append(row.Layers, layer)
		row.Data = append(row.Data, o.Row(layer, position)...)
	}
	row.Shape = [3]int{len(row.Layers), 1, o.Keys}
	return a.put(row)
}

// stats are the sizes of the residual stream, by the names of its values.
type stats struct {
	Values map[string]statRows `json:"values"`
}

type statRows struct {
	Norm    floats `json:"norm"`
	Max     floats `json:"max_abs"`
	Channel []int  `json:"channel"`    // where the largest magnitude is
	Odd     int    `json:"not_finite"` // elements of all rows
}

func statsOf(byName map[string][]model.RowStat) stats {
	out := stats{map[string]statRows{}}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		var rows statRows
		for _, r := range byName[name] {
			rows.Norm, rows.Max = append(rows.Norm, r.Norm), append(rows.Max, r.Max)
			rows.Channel, rows.Odd = append(rows.Channel, r.Channel), rows.Odd+r.Odd
		}
		out.Values[name] = rows
	}
	return out
}

// lensed is the likeliest tokens by the logit lens: before the first layer and
// after each, or patch by patch.
type lensed struct {
	Rows [][]guess `json:"rows"`
}

// timeline is the kernels of one token.
type timeline struct {
	ReadGBs float64      `json:"read_gb_per_s"` // the device's ceilings, measured
	GFLOPs  float64      `json:"gflop_per_s"`
	Kernels []kernelSpan `json:"kernels"`
}

type kernelSpan struct {
	Kernel  string  `json:"kernel"`
	Value   string  `json:"value"`
	Start   float64 `json:"start_us"`
	Took    float64 `json:"took_us"`
	Bytes   uint64  `json:"bytes"`
	FLOP    float64 `json:"flop"`
	Ceiling float64 `json:"percent_of_ceiling"`
}

func timelineOf(kernels []inspect.Kernel, rates inspect.Rates) timeline {
	out := timeline{ReadGBs: rates.ReadGBs, GFLOPs: rates.GFLOPs, Kernels: []kernelSpan{}}
	for _, k := range kernels {
		out.Kernels = append(out.Kernels, kernelSpan{k.Kernel, k.Value, float64(k.Start.Nanoseconds()) / 1e3,
			float64(k.Duration.Nanoseconds()) / 1e3, k.Bytes, k.FLOP, k.Ceiling})
	}
	return out
}

// A hideRequest names a region of an image, in pixels of the picture as it came.
type hideRequest struct {
	Image  int `json:"image"`
	X      int `json:"x"`
	Y      int `json:"y"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

func (h *hideRequest) region() image.Rectangle {
	return image.Rect(h.X, h.Y, h.X+h.Width, h.Y+h.Height)
}

type hidden struct {
	Region hideRequest `json:"region"` // of the resized picture, in its pixels
	Before floats      `json:"before"` // log-probability of each token of the answer
	After  floats      `json:"after"`
	Change float64     `json:"change"` // of their sum
	Text   string      `json:"text"`   // what the model answers now
	Tokens []atToken   `json:"tokens"`
}

func (s *Server) hidden(h *inspect.Hidden) hidden {
	r := h.Region
	out := hidden{Region: hideRequest{0, r.Min.X, r.Min.Y, r.Dx(), r.Dy()}, Before: h.Before, After: h.After, Text: h.Text, Tokens: []atToken{}}
	for n := range h.After {
		out.Change += float64(h.After[n]) - float64(h.Before[n])
	}
	for n, tok := range h.Answer {
		out.Tokens = append(out.Tokens, atToken{n, tok, s.tokenText(tok), s.facts.tokenizer.IsControl(tok)})
	}
	return out
}

// A sightRequest is an image part of a message, by itself.
type sightRequest struct {
	Image string `json:"image" jsonschema:"required" jsonschema_description:"A data URI, a URL that the server may read, or base64."`
}

// inspectImage answers POST /inspect/image.
func (s *Server) inspectImage(w http.ResponseWriter, r *http.Request) error {
	req := new(sightRequest)
	if _, _, err := s.decode(w, r, req); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.o.Timeout)
	defer cancel()
	chat := &tokenizer.Chat{Messages: []tokenizer.Message{tokenizer.UserMessage(tokenizer.Image(req.Image))}}
	images, err := s.media.images(ctx, chat)
	if err != nil {
		return err
	}
	out := sightOf(images[0], s.o.Context)
	var b bytes.Buffer
	if err := png.Encode(&b, images[0].Picture()); err != nil {
		return err
	}
	out.Picture = "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
	writeJSON(w, http.StatusOK, out)
	return nil
}
