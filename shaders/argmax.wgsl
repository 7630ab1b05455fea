// y[r] = the index of the largest x[r, :], the lowest of equals      one workgroup per row

override WG: u32 = 256;

struct Params {
    cols: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;          // [rows, cols]
@group(0) @binding(2) var<storage, read_write> y: array<u32>;    // [rows]

var<workgroup> values: array<f32, WG>;
var<workgroup> indices: array<u32, WG>;

@compute @workgroup_size(WG)
fn argmax(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = group.x * params.cols;
    var best = -3.4e38;
    var index = min(lane, params.cols - 1u);
    for (var i = lane; i < params.cols; i += WG) {
        if x[row + i] > best {
            best = x[row + i];
            index = i;
        }
    }
    values[lane] = best;
    indices[lane] = index;
    workgroupBarrier();    // the halves below meet
    for (var half = WG / 2u; half > 0u; half /= 2u) {
        if lane < half {
            let other = values[lane + half];
            let i = indices[lane + half];
            if other > values[lane] || (other == values[lane] && i < indices[lane]) {
                values[lane] = other;
                indices[lane] = i;
            }
        }
        workgroupBarrier();    // and again, until one is left
    }
    if lane == 0u {
        y[group.x] = indices[0];
    }
}
