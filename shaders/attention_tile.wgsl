// y[i, h] = softmax(q[i, h]·Kᵀ * scale + mask)·V      one workgroup per 16 rows of a key head
//
// A row is a query by one of the heads that share the key head, those of a query
// one after the other: keys and values are read once for all of them.
//
// Keys are taken 32 at a time; scores live in workgroup memory, sums in
// registers, and the softmax runs along (FlashAttention-2, arXiv:2307.08691).
// Keys lie in pages of as many; the queries are of one sequence.

import package::lib::pages::PAGE;
import package::cache::{key4, value4};

override QUADS: u32 = 16;      // of a head, at most 48 within 16 KiB of workgroup memory
override COLUMNS: u32 = 16;    // QUADS rounded up to a power of two
override HELD: u32 = 2;        // quads of the result a lane holds: ROWS * COLUMNS / WG, at least 1

const WG: u32 = 128u;
const ROWS: u32 = 16u;
const KEYS: u32 = PAGE;
const SHARERS: u32 = 8u;       // lanes that soften a row: WG / ROWS
const NEVER: f32 = -3.0e38;    // the score of a key that is not seen

struct Params {
    heads: u32,
    shared_by: u32,    // query heads to a key head
    begin: u32,        // query to begin with
    until: u32,        // query to end before
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;          // [queries, heads * QUADS]
@group(0) @binding(2) var<storage, read> seats: array<vec4<u32>>;      // [queries]: angle, seen, pages, place
@group(0) @binding(3) var<storage, read> pages: array<u32>;            // of each sequence, one after the other
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;    // [queries, heads * QUADS]

var<workgroup> queries: array<vec4<f32>, ROWS * QUADS>;
var<workgroup> scores: array<f32, ROWS * KEYS>;    // then the weights
var<workgroup> places: array<u32, ROWS>;    // of the rows in q and y
var<workgroup> seen: array<u32, ROWS>;
var<workgroup> largest: array<f32, ROWS>;
var<workgroup> total: array<f32, ROWS>;
var<workgroup> rescale: array<f32, ROWS>;
var<workgroup> parts: array<f32, WG>;    // of a row's maximum, eight lanes a row

@compute @workgroup_size(WG)
fn attention_tile(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let rows = (params.until - params.begin) * params.shared_by;
    let first = group.y * ROWS;
    let width = params.heads / params.shared_by * QUADS;
    let column0 = group.x * QUADS;
    let end = seats[params.begin + min(first + ROWS - 1u, rows - 1u) / params.shared_by].y;    // the last query sees the most
    let table = seats[params.begin].z;
    if lane < ROWS {
        let i = min(first + lane, rows - 1u);
        let query = params.begin + i / params.shared_by;
        places[lane] = (query * params.heads + group.x * params.shared_by + i % params.shared_by) * QUADS;
        seen[lane] = seats[query].y;
        largest[lane] = NEVER;
        total[lane] = 0.0;
    }
    workgroupBarrier();    // where the rows are is read by all lanes below
    for (var c = lane; c < ROWS * QUADS; c += WG) {
        queries[c] = q[places[c / QUADS] + c % QUADS] * params.scale;
    }
    workgroupBarrier();    // and so are they

    let column = lane % COLUMNS;
    var sums: array<vec4<f32>, HELD>;    // of queries lane / COLUMNS, one WG / COLUMNS further, …
    for (var key0 = 0u; key0 < end; key0 += KEYS) {
        let place0 = pages[table + key0 / PAGE] * PAGE;
        score(key0, place0, end, width, column0, lane);
        workgroupBarrier();    // a row of scores is read by eight lanes
        soften(lane / SHARERS, lane % SHARERS);
        workgroupBarrier();    // the weights are read by all lanes below
        if column < QUADS {
            for (var h = 0u; h < HELD; h++) {
                sums[h] *= rescale[min(lane / COLUMNS + h * (WG / COLUMNS), ROWS - 1u)];
            }
            for (var j = 0u; j < min(KEYS, end - key0); j++) {
                let v = value4((place0 + j) * width + column0 + column);
                for (var h = 0u; h < HELD; h++) {
                    let i = min(lane / COLUMNS + h * (WG / COLUMNS), ROWS - 1u);
                    sums[h] += scores[i * KEYS + j] * v;
                }
            }
        }
        workgroupBarrier();    // all have read the weights before the next scores are written
    }

    for (var h = 0u; h < HELD; h++) {
        let i = lane / COLUMNS + h * (WG / COLUMNS);
        if column < QUADS && i < ROWS && first + i < rows {
            y[places[i] + column] = sums[h] / total[i];
        }
    }
}

// score fills the scores of 16 queries with 32 keys, four a lane: lane % KEYS
// is the key, which is read once for its four queries.
fn score(key0: u32, place0: u32, end: u32, width: u32, column0: u32, lane: u32) {
    let key = key0 + lane % KEYS;
    let i = lane / KEYS;
    var s = vec4(0.0);
    if key < end {
        let row = (place0 + lane % KEYS) * width + column0;
        for (var c = 0u; c < QUADS; c++) {
            let k = key4(row + c);
            s += vec4(
                dot(queries[i * QUADS + c], k),
                dot(queries[(i + 4u) * QUADS + c], k),
                dot(queries[(i + 8u) * QUADS + c], k),
                dot(queries[(i + 12u) * QUADS + c], k),
            );
        }
    }
    for (var n = 0u; n < 4u; n++) {
        scores[(i + 4u * n) * KEYS + lane % KEYS] = select(NEVER, s[n], key < min(end, seen[i + 4u * n]));
    }
}

// soften turns row i of the scores into weights and keeps its maximum and sum.
// Each of eight lanes takes every eighth key.
fn soften(i: u32, share: u32) {
    let before = largest[i];
    var mine = before;
    for (var j = share; j < KEYS; j += SHARERS) {
        mine = max(mine, scores[i * KEYS + j]);
    }
    parts[i * SHARERS + share] = mine;
    workgroupBarrier();    // the maxima are read by all lanes of the row
    var next = before;
    for (var s = 0u; s < SHARERS; s++) {
        next = max(next, parts[i * SHARERS + s]);
    }
    workgroupBarrier();    // and have been before the sums are written
    var sum = 0.0;
    for (var j = share; j < KEYS; j += SHARERS) {
        // A key that is not seen must weigh nothing even if none is.
        let s = scores[i * KEYS + j];
        let weight = select(exp(s - next), 0.0, s <= NEVER);
        scores[i * KEYS + j] = weight;
        sum += weight;
    }
    parts[i * SHARERS + share] = sum;
    workgroupBarrier();    // the sums are added up by the first lane of the row
    if share == 0u {
        var all = 0.0;
        for (var s = 0u; s < SHARERS; s++) {
            all += parts[i * SHARERS + s];
        }
        rescale[i] = exp(before - next);
        total[i] = total[i] * rescale[i] + all;
        largest[i] = next;
    }
}
