// y[t, o] = dot(x[t, :], W[o, :])      one workgroup per ROWS rows of W by TOKENS of x
//
// The weights module is not a file: the host names a format and the linker
// puts quant/<format>.wgsl in its place. That file owns @group(1). So does
// output/<output>.wgsl with what becomes of the sums, and input/<input>.wgsl with
// how rows of x are taken.
//
// A row of W is read once for all of its sums, and each is added up in the same
// order however many there are: y is the same to the bit for any number of rows of x.

import package::input::{NORMED, gained, scale};
import package::lib::grid::unfold;
import package::lib::sums::{WG, SUMS, workgroup_sums, sum_of};
import package::output::put;
import package::weights::load8;

override ROWS: u32 = 4;      // even; (ROWS + NORMED) * TOKENS is SUMS
override TOKENS: u32 = 1;

struct Params {
    octets: u32,    // of a row of W and of x
    rows: u32,      // rows of W in the shard
    first: u32,     // row of W that the shard begins with
    stride: u32,    // length of a row of y
    tokens: u32,    // rows of x
    eps: f32,       // of a norm
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;    // [tokens, octets * 2]

@compute @workgroup_size(WG)
fn linear_vec(
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
    var sums: array<f32, SUMS>;
    for (var k = lane; k < params.octets; k += WG) {
        var lo: array<vec4<f32>, TOKENS>;
        var hi: array<vec4<f32>, TOKENS>;
        for (var t = 0u; t < TOKENS; t++) {
            let at = (min(token0 + t, params.tokens - 1u) * params.octets + k) * 2u;
            lo[t] = x[at];
            hi[t] = x[at + 1u];
            if NORMED == 1u {
                sums[SUMS - TOKENS + t] += dot(lo[t], lo[t]) + dot(hi[t], hi[t]);
                lo[t] = gained(lo[t], 2u * k);
                hi[t] = gained(hi[t], 2u * k + 1u);
            }
        }
        for (var r = 0u; r < ROWS; r++) {
            let w = load8(min(row0 + r, params.rows - 1u) * params.octets + k);
            for (var t = 0u; t < TOKENS; t++) {
                sums[r * TOKENS + t] += dot(w[0], lo[t]) + dot(w[1], hi[t]);
            }
        }
    }
    workgroup_sums(sums, lane);
    let pair = lane / TOKENS * 2u;    // rows of W, which a lane hands on together
    let row = row0 + pair;
    let token = token0 + lane % TOKENS;
    if lane < ROWS * TOKENS / 2u && row < params.rows && token < params.tokens {
        let s = pair * TOKENS + lane % TOKENS;
        let by = scale(sum_of(SUMS - TOKENS + lane % TOKENS), params.octets * 8u, params.eps);
        put(token, params.first + row, params.stride, vec2(sum_of(s), sum_of(s + TOKENS)) * by, row + 1u < params.rows);
    }
}
