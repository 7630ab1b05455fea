// y[i, h] = softmax(q[i, h]·Kᵀ * scale + mask)·V      one workgroup per 16 rows of a key head
//
// Keys are taken 32 at a time; scores live in workgroup memory, sums in
// registers, and the softmax runs along (FlashAttention-2, arXiv:2307.08691).
// Keys lie in pages of as many; the queries are of one sequence.

import package::lib::rows::{Rows, rows_of, query_of, start_of, params, q, seats, pages, y, QUADS, NEVER};
import package::lib::pages::PAGE;
import package::cache::{key4, value4};

override COLUMNS: u32 = 16;    // QUADS rounded up to a power of two
override HELD: u32 = 2;        // quads of the result a lane holds: ROWS * COLUMNS / WG, at least 1

const WG: u32 = 128u;
const ROWS: u32 = 16u;
const KEYS: u32 = PAGE;
const SHARERS: u32 = 8u;       // lanes that soften a row: WG / ROWS

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
    let rows = rows_of(group, ROWS);
    if lane < ROWS {
        places[lane] = start_of(rows, lane);
        seen[lane] = seats[query_of(rows, lane)].y;
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
    for (var key0 = 0u; key0 < rows.end; key0 += KEYS) {
        let place0 = pages[rows.table + key0 / PAGE] * PAGE;
        score(rows, key0, place0, lane);
        workgroupBarrier();    // a row of scores is read by eight lanes
        soften(lane / SHARERS, lane % SHARERS);
        workgroupBarrier();    // the weights are read by all lanes below
        if column < QUADS {
            for (var h = 0u; h < HELD; h++) {
                sums[h] *= rescale[min(lane / COLUMNS + h * (WG / COLUMNS), ROWS - 1u)];
            }
            for (var j = 0u; j < min(KEYS, rows.end - key0); j++) {
                let v = value4((place0 + j) * rows.width + rows.column0 + column);
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
        if column < QUADS && i < ROWS && rows.first + i < rows.count {
            y[places[i] + column] = sums[h] / total[i];
        }
    }
}

// score fills the scores of 16 queries with 32 keys, four a lane: lane % KEYS
// is the key, which is read once for its four queries.
fn score(rows: Rows, key0: u32, place0: u32, lane: u32) {
    let key = key0 + lane % KEYS;
    let i = lane / KEYS;
    var s = vec4(0.0);
    if key < rows.end {
        let row = (place0 + lane % KEYS) * rows.width + rows.column0;
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
        scores[(i + 4u * n) * KEYS + lane % KEYS] = select(NEVER, s[n], key < min(rows.end, seen[i + 4u * n]));
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
