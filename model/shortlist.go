package model

import (
	"math"
	"slices"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/tokenizer"
)

// A Shortlist is what the device tells of the logits of a position, 2 KiB in
// place of the half MiB that Pixtral's are: the likeliest tokens, at least
// ops.ShortlistRank of them, and what all weigh.
type Shortlist struct {
	largest float32
	hot     float64  // sum over all of exp((logit - largest) / temperature), about
	words   []uint32 // token and bits of its logit by turns; none if there was no room
}

// shortlistSlack is how far the sum of a shortlist may be off, as a part of it:
// exp on a GPU is exact to some 2e-5 where a weight matters.
const shortlistSlack = 1e-4

// leastListed is the size of a vocabulary from which on a shortlist is worth
// the kernels that make it.
var leastListed = 8192

// listing reports whether the decoder makes shortlists.
func (d *decoder) listing() bool { return d.heat.Exists() }

// newLists makes what shortlists of so many rows need, if they are made.
func (d *decoder) newLists(a *arena, vocab, rows int) {
	if vocab < leastListed || vocab >= 1<<24 {
		return
	}
	d.found = a.typed("found", gpu.U32, rows, ops.SurveyLanes, 4)
	d.short = a.typed("shortlist", gpu.U32, rows, ops.ShortlistWords)
	d.heat, d.lot = a.new("heat", rows), a.new("lot", rows, ops.LotWords)
}

// shortlists returns those of the first rows of logits, one for each temperature,
// until it is called again.
func (d *decoder) shortlists(dev *gpu.Device, clock *gpu.Clock, temperatures []float64) ([]Shortlist, error) {
	boxes, err := d.mailboxes(dev)
	if err != nil {
		return nil, err
	}
	d.heats = d.heats[:0]
	for _, t := range temperatures {
		if t == 0 {
			t = 1
		}
		d.heats = append(d.heats, float32(1/t))
	}
	if err := d.warm(dev); err != nil {
		return nil, err
	}
	r, v := d.recorder(dev), d.view(len(temperatures))
	r.Clock = clock
	ops.Shortlist(r, v.short, v.found, v.logits, v.heat)
	r.Post(boxes[2], v.short)
	if err := r.Submit(); err != nil {
		return nil, err
	}
	words, err := dev.Take(boxes[2])
	return d.list(words), err
}

// list returns the shortlists that words are, until it is called again.
func (d *decoder) list(words []uint32) []Shortlist {
	d.listed = d.listed[:0]
	for list := range slices.Chunk(words, ops.ShortlistWords) {
		d.listed = append(d.listed, newShortlist(list))
	}
	return d.listed
}

// warm writes the temperatures that are wanted, if others are there.
func (d *decoder) warm(dev *gpu.Device) error {
	if slices.Equal(d.heats, d.written) {
		return nil
	}
	d.written = append(d.written[:0], d.heats...)
	return dev.WriteFloats(d.heat, d.heats)
}

// newShortlist reads a shortlist as the device made it.
func newShortlist(words []uint32) Shortlist {
	s := Shortlist{largest: math.Float32frombits(words[2]), hot: float64(math.Float32frombits(words[5]))}
	if end := ops.ShortlistHead + 2*int(words[0]); end <= len(words) {
		s.words = words[ops.ShortlistHead:end]
	}
	return s
}

// Listed reports whether a shortlist at the returned temperature may tell which
// token follows.
func (p *Picker) Listed() (temperature float64, ok bool) {
	return p.sampler.Temperature, p.sampler.Temperature > 0 && p.sampler.plain()
}

// PickListed picks the token that follows as Pick does, by a shortlist. It returns
// false if that does not tell; then Pick may be asked.
func (p *Picker) PickListed(l Shortlist) (tokenizer.Token, bool) {
	s := p.sampler
	if len(l.words) == 0 || !(l.hot >= 0.5 && l.hot <= 1e9) {
		return 0, false // the logits are not numbers, or too many are alike
	}
	p.list = p.list[:0]
	all := false
	for i := 0; i < len(l.words); i += 2 {
		c := candidate{tokenizer.Token(l.words[i]), s.weigh(math.Float32frombits(l.words[i+1]), l.largest)}
		if c.weight > 0 && c.weight >= s.MinP {
			p.list = append(p.list, c)
		} else {
			all = true // and so it is with all that are not listed
		}
	}
	if !all && s.MinP > 0 && (s.TopK == 0 || s.TopK > len(p.list)) {
		return 0, false // how much min-p keeps of the others is not known
	}
	tok, ok := s.draw(p.list, all, l.hot, shortlistSlack, p.draw(0))
	if ok {
		p.pass()
	}
	return tok, ok
}

// draw returns the random number of the next token, or of the one after it: the
// same until a token is picked.
func (p *Picker) draw(ahead int) float64 {
	for ; p.drawn <= ahead; p.drawn++ {
		p.u[p.drawn] = p.rng.Float64()
	}
	return p.u[ahead]
}

// pass passes on to the draws of the next token.
func (p *Picker) pass() { p.u[0], p.drawn = p.u[1], max(0, p.drawn-1) }

// lots appends what the device draws by, the next token or the one after it; a
// picker of the likeliest draws nothing.
func (p *Picker) lots(list []ops.Lot, ahead int) []ops.Lot {
	s := p.sampler
	if p.Likeliest() {
		return list
	}
	l := ops.Lot{Heat: float32(1 / s.Temperature), At: float32(p.draw(ahead)), TopP: 1, MinP: float32(s.MinP), TopK: float32(s.TopK)}
	if s.TopP > 0 {
		l.TopP = float32(s.TopP)
	}
	return append(list, l)
}
