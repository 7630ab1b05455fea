// bf16: the upper halves of f32, two to a word, low half first.

@group(1) @binding(0) var<storage, read> bf16_words: array<vec4<u32>>;    // [rows, cols/8]

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let w = bf16_words[k];
    let even = bitcast<vec4<f32>>(w << vec4(16u));
    let odd = bitcast<vec4<f32>>(w & vec4(0xffff0000u));
    return array(vec4(even.x, odd.x, even.y, odd.y), vec4(even.z, odd.z, even.w, odd.w));
}

// dot8 multiplies the octet at index k with eight activations.
fn dot8(k: u32, lo: vec4<f32>, hi: vec4<f32>) -> f32 {
    let w = bf16_words[k];
    let even = bitcast<vec4<f32>>(w << vec4(16u));
    let odd = bitcast<vec4<f32>>(w & vec4(0xffff0000u));
    return dot(even, vec4(lo.xz, hi.xz)) + dot(odd, vec4(lo.yw, hi.yw));
}

const STEP: u32 = 1u;    // octets that load_step returns

// load_step returns the octet of weights at index k.
fn load_step(k: u32) -> array<vec4<f32>, 2> {
    return load8(k);
}
