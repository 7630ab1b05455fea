// y[t, o] = dot(x[t, :], W[o, :])      one workgroup per 64 rows of x by 64 of W
//
// linear_tile in integers: x has been quantised to signed bytes, 32 to a scale.
// A block of each row passes through workgroup memory at a time; each lane keeps
// four by four sums.

import package::lib::ints::Ints;
import package::lib::products::{Activations, product_ints};
import package::output::put;
import package::weights::load_ints;

const TILE: u32 = 64u;    // rows of x, and of W

struct Params {
    octets: u32,    // of a row of W and of x, four to a block
    rows: u32,      // rows of W in the shard
    first: u32,     // row of W that the shard begins with
    stride: u32,    // length of a row of y
    begin: u32,     // row of x to begin with
    until: u32,     // row of x to end before
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;    // [n, blocks * 3]

var<workgroup> xs: array<vec4<u32>, TILE * 3u>;    // blocks of x as they lie
var<workgroup> ws: array<vec4<u32>, TILE * 3u>;    // lo, hi and scale of blocks of W

@compute @workgroup_size(16, 16)
fn linear_tile_ints(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row0 = group.x * TILE;
    let token0 = params.begin + group.y * TILE;
    let blocks = params.octets / 4u;
    var sums: array<f32, 16>;    // [row of x][row of W]; those of W are two pairs of neighbours
    for (var k = 0u; k < blocks; k++) {
        // Past the last row the last one is read again; its sums are not written.
        if lane < TILE {
            let w = load_ints(min(row0 + lane, params.rows - 1u) * blocks + k);
            ws[3u * lane] = w.lo;
            ws[3u * lane + 1u] = w.hi;
            ws[3u * lane + 2u] = bitcast<vec4<u32>>(w.scale);
        } else {
            let i = lane - TILE;    // 192 lanes: a third of a block each
            let token = min(token0 + i / 3u, params.until - 1u);
            xs[i] = x[(token * blocks + k) * 3u + i % 3u];
        }
        workgroupBarrier();    // the tiles are read by all lanes below
        for (var i = 0u; i < 4u; i++) {
            let a = 3u * (local.y + 16u * i);
            let v = Activations(xs[a], xs[a + 1u], xs[a + 2u]);
            for (var j = 0u; j < 4u; j++) {
                let b = 3u * (2u * local.x + j % 2u + 32u * (j / 2u));
                sums[4u * i + j] += product_ints(Ints(ws[b], ws[b + 1u], bitcast<vec4<f32>>(ws[b + 2u])), v);
            }
        }
        workgroupBarrier();    // all have read before the next tiles are written
    }
    for (var i = 0u; i < 4u; i++) {
        let token = token0 + local.y + 16u * i;
        for (var j = 0u; j < 4u; j += 2u) {
            let row = row0 + 2u * local.x + 16u * j;
            if token < params.until && row < params.rows {
                put(token, params.first + row, params.stride, vec2(sums[4u * i + j], sums[4u * i + j + 1u]), row + 1u < params.rows);
            }
        }
    }
}
