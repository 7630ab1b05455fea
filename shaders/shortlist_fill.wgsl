// y[r] = the elements of x[r, :] that reach the bound of shortlist, in any order      one invocation per element

import package::lib::grid::unfold;

const LENGTH: u32 = 520u;    // words of a list
const HEAD: u32 = 8u;        // of which these come before the elements

struct Params {
    cols: u32,
    n: u32,    // elements of x
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;                     // [rows, cols]
@group(0) @binding(2) var<storage, read_write> y: array<atomic<u32>>;       // [rows, LENGTH]: the head, then index and element by turns

@compute @workgroup_size(64)
fn shortlist_fill(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * 64u + lane;
    if i >= params.n {
        return;
    }
    let list = i / params.cols * LENGTH;
    if x[i] < bitcast<f32>(atomicLoad(&y[list + 3u])) {
        return;
    }
    let at = HEAD + 2u * atomicAdd(&y[list], 1u);    // all are counted, as many as fit are kept
    if at < LENGTH {
        atomicStore(&y[list + at], i % params.cols);
        atomicStore(&y[list + at + 1u], bitcast<u32>(x[i]));
    }
}
