// y[i] = random bits, by PCG of i and the seed      one invocation per word
//
// In every so many words only the bits of mask are random: signs, exponents and
// whatever else makes a number of them are set.

import package::lib::grid::unfold;

struct Params {
    n: u32,        // words
    seed: u32,
    every: u32,    // the words 0, every, 2 every, … are those that mask and base make
    mask: u32,
    base: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;    // [n]

@compute @workgroup_size(64)
fn noise(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * 64u + lane;
    if i >= params.n {
        return;
    }
    let bits = pcg(i + pcg(params.seed));
    y[i] = select(bits, (bits & params.mask) | params.base, i % params.every == 0u);
}

// pcg is PCG-RXS-M-XS of 32 bits (O'Neill 2014).
fn pcg(v: u32) -> u32 {
    let state = v * 747796405u + 2891336453u;
    let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
    return (word >> 22u) ^ word;
}
