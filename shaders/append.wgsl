// cache[at + r, :] = x[r, :]      one invocation per quad

import package::lib::grid::unfold;

override HALF: u32 = 1;    // 1 if the cache holds half floats, 0 for f32

struct Params {
    n: u32,     // quads of x
    at: u32,    // quad of the cache to begin at
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;       // [rows, quads]
@group(0) @binding(2) var<storage, read_write> y: array<u32>;       // [positions, quads * 2 or 4]: the cache

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
    if HALF == 1u {
        // Beyond ±65504 half floats are infinite, and one such key would make
        // every later softmax NaN.
        let v = clamp(x[i], vec4(-65504.0), vec4(65504.0));
        let word = (params.at + i) * 2u;
        y[word] = pack2x16float(v.xy);
        y[word + 1u] = pack2x16float(v.zw);
    } else {
        let v = bitcast<vec4<u32>>(x[i]);
        let word = (params.at + i) * 4u;
        y[word] = v.x;
        y[word + 1u] = v.y;
        y[word + 2u] = v.z;
        y[word + 3u] = v.w;
    }
}
