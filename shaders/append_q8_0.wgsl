// cache[place of row r, :] = x[r, :] in bytes, the largest of each 32 becoming ±127      one invocation per 32

import package::lib::appended::{params, x, unit_of};
import package::lib::grid::unfold;
import package::lib::kept::block32;

@group(0) @binding(3) var<storage, read_write> y: array<u32>;    // [positions, width * 9]: the cache

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
    let unit = unit_of(i);
    var v: array<vec4<f32>, 8>;
    for (var k = 0u; k < 8u; k++) {
        v[k] = x[8u * unit.source + k];
    }
    var words = block32(v);
    for (var k = 0u; k < 9u; k++) {
        y[9u * unit.place + k] = words[k];
    }
}
