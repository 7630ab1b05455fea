// y[b] = 32 activations as lib/rounding.wgsl has them      one invocation per block

import package::lib::grid::unfold;
import package::lib::rounding::quantized;

struct Params {
    n: u32,    // blocks
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;          // [n * 8]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<u32>>;    // [n * 3]

@compute @workgroup_size(64)
fn quantize_rows(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * 64u + lane;
    if i >= params.n {
        return;
    }
    var v: array<vec4<f32>, 8>;
    for (var j = 0u; j < 8u; j++) {
        v[j] = x[8u * i + j];
    }
    let block = quantized(v);
    for (var j = 0u; j < 3u; j++) {
        y[3u * i + j] = block[j];
    }
}
