// y[b] = 32 numbers of x / rms(x) * w as lib/rounding.wgsl has them      one workgroup per row

import package::lib::grid::unfold;
import package::lib::reduce::{WG, workgroup_sum};
import package::lib::rounding::quantized;

struct Params {
    blocks: u32,    // of a row
    rows: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;          // [rows, blocks * 8]
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;          // [blocks * 8]
@group(0) @binding(3) var<storage, read_write> y: array<vec4<u32>>;    // [rows, blocks * 3]

@compute @workgroup_size(WG)
fn quantize_normed(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let r = unfold(group, groups);
    if r >= params.rows {
        return;
    }
    let row = r * params.blocks;
    var squares = 0.0;
    for (var i = lane; i < params.blocks * 8u; i += WG) {
        let v = x[row * 8u + i];
        squares += dot(v, v);
    }
    let mean = workgroup_sum(squares, lane) / f32(32u * params.blocks);
    let scale = inverseSqrt(mean + params.eps);
    for (var i = lane; i < params.blocks; i += WG) {
        var v: array<vec4<f32>, 8>;
        for (var j = 0u; j < 8u; j++) {
            v[j] = x[(row + i) * 8u + j] * scale * w[8u * i + j];
        }
        let block = quantized(v);
        for (var j = 0u; j < 3u; j++) {
            y[(row + i) * 3u + j] = block[j];
        }
    }
}
