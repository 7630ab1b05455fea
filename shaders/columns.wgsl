// y[r, i] = x[r, first + i * step]      one invocation per value of y

import package::lib::grid::unfold;

struct Params {
    n: u32,         // values of y
    cols: u32,      // of a row of y
    stride: u32,    // length of a row of x
    first: u32,
    step: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;          // [rows, stride]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;    // [rows, cols]

@compute @workgroup_size(64)
fn columns(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * 64u + lane;
    if i < params.n {
        y[i] = x[i / params.cols * params.stride + params.first + i % params.cols * params.step];
    }
}
