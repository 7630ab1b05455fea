// y[t, o] = dot(x[t, :], W[o, :])      one workgroup per 64 rows of x by 64 of W
//
// Both tiles pass through workgroup memory 16 columns at a time; each lane
// keeps four by four sums. Rows of the tiles are padded by one quad, so that
// neighbouring lanes read different banks.

import package::weights::load8;

const TILE: u32 = 64u;     // rows of x, and of W
const QUADS: u32 = 4u;     // columns in a tile, in fours
const PITCH: u32 = 5u;     // QUADS and the padding

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
@group(0) @binding(2) var<storage, read_write> y: array<f32>;    // [n, stride]

var<workgroup> xs: array<vec4<f32>, TILE * PITCH>;
var<workgroup> ws: array<vec4<f32>, TILE * PITCH>;

@compute @workgroup_size(16, 16)
fn linear_tile(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row0 = group.x * TILE;
    let token0 = params.begin + group.y * TILE;
    var sums: array<vec4<f32>, 4>;    // [row of x] by four rows of W

    for (var octet0 = 0u; octet0 < params.octets; octet0 += QUADS / 2u) {
        // One quad of x a lane, one octet of W for the lower half of the lanes.
        let token = token0 + lane / QUADS;
        let octet = octet0 + lane % QUADS / 2u;
        var v = vec4(0.0);
        if token < params.until && octet < params.octets {
            v = x[token * params.octets * 2u + octet0 * 2u + lane % QUADS];
        }
        xs[lane / QUADS * PITCH + lane % QUADS] = v;
        if lane < TILE * QUADS / 2u {
            let row = row0 + lane / 2u;
            let k = octet0 + lane % 2u;
            var w = array(vec4(0.0), vec4(0.0));
            if row < params.rows && k < params.octets {
                w = load8(row * params.octets + k);
            }
            let at = lane / 2u * PITCH + lane % 2u * 2u;
            ws[at] = w[0];
            ws[at + 1u] = w[1];
        }
        workgroupBarrier();    // the tiles are read by all lanes below
        for (var q = 0u; q < QUADS; q++) {
            let w0 = ws[local.x * PITCH + q];
            let w1 = ws[(local.x + 16u) * PITCH + q];
            let w2 = ws[(local.x + 32u) * PITCH + q];
            let w3 = ws[(local.x + 48u) * PITCH + q];
            for (var i = 0u; i < 4u; i++) {
                let a = xs[(local.y + 16u * i) * PITCH + q];
                sums[i] += vec4(dot(a, w0), dot(a, w1), dot(a, w2), dot(a, w3));
            }
        }
        workgroupBarrier();    // all have read before the next tiles are written
    }

    for (var i = 0u; i < 4u; i++) {
        let token = token0 + local.y + 16u * i;
        if token >= params.until {
            break;
        }
        let at = token * params.stride + params.first;
        for (var j = 0u; j < 4u; j++) {
            let row = row0 + local.x + 16u * j;
            if row < params.rows {
                y[at + row] = sums[i][j];
            }
        }
    }
}
