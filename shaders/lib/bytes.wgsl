// Steps of formats whose codes are made bytes, none of them negative.

// A Step is 32 weights. The words of lo are the first four codes of each octet, those of
// hi the last four.
struct Step {
    lo: vec4<u32>,
    hi: vec4<u32>,
    scale: vec2<f32>,    // and offset
}

// What activations are multiplied with: of even quads, of odd ones.
const EVEN = vec4<f32>(1.0, 0x1p-8, 0x1p-16, 1.0);
const ODD = EVEN;

// step_quad returns codes 4q to 4q+3 where they lie.
fn step_quad(w: Step, q: u32) -> vec4<f32> {
    let word = select(w.lo[q / 2u], w.hi[q / 2u], q % 2u == 1u);
    return vec4<f32>(vec4<i32>(vec4(vec3(word) & vec3(0xffu, 0xff00u, 0xff0000u), word >> 24u)));
}
