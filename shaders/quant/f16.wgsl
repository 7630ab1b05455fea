// f16: IEEE half floats, two to a word, low half first.

@group(1) @binding(0) var<storage, read> f16_words: array<vec4<u32>>;    // [rows, cols/8]

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let w = f16_words[k];
    return array(
        vec4(unpack2x16float(w.x), unpack2x16float(w.y)),
        vec4(unpack2x16float(w.z), unpack2x16float(w.w)),
    );
}

// dot8 multiplies the octet at index k with eight activations.
fn dot8(k: u32, lo: vec4<f32>, hi: vec4<f32>) -> f32 {
    let w = load8(k);
    return dot(w[0], lo) + dot(w[1], hi);
}

const STEP: u32 = 1u;    // octets that load_step returns

// load_step returns the octet of weights at index k.
fn load_step(k: u32) -> array<vec4<f32>, 2> {
    return load8(k);
}
