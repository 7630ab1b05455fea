// cache[place of row r, :] = x[r, :]      one invocation per quad

import package::lib::grid::unfold;

struct Params {
    n: u32,        // quads to append
    width: u32,    // quads of a row
    begin: u32,    // row to begin with
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;        // [rows, width]
@group(0) @binding(2) var<storage, read> seats: array<vec4<u32>>;    // [rows]: angle, seen, pages, place
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;    // [positions, width]: the cache

@compute @workgroup_size(64)
fn append_f32(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * 64u + lane;
    if i >= params.n {
        return;
    }
    let row = params.begin + i / params.width;
    let source = row * params.width + i % params.width;
    let place = seats[row].w * params.width + i % params.width;
    y[place] = x[source];
}
