// y[r, :] += bias      one invocation per quad, in place

import package::lib::grid::unfold;

struct Params {
    n: u32,        // quads of y
    quads: u32,    // of a row
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> bias: array<vec4<f32>>;       // [quads]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;    // [rows, quads]

@compute @workgroup_size(64)
fn add_bias(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * 64u + lane;
    if i < params.n {
        y[i] += bias[i % params.quads];
    }
}
