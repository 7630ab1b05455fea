// y[i, h] = softmax(q[i, h]·Kᵀ * scale + mask)·V      one workgroup per ROWS rows of a key head
//
// attention_tile by products of signed bytes, four at a time, where the cache is q8_0
// and heads are whole blocks: the queries become bytes as quantize_rows would make
// them. Codes of 32 keys lie in workgroup memory, then those of their values, which
// are floats where they are weighed.

import package::lib::rows::{Rows, rows_of, query_of, start_of, visible, params, q, seats, pages, y, QUADS, NEVER};
import package::lib::pages::PAGE;
import package::lib::rounding::quantized;
import package::cache::{keys, values};

override COLUMNS: u32 = 16;    // QUADS rounded up to a power of two
override ROWS: u32 = 32;       // 32 or 64

const WG: u32 = 128u;
const KEYS: u32 = PAGE;
const EIGHTHS: u32 = KEYS / 4u;             // a lane takes keys i, i + 8, i + 16 and i + 24 at once
const BLOCKS: u32 = QUADS / 8u;             // of a head
const PITCH: u32 = 2u * BLOCKS + 1u;        // of codes of a row, 16 each, with the padding
const SPAN: u32 = EIGHTHS + 1u;             // of weights of a row, with the padding
const TALL: u32 = ROWS * EIGHTHS / WG;      // rows that a lane scores
const SHARERS: u32 = WG / ROWS;             // lanes that soften a row
const HELD: u32 = ROWS * COLUMNS / WG;      // quads of the result that a lane holds

var<workgroup> queries: array<vec4<u32>, ROWS * PITCH>;
var<workgroup> query_scales: array<f32, ROWS * BLOCKS>;    // with that of scores
var<workgroup> tile: array<vec4<u32>, KEYS * PITCH>;       // keys, then values
var<workgroup> scales: array<vec4<f32>, EIGHTHS * BLOCKS>; // of the tile
var<workgroup> weights: array<vec4<f32>, ROWS * SPAN>;     // scores before
var<workgroup> places: array<u32, ROWS>;                   // of the rows in q and y
var<workgroup> seen: array<u32, ROWS>;
var<workgroup> largest: array<f32, ROWS>;
var<workgroup> total: array<f32, ROWS>;
var<workgroup> rescale: array<f32, ROWS>;
var<workgroup> parts: array<f32, WG>;                      // of a row's maximum, or sum

@compute @workgroup_size(WG)
fn attention_tile_ints(
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
    for (var b = lane; b < ROWS * BLOCKS; b += WG) {
        let row = b / BLOCKS;
        let block = b % BLOCKS;
        var v = array<vec4<f32>, 8>();
        for (var i = 0u; i < 8u; i++) {
            v[i] = q[places[row] + 8u * block + i];
        }
        let codes = quantized(v);
        queries[row * PITCH + 2u * block] = codes[0];
        queries[row * PITCH + 2u * block + 1u] = codes[1];
        query_scales[b] = bitcast<f32>(codes[2].x) * params.scale;
    }

    let column = min(lane % COLUMNS, QUADS - 1u);
    var sums: array<vec4<f32>, HELD>;    // of rows lane / COLUMNS, one WG / COLUMNS further, …
    for (var key0 = 0u; key0 < rows.end; key0 += KEYS) {
        let place0 = pages[rows.table + key0 / PAGE] * PAGE;
        fill(false, rows, key0, place0, lane);
        workgroupBarrier();    // queries and keys are read by all lanes below
        score(lane);
        workgroupBarrier();    // a row of scores is read by several lanes, and all are done with the keys
        fill(true, rows, key0, place0, lane);
        soften(key0, lane);
        workgroupBarrier();    // values and weights are read by all lanes below
        for (var h = 0u; h < HELD; h++) {
            sums[h] *= rescale[lane / COLUMNS + h * (WG / COLUMNS)];
        }
        for (var i = 0u; i < EIGHTHS; i++) {
            let scale = scales[i * BLOCKS + column / 8u];
            let a = value(i, column) * scale.x;
            let b = value(i + EIGHTHS, column) * scale.y;
            let c = value(i + 2u * EIGHTHS, column) * scale.z;
            let d = value(i + 3u * EIGHTHS, column) * scale.w;
            for (var h = 0u; h < HELD; h++) {
                let w = weights[(lane / COLUMNS + h * (WG / COLUMNS)) * SPAN + i];
                sums[h] += w.x * a + w.y * b + w.z * c + w.w * d;
            }
        }
        workgroupBarrier();    // all have read them before the next are written
    }

    for (var h = 0u; h < HELD; h++) {
        let i = lane / COLUMNS + h * (WG / COLUMNS);
        if lane % COLUMNS < QUADS && rows.first + i < rows.count {
            y[places[i] + column] = sums[h] / total[i];
        }
    }
}

// fill puts the codes and scales of 32 keys, or of their values, into the tile, zeros
// past the last.
fn fill(of_values: bool, rows: Rows, key0: u32, place0: u32, lane: u32) {
    let count = min(KEYS, rows.end - key0);
    let start = place0 * rows.width + rows.column0;
    for (var c = lane; c < KEYS * BLOCKS * 2u; c += WG) {
        let key = c / (2u * BLOCKS);
        let half = c % (2u * BLOCKS);
        var codes = vec4(0u);
        if key < count {
            let at = ((start + key * rows.width) / 8u + half / 2u) * 9u + 1u + half % 2u * 4u;
            codes = vec4(word(of_values, at), word(of_values, at + 1u), word(of_values, at + 2u), word(of_values, at + 3u));
        }
        tile[key * PITCH + half] = codes;
    }
    for (var c = lane; c < EIGHTHS * BLOCKS; c += WG) {
        var scale = vec4(0.0);
        for (var n = 0u; n < 4u; n++) {
            let key = c / BLOCKS + n * EIGHTHS;
            if key < count {
                scale[n] = bitcast<f32>(word(of_values, ((start + key * rows.width) / 8u + c % BLOCKS) * 9u));
            }
        }
        scales[c] = scale;
    }
}

fn word(of_values: bool, at: u32) -> u32 {
    if of_values {
        return values[at];
    }
    return keys[at];
}

// value returns the codes of four neighbouring elements of a value in the tile.
fn value(key: u32, column: u32) -> vec4<f32> {
    return vec4<f32>(unpack4xI8(tile[key * PITCH + column / 4u][column % 4u]));
}

// score leaves the scores of every 16th row with every eighth key among the weights.
fn score(lane: u32) {
    let key = lane % EIGHTHS;
    let row = lane / EIGHTHS;
    var made: array<vec4<f32>, TALL>;
    for (var block = 0u; block < BLOCKS; block++) {
        var sums = array<vec4<i32>, TALL>();    // without a value naga would keep the last one's
        for (var half = 2u * block; half < 2u * block + 2u; half++) {
            let a = tile[key * PITCH + half];
            let b = tile[(key + EIGHTHS) * PITCH + half];
            let c = tile[(key + 2u * EIGHTHS) * PITCH + half];
            let d = tile[(key + 3u * EIGHTHS) * PITCH + half];
            for (var i = 0u; i < TALL; i++) {
                let v = queries[(row + i * (WG / EIGHTHS)) * PITCH + half];
                sums[i] += vec4(dot16(v, a), dot16(v, b), dot16(v, c), dot16(v, d));
            }
        }
        let scale = scales[key * BLOCKS + block];
        for (var i = 0u; i < TALL; i++) {
            made[i] += vec4<f32>(sums[i]) * query_scales[(row + i * (WG / EIGHTHS)) * BLOCKS + block] * scale;
        }
    }
    for (var i = 0u; i < TALL; i++) {
        weights[(row + i * (WG / EIGHTHS)) * SPAN + key] = made[i];
    }
}

// dot16 returns the product of 16 codes with 16.
fn dot16(a: vec4<u32>, b: vec4<u32>) -> i32 {
    return dot4I8Packed(a.x, b.x) + dot4I8Packed(a.y, b.y) + dot4I8Packed(a.z, b.z) + dot4I8Packed(a.w, b.w);
}

// soften turns the scores of each row into weights and keeps its maximum and sum.
fn soften(key0: u32, lane: u32) {
    let row = lane / SHARERS;
    let share = lane % SHARERS;
    let before = largest[row];
    var most = vec4(before);
    for (var i = share; i < EIGHTHS; i += SHARERS) {
        most = max(most, visible(weights[row * SPAN + i], key0 + i, seen[row]));
    }
    parts[lane] = max(max(most.x, most.y), max(most.z, most.w));
    workgroupBarrier();    // the maxima are read by all lanes of the row
    var next = before;
    for (var i = 0u; i < SHARERS; i++) {
        next = max(next, parts[row * SHARERS + i]);
    }
    workgroupBarrier();    // and have been before the sums are written
    var sum = vec4(0.0);
    for (var i = share; i < EIGHTHS; i += SHARERS) {
        // A key that is not seen must weigh nothing even if none is.
        let s = visible(weights[row * SPAN + i], key0 + i, seen[row]);
        let weight = select(exp(s - next), vec4(0.0), s <= vec4(NEVER));
        weights[row * SPAN + i] = weight;
        sum += weight;
    }
    parts[lane] = sum.x + sum.y + sum.z + sum.w;
    workgroupBarrier();    // the sums are added up by the first lane of the row
    if share == 0u {
        var all = 0.0;
        for (var i = 0u; i < SHARERS; i++) {
            all += parts[row * SHARERS + i];
        }
        rescale[row] = exp(before - next);
        total[row] = total[row] * rescale[row] + all;
        largest[row] = next;
    }
}
