// Octets of activations, four at a time. The kernel that imports this binds x.

// quads8 returns eight quads of x from at on; past count of them, zeros.
fn quads8(at: u32, count: u32) -> array<vec4<f32>, 8> {
    let none = vec4(0.0);
    return array(
        x[at],
        x[at + 1u],
        select(none, x[at + 2u], count > 2u),
        select(none, x[at + 3u], count > 2u),
        select(none, x[at + 4u], count > 4u),
        select(none, x[at + 5u], count > 4u),
        select(none, x[at + 6u], count > 6u),
        select(none, x[at + 7u], count > 6u),
    );
}

// halves returns what the first four quads come to, and the last four.
fn halves(v: array<vec4<f32>, 8>) -> vec2<f32> {
    let one = vec4(1.0);
    return vec2(dot(v[0] + v[1] + (v[2] + v[3]), one), dot(v[4] + v[5] + (v[6] + v[7]), one));
}
