// cache[place of row r, :] = x[r, :] in half floats      one invocation per quad

import package::lib::appended::{params, x, unit_of};
import package::lib::grid::unfold;
import package::lib::kept::half4;

@group(0) @binding(3) var<storage, read_write> y: array<vec2<u32>>;    // [positions, width]: the cache

@compute @workgroup_size(64)
fn append(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * 64u + lane;
    if i >= params.n {
        return;
    }
    let unit = unit_of(i);
    y[unit.place] = half4(x[unit.source]);
}
