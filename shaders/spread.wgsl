// (q, k, v)[r, :] = x[r, :], q and k turned      one invocation per UNIT quads
//
// Keys and values go to the place of their row in the cache, whose type
// package::keep writes.

import package::lib::grid::unfold;
import package::keep::{UNIT, keep_key, keep_value};

struct Params {
    n: u32,          // units to spread
    queries: u32,    // units of a row of q
    keys: u32,       // units of a row of k, and of v
    head: u32,       // quads of a head
    begin: u32,      // row to begin with
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;          // [rows, (queries + 2 * keys) * UNIT]
@group(0) @binding(2) var<storage, read> table: array<vec4<f32>>;      // [positions, head]: cos, sin, cos, sin
@group(0) @binding(3) var<storage, read> seats: array<vec4<u32>>;      // [rows]: angle, seen, pages, place
@group(0) @binding(4) var<storage, read_write> q: array<vec4<f32>>;    // [rows, queries * UNIT]

@compute @workgroup_size(64)
fn spread(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * 64u + lane;
    if i >= params.n {
        return;
    }
    let width = params.queries + 2u * params.keys;
    let row = params.begin + i / width;
    let column = i % width;
    let seat = seats[row];
    var v: array<vec4<f32>, UNIT>;
    for (var k = 0u; k < UNIT; k++) {
        v[k] = x[(row * width + column) * UNIT + k];
    }
    if column < params.queries + params.keys {
        for (var k = 0u; k < UNIT; k++) {
            let turn = table[seat.x * params.head + (column * UNIT + k) % params.head];
            v[k] = vec4(
                v[k].x * turn.x - v[k].y * turn.y,
                v[k].x * turn.y + v[k].y * turn.x,
                v[k].z * turn.z - v[k].w * turn.w,
                v[k].z * turn.w + v[k].w * turn.z,
            );
        }
    }
    if column < params.queries {
        for (var k = 0u; k < UNIT; k++) {
            q[(row * params.queries + column) * UNIT + k] = v[k];
        }
    } else if column < params.queries + params.keys {
        keep_key(seat.w * params.keys + column - params.queries, v);
    } else {
        keep_value(seat.w * params.keys + column - params.queries - params.keys, v);
    }
}
