// y[t, o] = dot(x[t, :], W[o, :])      one workgroup per 128 rows of x by 128 of W
//
// linear_tile for GPUs with many registers: each lane keeps eight by eight sums,
// so a quad from workgroup memory serves eight products. Eight columns at a time
// pass through it, in rows padded by one quad.

import package::output::put;
import package::weights::load8;

const TILE: u32 = 128u;    // rows of x, and of W
const PITCH: u32 = 3u;     // two quads and the padding

struct Params {
    octets: u32,    // of a row of W and of x
    rows: u32,      // rows of W in the shard
    first: u32,     // row of W that the shard begins with
    stride: u32,    // length of a row of y
    begin: u32,     // row of x to begin with
    until: u32,     // row of x to end before
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;    // [n, octets * 2]

var<workgroup> xs: array<vec4<f32>, TILE * PITCH>;
var<workgroup> ws: array<vec4<f32>, TILE * PITCH>;

@compute @workgroup_size(16, 16)
fn linear_tile_wide(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row0 = group.x * TILE;
    let token0 = params.begin + group.y * TILE;
    // [row of x][rows of W]: pairs of neighbours, the first two pairs and the others.
    var near: array<vec4<f32>, 8>;
    var far: array<vec4<f32>, 8>;
    // Past the last row the last one is read again; its sums are not written.
    let token = min(token0 + lane / 2u, params.until - 1u) * params.octets * 2u + lane % 2u;
    let row = min(row0 + lane, params.rows - 1u) * params.octets;
    for (var octet = 0u; octet < params.octets; octet++) {
        xs[lane / 2u * PITCH + lane % 2u] = x[token + octet * 2u];
        if lane < TILE {
            let w = load8(row + octet);
            ws[lane * PITCH] = w[0];
            ws[lane * PITCH + 1u] = w[1];
        }
        workgroupBarrier();    // the tiles are read by all lanes below
        for (var q = 0u; q < 2u; q++) {
            let at = 2u * local.x * PITCH + q;
            let w0 = ws[at];
            let w1 = ws[at + PITCH];
            let w2 = ws[at + 32u * PITCH];
            let w3 = ws[at + 33u * PITCH];
            let w4 = ws[at + 64u * PITCH];
            let w5 = ws[at + 65u * PITCH];
            let w6 = ws[at + 96u * PITCH];
            let w7 = ws[at + 97u * PITCH];
            for (var i = 0u; i < 8u; i++) {
                let a = xs[(local.y + 16u * i) * PITCH + q];
                near[i] += vec4(dot(a, w0), dot(a, w1), dot(a, w2), dot(a, w3));
                far[i] += vec4(dot(a, w4), dot(a, w5), dot(a, w6), dot(a, w7));
            }
        }
        workgroupBarrier();    // all have read before the next tiles are written
    }
    for (var i = 0u; i < 8u; i++) {
        let to = token0 + local.y + 16u * i;
        let first = row0 + 2u * local.x;
        hand(to, first, near[i].xy);
        hand(to, first + 32u, near[i].zw);
        hand(to, first + 64u, far[i].xy);
        hand(to, first + 96u, far[i].zw);
    }
}

fn hand(token: u32, row: u32, sums: vec2<f32>) {
    if token < params.until && row < params.rows {
        put(token, params.first + row, params.stride, sums, row + 1u < params.rows);
    }
}
