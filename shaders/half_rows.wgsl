// y[r] = a row of x as half floats and the power of two they are multiplied with      one workgroup per row
//
// The power of two takes the largest of a row below 2, so that nothing is beyond
// half floats, whatever x holds. Words of a row of y: two half floats each, in
// order, then the power and three that fill up.

import package::lib::grid::unfold;
import package::lib::reduce::{WG, workgroup_max};

struct Params {
    quads: u32,    // of a row of x
    rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;          // [rows, quads]
@group(0) @binding(2) var<storage, read_write> y: array<vec2<u32>>;    // [rows, quads + 2]

@compute @workgroup_size(WG)
fn half_rows(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let r = unfold(group, groups);
    if r >= params.rows {
        return;
    }
    var most = vec4(0.0);
    for (var i = lane; i < params.quads; i += WG) {
        most = max(most, abs(x[r * params.quads + i]));
    }
    let largest = workgroup_max(max(max(most.x, most.y), max(most.z, most.w)), lane);
    let exponent = clamp(bitcast<u32>(largest) >> 23u, 1u, 253u);
    let inverse = bitcast<f32>((254u - exponent) << 23u);
    let row = r * (params.quads + 2u);
    for (var i = lane; i < params.quads; i += WG) {
        let v = x[r * params.quads + i] * inverse;
        y[row + i] = vec2(pack2x16float(v.xy), pack2x16float(v.zw));
    }
    if lane < 2u {
        y[row + params.quads + lane] = vec2(select(0u, exponent << 23u, lane == 0u), 0u);
    }
}
