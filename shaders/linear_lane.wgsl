// y[t, o] = dot(x[t, :], W[o, :])      one invocation per ROWS outputs of TOKENS rows of x
//
// For software adapters: no barrier makes lanes wait for each other, and what is
// read serves several sums, as a word read costs them more than arithmetic on it.
// A sum is added up octet by octet as in linear_block, so y is the same to the
// bit, whichever of the two makes it and however many rows x has.

import package::lib::grid::unfold;
import package::output::put;
import package::weights::{STEP, load_step};

override ROWS: u32 = 4;    // even
override TOKENS: u32 = 1;

const LANES: u32 = 8u;    // a subgroup of lavapipe

struct Params {
    octets: u32,    // of a row of W and of x
    rows: u32,      // rows of W in the shard
    first: u32,     // row of W that the shard begins with
    stride: u32,    // length of a row of y
    tokens: u32,    // rows of x
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;    // [tokens, octets * 2]

@compute @workgroup_size(LANES)
fn linear_lane(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // Past the last row the last one is read again; its sums are not written.
    let row0 = (unfold(group, groups) * LANES + lane) * ROWS;
    let token0 = group.z * TOKENS;
    var starts: array<u32, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
        starts[r] = min(row0 + r, params.rows - 1u) * params.octets;
    }
    // With a bound of parameters alone, lavapipe would compile the unrolled loop anew for each dispatch.
    let octets = min(params.octets, arrayLength(&x));
    var sums: array<f32, ROWS * TOKENS>;
    for (var k = 0u; k < octets; k += STEP) {
        var v: array<vec4<f32>, TOKENS * STEP * 2u>;
        for (var t = 0u; t < TOKENS; t++) {
            let at = (min(token0 + t, params.tokens - 1u) * params.octets + k) * 2u;
            for (var i = 0u; i < STEP * 2u; i++) {
                v[t * STEP * 2u + i] = x[at + i];
            }
        }
        for (var r = 0u; r < ROWS; r++) {
            let w = load_step(starts[r] + k);
            for (var t = 0u; t < TOKENS; t++) {
                for (var i = 0u; i < STEP * 2u; i += 2u) {
                    let at = t * STEP * 2u + i;
                    sums[r * TOKENS + t] += dot(w[i], v[at]) + dot(w[i + 1u], v[at + 1u]);
                }
            }
        }
    }
    for (var r = 0u; r < ROWS; r += 2u) {
        let row = row0 + r;
        for (var t = 0u; t < TOKENS; t++) {
            if row < params.rows && token0 + t < params.tokens {
                let pair = vec2(sums[r * TOKENS + t], sums[(r + 1u) * TOKENS + t]);
                put(token0 + t, params.first + row, params.stride, pair, row + 1u < params.rows);
            }
        }
    }
}
