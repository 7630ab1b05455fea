// y[t, o] = dot(x[t, :], W[o, :])      one workgroup per ROWS rows of W by TOKENS of x
//
// linear_vec in integers: x has been quantised to signed bytes, 32 to a scale.
// Sums are added up in the same order however many there are.

import package::lib::grid::unfold;
import package::lib::products::{Activations, product_ints};
import package::lib::sums::{WG, SUMS, workgroup_sums, sum_of};
import package::output::put;
import package::weights::load_ints;

override ROWS: u32 = 4;      // even; ROWS * TOKENS is SUMS
override TOKENS: u32 = 1;

struct Params {
    octets: u32,    // of a row of W and of x, four to a block
    rows: u32,      // rows of W in the shard
    first: u32,     // row of W that the shard begins with
    stride: u32,    // length of a row of y
    tokens: u32,    // rows of x
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;    // [tokens, blocks * 3]

@compute @workgroup_size(WG)
fn linear_vec_ints(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row0 = unfold(group, groups) * ROWS;
    let token0 = group.z * TOKENS;
    if row0 >= params.rows {
        return;
    }
    // Past the last row the last one is read again; its sums are not written.
    let blocks = params.octets / 4u;
    var sums: array<f32, SUMS>;
    for (var k = lane; k < blocks; k += WG) {
        var v: array<Activations, TOKENS>;
        for (var t = 0u; t < TOKENS; t++) {
            let at = (min(token0 + t, params.tokens - 1u) * blocks + k) * 3u;
            v[t] = Activations(x[at], x[at + 1u], x[at + 2u]);
        }
        for (var r = 0u; r < ROWS; r++) {
            let w = load_ints(min(row0 + r, params.rows - 1u) * blocks + k);
            for (var t = 0u; t < TOKENS; t++) {
                sums[r * TOKENS + t] += product_ints(w, v[t]);
            }
        }
    }
    workgroup_sums(sums, lane);
    let pair = lane / TOKENS * 2u;    // rows of W, which a lane hands on together
    let row = row0 + pair;
    let token = token0 + lane % TOKENS;
    if lane < SUMS / 2u && row < params.rows && token < params.tokens {
        let s = pair * TOKENS + lane % TOKENS;
        put(token, params.first + row, params.stride, vec2(sum_of(s), sum_of(s + TOKENS)), row + 1u < params.rows);
    }
}
