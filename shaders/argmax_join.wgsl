// y[r] = the index of the largest of what argmax_parts found, the lowest of equals      one workgroup per row

override WG: u32 = 256;

const LANES: u32 = 1024u;    // of argmax_parts

struct Params {
    rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> parts: array<vec2<u32>>;    // [rows, LANES]
@group(0) @binding(2) var<storage, read_write> y: array<u32>;        // [rows]

var<workgroup> values: array<f32, WG>;
var<workgroup> indices: array<u32, WG>;

@compute @workgroup_size(WG)
fn argmax_join(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    if group.x >= params.rows {
        return;
    }
    var best = -3.4e38;
    var index = 0xffffffffu;
    for (var l = lane; l < LANES; l += WG) {
        let part = parts[group.x * LANES + l];
        let v = bitcast<f32>(part.x);
        if v > best || (v == best && part.y < index) {
            best = v;
            index = part.y;
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
