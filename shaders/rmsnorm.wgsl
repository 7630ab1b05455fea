// y[r, :] = x[r, :] / rms(x[r, :]) * w      one workgroup per row

import package::lib::grid::unfold;
import package::lib::reduce::{WG, workgroup_sum};

struct Params {
    quads: u32,    // of a row
    rows: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;          // [rows, quads]
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;          // [quads]
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;    // [rows, quads]

@compute @workgroup_size(WG)
fn rmsnorm(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let r = unfold(group, groups);
    if r >= params.rows {
        return;
    }
    let row = r * params.quads;
    // Squares of outliers overflow f32 from 1.8e19 on; scaling by the largest
    // element would cost a pass, and activations stay below 1e6.
    var squares = 0.0;
    for (var i = lane; i < params.quads; i += WG) {
        let v = x[row + i];
        squares += dot(v, v);
    }
    let mean = workgroup_sum(squares, lane) / f32(4u * params.quads);
    let scale = inverseSqrt(mean + params.eps);
    for (var i = lane; i < params.quads; i += WG) {
        y[row + i] = x[row + i] * scale * w[i];
    }
}
