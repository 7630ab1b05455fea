// y[t, o] = dot(x[t, :], W[o, :])      one invocation per output of one row of x
//
// For software adapters: eight lanes read x at the same place, and no barrier
// makes them wait for each other.

import package::lib::grid::unfold;
import package::weights::dot8;

const LANES: u32 = 8u;    // a subgroup of lavapipe

struct Params {
    octets: u32,    // of a row of W and of x
    rows: u32,      // rows of W in the shard
    first: u32,     // row of W that the shard begins with
    stride: u32,    // length of a row of y
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;    // [n, octets * 2]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;    // [n, stride]

@compute @workgroup_size(LANES)
fn linear_lane(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = unfold(group, groups) * LANES + lane;
    let start = min(row, params.rows - 1u) * params.octets;
    let at = group.z * params.octets * 2u;
    var sum = 0.0;
    for (var k = 0u; k < params.octets; k++) {
        sum += dot8(start + k, x[at + 2u * k], x[at + 2u * k + 1u]);
    }
    if row < params.rows {
        y[group.z * params.stride + params.first + row] = sum;
    }
}
