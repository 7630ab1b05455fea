// Products of codes: 32 weights as signed bytes against 32 activations as signed
// bytes, four at a time by dot4I8Packed.

import package::lib::ints::Ints;

// A block of activations, as quantize_rows leaves it: the words of their codes in
// order, then the scale and the sums of both halves, as f32.
struct Activations {
    a: vec4<u32>,
    b: vec4<u32>,
    sums: vec4<u32>,
}

// product_ints multiplies 32 weights with 32 activations.
fn product_ints(w: Ints, x: Activations) -> f32 {
    let first = dot4I8Packed(w.lo.x, x.a.x) + dot4I8Packed(w.hi.x, x.a.y) + dot4I8Packed(w.lo.y, x.a.z) + dot4I8Packed(w.hi.y, x.a.w);
    let second = dot4I8Packed(w.lo.z, x.b.x) + dot4I8Packed(w.hi.z, x.b.y) + dot4I8Packed(w.lo.w, x.b.z) + dot4I8Packed(w.hi.w, x.b.w);
    let sums = bitcast<vec4<f32>>(x.sums);
    return dot(vec2(f32(first), f32(second)), w.scale.xy) * sums.x + dot(w.scale.zw, sums.yz);
}
