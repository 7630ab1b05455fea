// cache[place of row r, :] = x[r, :] in bytes, the largest of each 32 becoming ±127      one invocation per 32

import package::lib::grid::unfold;

struct Params {
    n: u32,        // blocks to append
    width: u32,    // blocks of a row
    begin: u32,    // row to begin with
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;        // [rows, width * 8]
@group(0) @binding(2) var<storage, read> seats: array<vec4<u32>>;    // [rows]: angle, seen, pages, place
@group(0) @binding(3) var<storage, read_write> y: array<u32>;        // [positions, width * 9]: the cache

@compute @workgroup_size(64)
fn append_q8_0(
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
    var most = vec4(0.0);
    for (var k = 0u; k < 8u; k++) {
        most = max(most, abs(x[8u * source + k]));
    }
    let scale = max(max(most.x, most.y), max(most.z, most.w)) / 127.0;
    let inverse = select(0.0, 1.0 / scale, scale > 0.0);
    let block = (seats[row].w * params.width + i % params.width) * 9u;
    y[block] = bitcast<u32>(scale);
    for (var k = 0u; k < 8u; k++) {
        y[block + 1u + k] = pack4xI8(vec4<i32>(round(x[8u * source + k] * inverse)));
    }
}
