package view

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/model/pixels"
)

// areas are where things lie in a frame, for the mouse.
type areas struct {
	whole   box
	scale   float32
	picture box // the panel
	shown   box // the picture in it, which may reach beyond
	cols    int
	rows    int
	words   []wordBox
	layers  []box
	heads   []box
	panels  map[string]box
}

type wordBox struct {
	box   box
	index int
}

// patchAt returns the patch at a place on the canvas.
func (a *areas) patchAt(x, y float32) (int, bool) {
	if !a.picture.holds(x, y) || !a.shown.holds(x, y) || a.cols == 0 {
		return 0, false
	}
	col := int((x - a.shown.x) / a.shown.w * float32(a.cols))
	row := int((y - a.shown.y) / a.shown.h * float32(a.rows))
	return min(row, a.rows-1)*a.cols + min(col, a.cols-1), true
}

// frame draws a frame of so many pixels and returns the canvas that it is on.
// scale is how many pixels a pixel of the layout has. The caller holds the device.
func (v *Viewer) frame(width, height int, scale float32, swap bool) (gpu.Tensor, error) {
	v.lock.Lock()
	defer v.lock.Unlock()
	if v.types.overflow {
		v.types.clear()
		v.canvas.looks = nil
	}
	var img *pixels.Patches
	if v.state.image < len(v.images) {
		img = v.images[v.state.image]
		if v.shownOf != img {
			v.canvas.looks = nil
		}
		if err := v.prepare(img); err != nil {
			return gpu.Tensor{}, err
		}
	}
	if img == nil {
		return gpu.Tensor{}, fmt.Errorf("view: there is no picture; Ask about one first")
	}
	whole := box{0, 0, float32(width), float32(height)}
	p := &painter{typesetter: v.types, clip: whole, scale: scale}
	v.areas = areas{whole: whole, scale: scale, panels: map[string]box{}}
	v.paint(p, whole, img)
	if v.state.help {
		v.paintHelp(p, whole)
	}
	key := v.key()
	if key != v.heated {
		v.heats++
	}
	err := v.canvas.draw(p, ops.Scene{Picture: v.picture, Heat: v.heat, Peaks: v.peaks}, width, height, swap, v.heats, func(r *gpu.Recorder) {
		if v.sees() && key != v.heated {
			v.heated = key
			v.warm(r, v.firstToken(v.answer.prompt, v.state.image))
		}
	})
	if v.hovered() >= 0 {
		v.askWeights()
		v.askLens()
	}
	return v.canvas.pixels, err
}

// paint lays the panels out: the picture to the left, what was said and the
// inside of the model to the right, a line of hints below.
func (v *Viewer) paint(p *painter, whole box, img *pixels.Patches) {
	px := func(n float32) float32 { return float32(math.Round(float64(n * p.scale))) }
	p.fill(whole, ground, 0)
	gap, line := px(14), px(34)
	right := px(440)
	if right > whole.w*0.45 {
		right = float32(math.Round(float64(whole.w * 0.45)))
	}
	left := box{gap, gap, whole.w - right - 3*gap, whole.h - line - 2*gap}
	v.paintPicture(p, left, img)
	column := box{whole.w - right - gap, gap, right, whole.h - line - 2*gap}
	layers, timeline := px(104), px(96)
	heads := min(px(230), column.h*0.34)
	answer := column.h - layers - timeline - heads - 3*gap
	y := column.y
	next := func(name string, h float32) box {
		b := box{column.x, y, column.w, h}
		v.areas.panels[name] = b
		y += h + gap
		p.fill(b, panel, px(8))
		return b.inset(px(12))
	}
	v.paintAnswer(p, next("answer", answer))
	v.paintLayers(p, next("layers", layers))
	v.paintHeads(p, next("heads", heads), img)
	v.paintTimeline(p, next("timeline", timeline))
	status := box{gap, whole.h - line, whole.w - 2*gap, line}
	v.paintStatus(p, status, img)
	v.areas.panels["picture"], v.areas.panels["status"] = left, status
}

// A note is a text of some colour.
type note struct {
	text   string
	colour uint32
}

// title draws a panel's heading with notes behind it and returns what is left
// below.
func (p *painter) title(b box, text string, notes ...note) box {
	h := 20 * p.scale
	x := p.text(b.x, b.y+12*p.scale, bold, 13, ink, text) + 8*p.scale
	for _, n := range notes {
		x = p.text(x, b.y+12*p.scale, regular, 12, n.colour, p.fitting(regular, 12, n.text, b.x+b.w-x))
	}
	return box{b.x, b.y + h, b.w, b.h - h}
}

// paintPicture draws the picture as the model sees it, its heat and its patches.
func (v *Viewer) paintPicture(p *painter, b box, img *pixels.Patches) {
	p.fill(b, panel, 8*p.scale)
	inner := b.inset(10 * p.scale)
	w, h := float32(img.Width), float32(img.Height)
	fit := min(inner.w/w, inner.h/h) * v.state.zoom
	shown := box{0, 0, w * fit, h * fit}
	shown.x = float32(math.Round(float64(inner.x + inner.w/2 - shown.w/2 + v.state.panX)))
	shown.y = float32(math.Round(float64(inner.y + inner.h/2 - shown.h/2 + v.state.panY)))
	a := &v.areas
	a.picture, a.shown, a.cols, a.rows = inner, shown, img.Grid.Cols, img.Grid.Rows
	origin := ops.Point{X: shown.x, Y: shown.y}
	low, high := corners(shown)
	cell := ops.Point{X: shown.w / float32(a.cols), Y: shown.h / float32(a.rows)}
	p.within(inner, func() {
		p.add(ops.Item{Kind: ops.DrawPicture, Colour: clear(ink, 1), Stride: uint32(img.Width), Rows: uint32(img.Height),
			Low: low, High: high, Origin: origin, Cell: ops.Point{X: fit, Y: fit}})
		if v.gazed >= 0 && v.sees() {
			row := v.heatRow()
			p.fill(shown, clear(ground, 0.35), 0)
			p.add(ops.Item{Kind: ops.DrawHeat, Colour: clear(ink, 1), Offset: uint32(row * img.Grid.Patches()), Stride: uint32(a.cols), Rows: uint32(a.rows), Row: uint32(row),
				Low: low, High: high, Origin: origin, Cell: cell})
		}
		if v.state.grid {
			p.add(ops.Item{Kind: ops.DrawGrid, Colour: clear(rgb(0xffffff), 0.22), Low: low, High: high, Origin: origin, Cell: cell})
		}
		if patch := v.hovered(); patch >= 0 {
			mark := box{shown.x + float32(patch%a.cols)*cell.X, shown.y + float32(patch/a.cols)*cell.Y, cell.X, cell.Y}
			colour := ink
			if v.state.patch >= 0 {
				colour = amber
			}
			p.border(mark, colour, 0, 2*p.scale)
		}
	})
}

// paintAnswer draws the question and the words of the answer, each with a
// ground the stronger the less probable it was.
func (v *Viewer) paintAnswer(p *painter, b box) {
	which := ""
	if n := len(v.images); n > 1 {
		which = fmt.Sprintf("picture %d of %d (Tab)", v.state.image+1, n)
	}
	b = p.title(b, p.fitting(bold, 13, v.question, b.w-90*p.scale), note{which, muted})
	if v.answer == nil {
		return
	}
	const size = 15
	advance, x := 24*p.scale, b.x
	y := b.y + 18*p.scale
	place := func() { // the lines that fit; the last stay
		x = b.x
		y += advance
	}
	p.within(b, func() {
		lines := v.lines(p, b.w, size)
		if most := int(b.h / advance); len(lines) > most && most > 0 {
			lines = lines[len(lines)-most:]
		}
		for _, l := range lines {
			for _, i := range l {
				w := v.answer.words[i]
				text := strings.ReplaceAll(w.Text, "\n", "↵")
				wide := p.long(regular, size, text)
				mark := box{x, y - 16*p.scale, wide, 21 * p.scale}
				if doubt := 1 - float32(math.Exp(float64(w.LogProb))); doubt > 0.02 {
					p.fill(mark, clear(amber, 0.1+0.55*doubt), 3*p.scale)
				}
				current := i == v.state.word || v.state.word < 0 && i == len(v.answer.words)-1
				if current {
					p.border(mark, accent, 3*p.scale, 1.5*p.scale)
				}
				p.text(x, y, regular, size, ink, text)
				v.areas.words = append(v.areas.words, wordBox{mark, i})
				x += wide
			}
			place()
		}
	})
}

// lines breaks the answer into lines of words, by their numbers.
func (v *Viewer) lines(p *painter, width float32, size float32) (lines [][]int) {
	x := float32(0)
	var now []int
	for i, w := range v.answer.words {
		wide := p.long(regular, size, strings.ReplaceAll(w.Text, "\n", "↵"))
		if x+wide > width && len(now) > 0 {
			lines, now, x = append(lines, now), nil, 0
		}
		now, x = append(now, i), x+wide
		if strings.HasSuffix(w.Text, "\n") {
			lines, now, x = append(lines, now), nil, 0
		}
	}
	if len(now) > 0 {
		lines = append(lines, now)
	}
	return lines
}

// paintLayers draws the norm and the largest magnitude of the residual stream
// after each layer, by their logarithms.
func (v *Viewer) paintLayers(p *painter, b box) {
	s := v.gaze.Residual
	at := s[v.state.layer+1]
	b = p.title(b, fmt.Sprintf("Layer %d of %d", v.state.layer+1, v.state.layers), note{"residual: ", muted},
		note{fmt.Sprintf("norm %.3g", at.Norm), accent}, note{", ", muted}, note{fmt.Sprintf("max |x| %.3g at %d", at.Max, at.Channel), amber})
	most := float32(1e-9)
	for _, r := range s {
		most = max(most, r.Norm)
	}
	high := func(value float32) float32 { // four decades
		if value <= 0 {
			return 0
		}
		return min(max(1+float32(math.Log10(float64(value/most)))/4, 0.02), 1) * b.h
	}
	slot := b.w / float32(v.state.layers)
	for i := range v.state.layers {
		x, gap := b.x+slot*float32(i), min(slot*0.15, 3*p.scale)
		v.areas.layers = append(v.areas.layers, box{x, b.y, slot, b.h})
		colour := clear(accent, 0.45)
		if i == v.state.layer {
			p.fill(box{x, b.y, slot, b.h}, clear(accent, 0.14), 3*p.scale)
			colour = accent
		}
		norm, top := high(s[i+1].Norm), high(s[i+1].Max)
		half := (slot - 2*gap) / 2
		p.fill(box{x + gap, b.y + b.h - norm, half, norm}, colour, 0)
		p.fill(box{x + gap + half, b.y + b.h - top, half, top}, clear(amber, float32(colour>>24)/255), 0)
	}
}

// headName names what lies over the picture.
func headName(head int) string {
	return map[int]string{meanOfHeads: "mean of the heads", maxOfHeads: "maximum of the heads", rollout: "rollout"}[head]
}

// paintHeads draws the attention of each head of the layer, small.
func (v *Viewer) paintHeads(p *painter, b box, img *pixels.Patches) {
	heads := v.model.Config.Heads
	name := headName(v.state.head)
	if name == "" {
		name = fmt.Sprintf("head %d", v.state.head+1)
	}
	b = p.title(b, fmt.Sprintf("%d heads", heads), note{"over the picture: " + name, muted})
	aspect := float32(img.Grid.Rows) / float32(img.Grid.Cols)
	columns, wide := 1, float32(0)
	for n := 1; n <= heads; n++ { // as large as fits
		rows := float32((heads + n - 1) / n)
		if w := min(b.w/float32(n), b.h/rows/aspect); w > wide {
			columns, wide = n, w
		}
	}
	gap := min(4*p.scale, wide*0.1)
	for h := range heads {
		x, y := b.x+wide*float32(h%columns), b.y+wide*aspect*float32(h/columns)
		mini := box{x, y, wide - gap, wide*aspect - gap}
		v.areas.heads = append(v.areas.heads, mini)
		p.fill(mini, rgb(0x0a0c10), 0)
		low, high := corners(mini)
		if v.gazed >= 0 && v.sees() {
			p.add(ops.Item{Kind: ops.DrawHeat, Colour: clear(ink, 1), Offset: uint32(h * img.Grid.Patches()), Stride: uint32(img.Grid.Cols), Rows: uint32(img.Grid.Rows), Row: uint32(h),
				Low: low, High: high, Origin: low, Cell: ops.Point{X: mini.w / float32(img.Grid.Cols), Y: mini.h / float32(img.Grid.Rows)}})
		}
		if h == v.state.head {
			p.border(mini, accent, 0, 2*p.scale)
		} else {
			p.border(mini, edge, 0, p.scale)
		}
	}
}

// paintTimeline draws what each kernel of the last word took, in order.
func (v *Viewer) paintTimeline(p *painter, b box) {
	if len(v.spans) == 0 {
		why := "measured when the answer rests"
		if v.noClock {
			why = "this adapter has no timestamps"
		}
		p.title(b, "Kernels", note{why, muted})
		return
	}
	total := time.Duration(0)
	for _, s := range v.spans {
		total += s.Duration
	}
	b = p.title(b, fmt.Sprintf("%d kernels, %v", len(v.spans), total.Round(10*time.Microsecond)), note{"of one word, in order", muted})
	x, bar := b.x, b.h-16*p.scale
	hover := ""
	for _, s := range v.spans {
		w := b.w * float32(s.Duration) / float32(max(total, 1))
		slice := box{x, b.y + 2*p.scale, w, bar}
		p.fill(box{x, slice.y, max(w-0.5, 0.5), bar}, rgb(familyOf(s.Kernel).colour), 0)
		if slice.holds(v.state.mouseX, v.state.mouseY) {
			hover = fmt.Sprintf("%s  %s  %v", s.Name, s.Kernel, s.Duration)
			p.border(slice, ink, 0, 1)
		}
		x += w
	}
	if hover != "" {
		p.text(b.x, b.y+b.h, mono, 11, ink, p.fitting(mono, 11, hover, b.w))
		return
	}
	p.legend(box{b.x, b.y + b.h, b.w, 0}, v.spans, total)
}

// A family is kernels that do one kind of work; they share a colour.
type family struct {
	prefix string
	colour uint32
}

var families = []family{
	{"linear", 0x4f8fd9}, {"attention", 0xd9604f}, {"inspect", 0x7d7f8a}, {"rmsnorm", 0x5bb98c}, {"rotate", 0xb98c5b}, {"append", 0x9a6fd0},
	{"swiglu", 0xd0b34f}, {"add", 0x4fb3b0}, {"embed", 0xd97fb0}, {"argmax", 0xe0e0e0},
}

func familyOf(kernel string) family {
	for _, f := range families {
		if strings.HasPrefix(kernel, f.prefix) {
			return f
		}
	}
	return family{"others", 0x4a5160}
}

// legend names the families on a baseline, those that took longest first, as
// many as there is room for.
func (p *painter) legend(b box, spans []gpu.Span, total time.Duration) {
	took := map[family]time.Duration{}
	for _, s := range spans {
		took[familyOf(s.Kernel)] += s.Duration
	}
	list := slices.SortedFunc(maps.Keys(took), func(a, b family) int {
		return cmp.Or(cmp.Compare(took[b], took[a]), strings.Compare(a.prefix, b.prefix))
	})
	x, side := b.x, 8*p.scale
	for _, f := range list {
		text := fmt.Sprintf("%s %.0f %%", f.prefix, 100*float64(took[f])/float64(max(total, 1)))
		if x+side+4*p.scale+p.long(regular, 11, text) > b.x+b.w {
			return
		}
		p.fill(box{x, b.y - side, side, side}, rgb(f.colour), 2*p.scale)
		x = p.text(x+side+4*p.scale, b.y, regular, 11, muted, text) + 10*p.scale
	}
}

// paintStatus draws the last line: numbers of what is under the mouse, or what
// is going on, and the keys.
func (v *Viewer) paintStatus(p *painter, b box, img *pixels.Patches) {
	text, colour := v.note, muted
	if about := v.about(img); about != "" {
		text, colour = about, ink
	}
	keys := "Space step · Enter run · ← → heads · ↑ ↓ layers · ? help"
	wide := p.long(regular, 12, keys)
	y := b.y + b.h/2
	p.text(b.x+b.w-wide, y, regular, 12, muted, keys)
	p.text(b.x, y, regular, 13, colour, p.fitting(regular, 13, text, b.w-wide-20*p.scale))
}

// about tells of the patch, word, layer or head that is looked at.
func (v *Viewer) about(img *pixels.Patches) string {
	x, y := v.state.mouseX, v.state.mouseY
	for _, w := range v.areas.words {
		if w.box.holds(x, y) {
			word := v.answer.words[w.index]
			return fmt.Sprintf("%q had a probability of %.3g %%", word.Text, 100*math.Exp(float64(word.LogProb)))
		}
	}
	for i, l := range v.areas.layers {
		if at := v.gaze.Residual[i+1]; l.holds(x, y) {
			return fmt.Sprintf("after layer %d: norm %.3g, max |x| %.3g in channel %d", i+1, at.Norm, at.Max, at.Channel)
		}
	}
	for i, h := range v.areas.heads {
		if h.holds(x, y) {
			return fmt.Sprintf("head %d of layer %d", i+1, v.state.layer+1)
		}
	}
	patch := v.hovered()
	if patch < 0 {
		return ""
	}
	text := fmt.Sprintf("row %d, column %d", patch/img.Grid.Cols+1, patch%img.Grid.Cols+1)
	if weight, ok := v.weight(patch); ok {
		text += fmt.Sprintf("   weight %.2g %%", 100*weight)
	}
	if len(v.reading.words) > 0 && v.sees() && v.reading.position == v.position(patch) {
		text += fmt.Sprintf("   reads as %s after layer %d", strings.Join(v.reading.words, ", "), v.reading.layer+1)
	}
	return text
}

// helps are the keys, in two columns.
var helps = [][2]string{
	{"Space", "pause, or one word on"}, {"Enter", "run on"}, {"R", "ask again"}, {"↑ ↓", "layer"}, {"← →", "head; left of the first: mean, maximum, rollout"},
	{"M  X  O", "mean, maximum, rollout"}, {"Tab", "next picture"}, {"wheel, drag", "zoom and move the picture; 0 fits it"}, {"click", "pin a patch or a word, choose a layer or head"},
	{"drop a file", "ask about it"}, {"G", "patch grid"}, {"S", "save a PNG"}, {"Esc", "unpin, leave"},
}

func (v *Viewer) paintHelp(p *painter, whole box) {
	line := 26 * p.scale
	w, h := min(560*p.scale, whole.w-20*p.scale), line*float32(len(helps)+2)
	b := box{(whole.w - w) / 2, max((whole.h-h)/2, 4), w, h}
	p.fill(whole, clear(ground, 0.7), 0)
	p.fill(b, panel, 10*p.scale)
	p.border(b, edge, 10*p.scale, p.scale)
	y := b.y + 1.3*line
	p.text(b.x+24*p.scale, y, bold, 15, ink, "Keys and mouse")
	for _, l := range helps {
		y += line
		p.text(b.x+24*p.scale, y, bold, 13, accent, l[0])
		p.text(b.x+150*p.scale, y, regular, 13, ink, p.fitting(regular, 13, l[1], b.w-170*p.scale))
	}
}
