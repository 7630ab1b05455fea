// (x[2i], x[2i+1]) turns by table[angle of the row, i], in every head      one invocation per two pairs, in place
//
// Text and images differ only in the table: by position, or by row and column.

import package::lib::grid::unfold;

struct Params {
    rows: u32,
    heads: u32,
    quads: u32,    // of a head
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> table: array<vec4<f32>>;      // [positions, quads]: cos, sin, cos, sin
@group(0) @binding(2) var<storage, read> seats: array<vec4<u32>>;      // [rows]: angle, seen, pages, place
@group(0) @binding(3) var<storage, read_write> x: array<vec4<f32>>;    // [rows, heads * quads]

@compute @workgroup_size(64)
fn rotate(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * 64u + lane;
    let width = params.heads * params.quads;
    if i >= params.rows * width {
        return;
    }
    let turn = table[seats[i / width].x * params.quads + i % params.quads];
    let v = x[i];
    x[i] = vec4(
        v.x * turn.x - v.y * turn.y,
        v.x * turn.y + v.y * turn.x,
        v.z * turn.z - v.w * turn.w,
        v.z * turn.w + v.w * turn.z,
    );
}
