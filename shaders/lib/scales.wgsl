// Scales of formats whose blocks of 256 weights have d and dmin, and for each 32 weights s
// and m of 6 bits.

// Scales are those of 256 weights.
struct Scales {
    d: vec2<f32>,       // d and dmin
    low: vec2<u32>,     // four bits of each s, of each m
    top: vec2<u32>,     // two, above them
}

// scales_of returns the scales in a block's words: d and dmin; four bits of each s; of
// each m; two of each s and each m.
fn scales_of(block: vec4<u32>) -> Scales {
    return Scales(unpack2x16float(block.x), block.yz, vec2(block.w << 4u, block.w >> 12u));
}

// scale_at returns d·s and dmin·m of the octet at index i of a block.
fn scale_at(i: u32, scales: Scales) -> vec2<f32> {
    let j = (i >> 2u) & 7u;
    let low = (scales.low >> vec2(4u * j)) & vec2(15u);
    let top = (scales.top >> vec2(2u * j)) & vec2(0x30u);
    return scales.d * vec2<f32>(vec2<i32>(low | top));
}
