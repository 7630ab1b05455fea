// y[r, :] = x[r, :] / rms(x[r, :]) * w      one workgroup per row
//
// rmsnorm whose lanes add up within their subgroups, whatever their width: one
// barrier instead of one for each halving.

import package::lib::grid::unfold;

override WG: u32 = 256;

struct Params {
    quads: u32,    // of a row
    rows: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;          // [rows, quads]
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;          // [quads]
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;    // [rows, quads]

var<workgroup> parts: array<f32, WG>;    // one for each subgroup

@compute @workgroup_size(WG)
fn rmsnorm_subgroup(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) subgroups: u32,
    @builtin(subgroup_invocation_id) place: u32,
) {
    let r = unfold(group, groups);
    if r >= params.rows {
        return;
    }
    let row = r * params.quads;
    var squares = 0.0;
    for (var i = lane; i < params.quads; i += WG) {
        let v = x[row + i];
        squares += dot(v, v);
    }
    let part = subgroupAdd(squares);
    if place == 0u {
        parts[subgroup] = part;
    }
    workgroupBarrier();    // all parts are read by all lanes below
    var sum = 0.0;
    for (var i = 0u; i < subgroups; i++) {
        sum += parts[i];
    }
    let scale = inverseSqrt(sum / f32(4u * params.quads) + params.eps);
    for (var i = lane; i < params.quads; i += WG) {
        y[row + i] = x[row + i] * scale * w[i];
    }
}
