// y[r, l] = of x[r, l], x[r, l + LANES], …: the largest, its index, and what all weigh      one invocation per lane and row

import package::lib::grid::unfold;

const LANES: u32 = 1024u;

struct Params {
    cols: u32,
    rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;                // [rows, cols]
@group(0) @binding(2) var<storage, read> heat: array<f32>;             // [rows]: 1 / temperature
@group(0) @binding(3) var<storage, read_write> y: array<vec4<u32>>;    // [rows, LANES]: largest, index, sum of exp(x - largest), of exp((x - largest) * heat)

@compute @workgroup_size(64)
fn survey(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * 64u + lane;
    if i >= params.rows * LANES {
        return;
    }
    let row = i / LANES;
    let base = row * params.cols;
    var largest = -3.4e38;
    var index = 0xffffffffu;    // of a lane without elements
    for (var k = i % LANES; k < params.cols; k += LANES) {
        let v = x[base + k];
        if v > largest {
            largest = v;
            index = k;
        }
    }
    var plain = 0.0;
    var hot = 0.0;
    for (var k = i % LANES; k < params.cols; k += LANES) {
        let under = x[base + k] - largest;
        plain += exp(under);
        hot += exp(under * heat[row]);
    }
    y[i] = vec4(bitcast<u32>(largest), index, bitcast<u32>(plain), bitcast<u32>(hot));
}
