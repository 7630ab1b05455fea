// y[r, l] = the largest of x[r, l], x[r, l + LANES], … and its index      one invocation per lane and row

import package::lib::grid::unfold;

const LANES: u32 = 1024u;

struct Params {
    cols: u32,
    rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;                // [rows, cols]
@group(0) @binding(2) var<storage, read_write> y: array<vec2<u32>>;    // [rows, LANES]: bits of the largest, index

@compute @workgroup_size(64)
fn argmax_parts(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * 64u + lane;
    if i >= params.rows * LANES {
        return;
    }
    let base = i / LANES * params.cols;
    var best = -3.4e38;
    var index = min(i % LANES, params.cols - 1u);
    for (var k = i % LANES; k < params.cols; k += LANES) {
        if x[base + k] > best {
            best = x[base + k];
            index = k;
        }
    }
    y[i] = vec2(bitcast<u32>(best), index);
}
