// y[t, o] = dot(x[t, :], W[o, :])      one subgroup per ROWS rows of W by TOKENS of x
//
// For GPUs: what a sum's lanes have is added up within the subgroup, so nobody
// waits at a barrier. How wide a subgroup is, the kernel learns when it runs; the
// subgroups of a workgroup share out its SPAN rows. As in linear_vec a sum is
// added up in the same order however many there are.

import package::input::{NORMED, gained, scale};
import package::lib::grid::unfold;
import package::output::put;
import package::weights::load8;

override WG: u32 = 64;
override ROWS: u32 = 2;      // even
override TOKENS: u32 = 1;
override SPAN: u32 = 16;     // a multiple of ROWS

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
fn linear_subgroup(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) subgroups: u32,
    @builtin(subgroup_size) size: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let begin = unfold(group, groups) * SPAN;
    let end = min(begin + SPAN, params.rows);
    let token0 = group.z * TOKENS;
    let width = min(size, WG);    // a workgroup may be less than a subgroup
    for (var row0 = begin + subgroup * ROWS; row0 < end; row0 += subgroups * ROWS) {
        // Past the last row the last one is read again; its sums are not written.
        var sums = array<f32, ROWS * TOKENS>();    // without the zeros naga makes them once, not in each turn
        var squares = array<f32, TOKENS>();
        for (var k = lane; k < params.octets; k += width) {
            var lo: array<vec4<f32>, TOKENS>;
            var hi: array<vec4<f32>, TOKENS>;
            for (var t = 0u; t < TOKENS; t++) {
                let at = (min(token0 + t, params.tokens - 1u) * params.octets + k) * 2u;
                lo[t] = x[at];
                hi[t] = x[at + 1u];
                if NORMED == 1u {
                    squares[t] += dot(lo[t], lo[t]) + dot(hi[t], hi[t]);
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
        for (var s = 0u; s < ROWS * TOKENS; s++) {
            sums[s] = subgroupAdd(sums[s]);    // each lane has it
        }
        for (var t = 0u; t < NORMED * TOKENS; t++) {
            squares[t] = subgroupAdd(squares[t]);
        }
        for (var r = 0u; r < ROWS; r += 2u) {
            for (var t = 0u; t < TOKENS; t++) {
                let row = row0 + r;
                if lane == (r / 2u * TOKENS + t) % width && row < params.rows && token0 + t < params.tokens {
                    let pair = vec2(sums[r * TOKENS + t], sums[(r + 1u) * TOKENS + t]);
                    put(token0 + t, params.first + row, params.stride, pair * scale(squares[t], params.octets * 8u, params.eps), row + 1u < params.rows);
                }
            }
        }
    }
}
