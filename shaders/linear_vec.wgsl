// y[t, o] = dot(x[t, :], W[o, :])      one workgroup per output of one row of x
//
// The weights module is not a file: the host names a format and the linker
// puts quant/<format>.wgsl in its place. That file owns @group(1).

import package::lib::grid::unfold;
import package::lib::reduce::{WG, workgroup_sum};
import package::weights::dot8;

struct Params {
    octets: u32,    // of a row of W and of x
    rows: u32,      // rows of W in the shard
    first: u32,     // row of W that the shard begins with
    stride: u32,    // length of a row of y
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;    // [n, octets * 2]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;    // [n, stride]

@compute @workgroup_size(WG)
fn linear_vec(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = unfold(group, groups);
    if row >= params.rows {
        return;
    }
    let start = row * params.octets;
    let at = group.z * params.octets;
    var sum = 0.0;
    for (var k = lane; k < params.octets; k += WG) {
        let two = 2u * (at + k);
        sum += dot8(start + k, x[two], x[two + 1u]);
    }
    let total = workgroup_sum(sum, lane);
    if lane == 0u {
        y[group.z * params.stride + params.first + row] = total;
    }
}
