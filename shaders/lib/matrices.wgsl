// Products by cooperative matrices of SIZE by SIZE, which a subgroup holds
// together. The kernel that imports this says what SIZE is and of what type the
// matrices Left, Right and Sum are.
//
// A workgroup makes 64 rows of x by 64 of W, each subgroup strips of SIZE rows of x;
// how many subgroups there are it learns when it runs. Indices and strides are
// named: the compiler takes no expressions in their place.

import package::output::put;
import package::weights::load8;

const TILE: u32 = 64u;     // rows of x, and of W
const DEPTH: u32 = 32u;    // columns in a tile
const PITCH: u32 = 40u;    // DEPTH and the padding
const LANES: u32 = 128u;

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

var<workgroup> xs: array<f16, TILE * PITCH>;
var<workgroup> ws: array<f16, TILE * PITCH>;
var<workgroup> sums: array<f32, TILE * TILE>;

// fill puts 32 columns of 64 rows of both into workgroup memory; past the last row
// the last one is read again, past the last octet there are zeros.
fn fill(row0: u32, token0: u32, octet0: u32, lane: u32) {
    for (var i = lane; i < TILE * DEPTH / 8u; i += LANES) {
        let octet = octet0 + i % 4u;
        var v = vec4(0u);
        var w = array(vec4(0.0), vec4(0.0));
        if octet < params.octets {
            v = x[min(token0 + i / 4u, params.until - 1u) * (params.octets + 1u) + octet];
            w = load8(min(row0 + i / 4u, params.rows - 1u) * params.octets + octet);
        }
        let at = i / 4u * PITCH + i % 4u * 8u;
        for (var j = 0u; j < 4u; j++) {
            let pair = unpack2x16float(v[j]);
            xs[at + 2u * j] = f16(pair.x);
            xs[at + 2u * j + 1u] = f16(pair.y);
            ws[at + j] = f16(w[0][j]);
            ws[at + 4u + j] = f16(w[1][j]);
        }
    }
}

// hand gives the sums of the tile on.
fn hand(row0: u32, token0: u32, lane: u32) {
    for (var i = lane; i < TILE * TILE / 2u; i += LANES) {
        let token = token0 + i / (TILE / 2u);
        let column = i % (TILE / 2u) * 2u;
        let row = row0 + column;
        if token < params.until && row < params.rows {
            let power = bitcast<f32>(x[token * (params.octets + 1u) + params.octets].x);
            let at = i / (TILE / 2u) * TILE + column;
            put(token, params.first + row, params.stride, vec2(sums[at], sums[at + 1u]) * power, row + 1u < params.rows);
        }
    }
}
