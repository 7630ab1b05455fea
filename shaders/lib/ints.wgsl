// Ints are 32 weights: (code * scale + offset). The words of lo are the first
// four codes of each octet, those of hi the last four. The first 16 weights have
// scale.x and the offset scale.z, the others scale.y and scale.w.
struct Ints {
    lo: vec4<u32>,
    hi: vec4<u32>,
    scale: vec4<f32>,
}
