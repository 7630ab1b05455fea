// y[i] = silu(x[2i]) * x[2i + 1]      one invocation per value of y

import package::lib::grid::unfold;
import package::lib::activation::silu;

struct Params {
    n: u32,    // values of y
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn swiglu_pairs(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * 64u + lane;
    if i < params.n {
        y[i] = silu(vec4(x[i].x)).x * x[i].y;
    }
}
