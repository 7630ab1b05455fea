// y[at[place + i], :] = x[first + i, :]      one invocation per quad

import package::lib::grid::unfold;

struct Params {
    n: u32,        // quads to move
    quads: u32,    // of a row
    place: u32,    // of at to begin with
    first: u32,    // row of x to begin with
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> at: array<u32>;               // [places]
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;          // [rows, quads]
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;    // [rows, quads]

@compute @workgroup_size(64)
fn scatter(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * 64u + lane;
    if i < params.n {
        let column = i % params.quads;
        y[at[params.place + i / params.quads] * params.quads + column] = x[params.first * params.quads + i];
    }
}
