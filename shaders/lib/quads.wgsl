// Octets of activations, four at a time. The kernel that imports this binds x.

import package::weights::{EVEN, ODD};

// Taken are 32 activations as step_quad wants them, and what either half of them comes to.
struct Taken {
    quads: array<vec4<f32>, 8>,
    totals: vec2<f32>,
}

// take8 returns eight quads of x from at on; past count of them, zeros.
fn take8(at: u32, count: u32) -> Taken {
    let none = vec4(0.0);
    let v = array<vec4<f32>, 8>(
        x[at],
        x[at + 1u],
        select(none, x[at + 2u], count > 2u),
        select(none, x[at + 3u], count > 2u),
        select(none, x[at + 4u], count > 4u),
        select(none, x[at + 5u], count > 4u),
        select(none, x[at + 6u], count > 6u),
        select(none, x[at + 7u], count > 6u),
    );
    let one = vec4(1.0);
    let totals = vec2(dot(v[0] + v[1] + (v[2] + v[3]), one), dot(v[4] + v[5] + (v[6] + v[7]), one));
    return Taken(array(v[0] * EVEN, v[1] * ODD, v[2] * EVEN, v[3] * ODD, v[4] * EVEN, v[5] * ODD, v[6] * EVEN, v[7] * ODD), totals);
}
