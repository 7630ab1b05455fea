// What pack2x16float and unpack2x16float do, for adapters that lack them: the
// linker's SoftHalves calls these instead.
fn soft_half(h: u32) -> f32 {
    let exponent = (h >> 10u) & 31u;
    let rest = h & 1023u;
    let small = f32(rest) * 0x1p-24; // zero and the subnormal
    let normal = bitcast<f32>(((exponent + select(112u, 224u, exponent == 31u)) << 23u) | (rest << 13u));
    let v = select(normal, small, exponent == 0u);
    return select(v, -v, (h & 0x8000u) != 0u);
}

fn soft_unpack2x16float(w: u32) -> vec2<f32> {
    return vec2(soft_half(w & 0xffffu), soft_half(w >> 16u));
}

// To the nearest, of two equally near to the even one.
fn soft_bits(v: f32) -> u32 {
    let bits = bitcast<u32>(v);
    let size = bits & 0x7fffffffu;
    let moved = size - (112u << 23u);
    var h = (moved + 0xfffu + ((moved >> 13u) & 1u)) >> 13u;
    if size < (113u << 23u) {
        h = u32(round(abs(v) * 0x1p24));
    }
    if size >= (143u << 23u) {
        h = select(0x7c00u, 0x7e00u, size > 0x7f800000u);
    }
    return ((bits >> 16u) & 0x8000u) | h;
}

fn soft_pack2x16float(v: vec2<f32>) -> u32 {
    return soft_bits(v.x) | (soft_bits(v.y) << 16u);
}
