package reference

import (
	"slices"

	"pixtral-wgpu/gpu/ref"
)

// A tower is a stack of transformer layers in use: the image encoder over the
// patches of one image, or the decoder over a prompt.
type tower struct {
	weights map[string][]float32
	see     See

	rows                    int // patches or tokens
	heads, kvHeads, headDim int
	eps                     float32
	turns                   []float32 // [rows, headDim/2, 2]
	causal                  bool
}

// layer returns x + attention + feed-forward. names is the beginning of the
// weights' names, scope that of the values'.
func (t *tower) layer(x []float32, names, scope string) []float32 {
	x = t.attention(x, names, scope+".attention.")
	x = t.feedForward(x, names, scope+".feed_forward.")
	t.show(scope, x)
	return x
}

func (t *tower) attention(x []float32, names, scope string) []float32 {
	normed := t.show(scope+"normed", ref.RMSNorm(x, t.weights[names+".attention_norm.weight"], t.eps))
	q := t.show(scope+"q", t.linear(normed, names+".attention.wq.weight"))
	k := t.show(scope+"k", t.linear(normed, names+".attention.wk.weight"))
	v := t.show(scope+"v", t.linear(normed, names+".attention.wv.weight"))
	q = t.show(scope+"q_rotated", ref.Rotate(q, t.turns, 0, t.heads, t.headDim))
	k = t.show(scope+"k_rotated", ref.Rotate(k, t.turns, 0, t.kvHeads, t.headDim))
	attended := t.show(scope+"attended", ref.Attention(q, k, v, t.heads, t.kvHeads, t.headDim, t.causal, 0))
	return sum(x, t.show(scope+"delta", t.linear(attended, names+".attention.wo.weight")))
}

func (t *tower) feedForward(x []float32, names, scope string) []float32 {
	normed := t.show(scope+"normed", ref.RMSNorm(x, t.weights[names+".ffn_norm.weight"], t.eps))
	gate := t.show(scope+"gate", t.linear(normed, names+".feed_forward.w1.weight"))
	up := t.show(scope+"up", t.linear(normed, names+".feed_forward.w3.weight"))
	gated := t.show(scope+"gated", ref.SwiGLU(gate, up))
	return sum(x, t.show(scope+"delta", t.linear(gated, names+".feed_forward.w2.weight")))
}

// linear multiplies the rows of x with a matrix.
func (t *tower) linear(x []float32, name string) []float32 {
	return ref.Linear(x, t.weights[name], len(x)/t.rows)
}

// show passes a value on to see and to the next step.
func (t *tower) show(name string, x []float32) []float32 {
	t.see(name, []int{t.rows, len(x) / t.rows}, x)
	return x
}

// sum returns x + delta in new memory: x has been shown, and stays as it was.
func sum(x, delta []float32) []float32 {
	y := slices.Clone(x)
	ref.Add(y, delta)
	return y
}
