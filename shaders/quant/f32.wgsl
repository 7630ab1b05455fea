// f32: the weights as they are.

@group(1) @binding(0) var<storage, read> f32_words: array<vec4<f32>>;    // [rows, cols/4]

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    return array(f32_words[2u * k], f32_words[2u * k + 1u]);
}

// dot8 multiplies the octet at index k with eight activations.
fn dot8(k: u32, lo: vec4<f32>, hi: vec4<f32>) -> f32 {
    return dot(f32_words[2u * k], lo) + dot(f32_words[2u * k + 1u], hi);
}

const STEP: u32 = 1u;    // octets that load_step returns

// load_step returns the octet of weights at index k.
fn load_step(k: u32) -> array<vec4<f32>, 2> {
    return load8(k);
}
