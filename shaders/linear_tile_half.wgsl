// y[t, o] = dot(x[t, :], W[o, :])      one workgroup per 128 rows of x by 128 of W
//
// linear_tile_wide in half floats, where the adapter computes with them: half the
// bytes in workgroup memory, and twice the products a second on many GPUs. Four
// products are added up as half floats, the rest as f32. half_rows has made x.

enable f16;

import package::output::put;
import package::weights::load8;

const TILE: u32 = 128u;    // rows of x, and of W
const PITCH: u32 = 5u;     // four quads and the padding

struct Params {
    octets: u32,    // of a row of W and of x
    rows: u32,      // rows of W in the shard
    first: u32,     // row of W that the shard begins with
    stride: u32,    // length of a row of y
    begin: u32,     // row of x to begin with
    until: u32,     // row of x to end before
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;    // [n, octets + 1]

var<workgroup> xs: array<vec4<f16>, TILE * PITCH>;
var<workgroup> ws: array<vec4<f16>, TILE * PITCH>;

@compute @workgroup_size(16, 16)
fn linear_tile_half(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row0 = group.x * TILE;
    let token0 = params.begin + group.y * TILE;
    // [row of x][rows of W]: pairs of neighbours, the first two pairs and the others.
    var near: array<vec4<f32>, 8>;
    var far: array<vec4<f32>, 8>;
    // Past the last row the last one is read again; its sums are not written. Past
    // the last octet there are zeros.
    let token = min(token0 + lane / 2u, params.until - 1u) * (params.octets + 1u);
    let row = min(row0 + lane / 2u, params.rows - 1u) * params.octets;
    for (var octet0 = 0u; octet0 < params.octets; octet0 += 2u) {
        let octet = octet0 + lane % 2u;
        var v = vec4(0u);
        var w = array(vec4(0.0), vec4(0.0));
        if octet < params.octets {
            v = x[token + octet];
            w = load8(row + octet);
        }
        let at = lane / 2u * PITCH + lane % 2u * 2u;
        xs[at] = vec4<f16>(vec4(unpack2x16float(v.x), unpack2x16float(v.y)));
        xs[at + 1u] = vec4<f16>(vec4(unpack2x16float(v.z), unpack2x16float(v.w)));
        ws[at] = vec4<f16>(w[0]);
        ws[at + 1u] = vec4<f16>(w[1]);
        workgroupBarrier();    // the tiles are read by all lanes below
        for (var q = 0u; q < 4u; q++) {
            let start = 2u * local.x * PITCH + q;
            let w0 = ws[start];
            let w1 = ws[start + PITCH];
            let w2 = ws[start + 32u * PITCH];
            let w3 = ws[start + 33u * PITCH];
            let w4 = ws[start + 64u * PITCH];
            let w5 = ws[start + 65u * PITCH];
            let w6 = ws[start + 96u * PITCH];
            let w7 = ws[start + 97u * PITCH];
            for (var i = 0u; i < 8u; i++) {
                let a = xs[(local.y + 16u * i) * PITCH + q];
                near[i] += vec4<f32>(vec4(dot(a, w0), dot(a, w1), dot(a, w2), dot(a, w3)));
                far[i] += vec4<f32>(vec4(dot(a, w4), dot(a, w5), dot(a, w6), dot(a, w7)));
            }
        }
        workgroupBarrier();    // all have read before the next tiles are written
    }
    for (var i = 0u; i < 8u; i++) {
        let to = token0 + local.y + 16u * i;
        let first = row0 + 2u * local.x;
        if to < params.until {
            let power = bitcast<f32>(x[to * (params.octets + 1u) + params.octets].x);
            hand(to, first, near[i].xy * power);
            hand(to, first + 32u, near[i].zw * power);
            hand(to, first + 64u, far[i].xy * power);
            hand(to, first + 96u, far[i].zw * power);
        }
    }
}

fn hand(token: u32, row: u32, sums: vec2<f32>) {
    if row < params.rows {
        put(token, params.first + row, params.stride, sums, row + 1u < params.rows);
    }
}
