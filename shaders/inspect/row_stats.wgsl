// y[r] = (‖x[r]‖, max |x[r]|, which element that is, how many are no numbers)      one workgroup per row

import package::lib::grid::unfold;
import package::lib::reduce::{WG, workgroup_sum, workgroup_max};

struct Params {
    cols: u32,
    rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;                // [rows, cols]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;    // [rows]

// finite says so by the exponent's bits: a compiler may take x == x for true.
fn finite(v: f32) -> bool {
    return (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u;
}

@compute @workgroup_size(WG)
fn row_stats(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let r = unfold(group, groups);
    if r >= params.rows {
        return;
    }
    let row = r * params.cols;
    var largest = 0.0;
    var at = params.cols;
    var odd = 0.0;
    for (var i = lane; i < params.cols; i += WG) {
        let v = abs(x[row + i]);
        if !finite(v) {
            odd += 1.0;
        } else if v > largest || at == params.cols {
            largest = v;
            at = i;
        }
    }
    let top = workgroup_max(largest, lane);
    // Scaled by the largest element, so that no square overflows.
    var squares = 0.0;
    for (var i = lane; i < params.cols; i += WG) {
        let v = x[row + i];
        if finite(v) && top > 0.0 {
            squares += (v / top) * (v / top);
        }
    }
    let norm = top * sqrt(workgroup_sum(squares, lane));
    // The lowest of equals: a lane that does not have the largest stands back.
    let first = -workgroup_max(select(-f32(params.cols), -f32(at), largest == top), lane);
    let count = workgroup_sum(odd, lane);
    if lane == 0u {
        y[r] = vec4(norm, top, first, count);
    }
}
