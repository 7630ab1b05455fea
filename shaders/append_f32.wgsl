// cache[place of row r, :] = x[r, :]      one invocation per quad

import package::lib::appended::{params, x, unit_of};
import package::lib::grid::unfold;

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
    let unit = unit_of(i);
    y[unit.place] = x[unit.source];
}
