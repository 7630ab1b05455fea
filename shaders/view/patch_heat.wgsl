// y[row + f, p] = the heads of x, FOLD by FOLD, at the token of patch p      one lane per value
//
// Attention rows reach over all tokens; a picture's patches lie among them row
// by row, each row with an end behind it.

import package::lib::grid::unfold;

override FOLD: u32 = 1;    // heads to a row of y
override MAX: u32 = 0;     // 0: their mean, 1: their maximum
override WG: u32 = 64;

struct Params {
    heads: u32,
    stride: u32,     // elements of a row of x
    first: u32,      // token of the first patch
    cols: u32,       // patches of a row
    patches: u32,
    row: u32,        // of y to begin with
    keys: u32,       // tokens that x reaches; a patch behind them has 0
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;                // [heads, stride]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;          // [rows, patches]

@compute @workgroup_size(WG)
fn patch_heat(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * WG + lane;
    if i >= params.heads / FOLD * params.patches {
        return;
    }
    let f = i / params.patches;
    let p = i % params.patches;
    let token = params.first + p / params.cols * (params.cols + 1u) + p % params.cols;
    var value = 0.0;
    if token < params.keys {
        for (var h = 0u; h < FOLD; h++) {
            let weight = x[(f * FOLD + h) * params.stride + token];
            if MAX == 1u {
                value = max(value, weight);
            } else {
                value += weight / f32(FOLD);
            }
        }
    }
    y[(params.row + f) * params.patches + p] = value;
}
