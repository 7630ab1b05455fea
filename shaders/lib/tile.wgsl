// Attention by tiles of half floats in workgroup memory: ROWS queries, and 32 keys
// whose values later take their place. The kernel that imports this multiplies them.
//
// Each query, key and value is multiplied with a power of two that takes its largest
// element below 2, and so are the weights of a row: nothing is beyond half floats,
// whatever there is. The softmax runs along (FlashAttention-2, arXiv:2307.08691).

enable f16;

import package::lib::rows::{Rows, rows_of, query_of, start_of, params, q, seats, QUADS, NEVER};
import package::lib::pages::PAGE;
import package::cache::{key4, value4};

override COLUMNS: u32 = 16;    // QUADS rounded up to a power of two
override ROWS: u32 = 32;       // 32 or 64
override STRIDE: u32 = 36;     // of a row of products: KEYS or more, and the padding

const WG: u32 = 128u;
const KEYS: u32 = PAGE;
const WIDE: u32 = (QUADS + 3u) / 4u * 4u;    // quads of a row in the tiles, zeros behind QUADS: whole matrices
const PITCH: u32 = WIDE + 2u;                // with the padding: whole units of 16 bytes
const SPAN: u32 = KEYS / 4u + 2u;            // quads of a row of weights, with the padding
const READERS: u32 = WG / KEYS;              // lanes that read a key
const SHARERS: u32 = WG / ROWS;              // lanes that soften a row

var<workgroup> queries: array<vec4<f16>, ROWS * PITCH>;
var<workgroup> tile: array<vec4<f16>, KEYS * PITCH>;       // keys, then values
var<workgroup> weights: array<vec4<f16>, ROWS * SPAN>;
var<workgroup> products: array<f32, ROWS * STRIDE>;        // scores, or what matrices make
var<workgroup> parts: array<vec2<f32>, WG>;                // of what is found out about a row
var<workgroup> places: array<u32, ROWS>;                   // of the rows in q and y
var<workgroup> seen: array<u32, ROWS>;
var<workgroup> largest: array<f32, ROWS>;
var<workgroup> total: array<f32, ROWS>;
var<workgroup> rescale: array<f32, ROWS>;
var<workgroup> query_powers: array<f32, ROWS>;             // with the scale
var<workgroup> weight_powers: array<f32, ROWS>;
var<workgroup> key_powers: array<f32, KEYS>;
var<workgroup> value_powers: array<f32, KEYS>;

// exponent_of returns the exponent of the power of two that takes v below 2.
fn exponent_of(v: f32) -> u32 {
    return clamp(bitcast<u32>(v) >> 23u, 1u, 253u);
}

fn power_of(exponent: u32) -> f32 {
    return bitcast<f32>(exponent << 23u);
}

fn inverse_of(exponent: u32) -> f32 {
    return bitcast<f32>((254u - exponent) << 23u);
}

fn most(v: vec4<f32>) -> f32 {
    return max(max(v.x, v.y), max(v.z, v.w));
}

// open reads the queries.
fn open(group: vec3<u32>, lane: u32) -> Rows {
    let rows = rows_of(group, ROWS);
    if lane < ROWS {
        places[lane] = start_of(rows, lane);
        seen[lane] = seats[query_of(rows, lane)].y;
        largest[lane] = NEVER;
        total[lane] = 0.0;
    }
    workgroupBarrier();    // where the rows are is read by all lanes below
    let row = lane / SHARERS;
    let share = lane % SHARERS;
    var v = vec4(0.0);
    for (var c = share; c < QUADS; c += SHARERS) {
        v = max(v, abs(q[places[row] + c]));
    }
    parts[lane].x = most(v);
    workgroupBarrier();    // the largest elements are read by all lanes of the row
    var top = 0.0;
    for (var i = 0u; i < SHARERS; i++) {
        top = max(top, parts[row * SHARERS + i].x);
    }
    let exponent = exponent_of(top);
    for (var c = share; c < WIDE; c += SHARERS) {
        var quad = vec4(0.0);
        if c < QUADS {
            quad = q[places[row] + c] * inverse_of(exponent);
        }
        queries[row * PITCH + c] = vec4<f16>(quad);
    }
    if share == 0u {
        query_powers[row] = power_of(exponent) * params.scale;
    }
    workgroupBarrier();    // all have read the parts before others are written
    return rows;
}

// survey finds out the powers of 32 keys and of their values, which lie from place0 on.
fn survey(rows: Rows, key0: u32, place0: u32, lane: u32) {
    let key = lane / READERS;
    var k = vec4(0.0);
    var v = vec4(0.0);
    if key0 + key < rows.end {
        let row = (place0 + key) * rows.width + rows.column0;
        for (var c = lane % READERS; c < QUADS; c += READERS) {
            k = max(k, abs(key4(row + c)));
            v = max(v, abs(value4(row + c)));
        }
    }
    parts[lane] = vec2(most(k), most(v));
    workgroupBarrier();    // read by all lanes of a key below
    var top = vec2(0.0);
    for (var i = 0u; i < READERS; i++) {
        top = max(top, parts[key * READERS + i]);
    }
    if lane % READERS == 0u {
        key_powers[key] = power_of(exponent_of(top.x));
        value_powers[key] = power_of(exponent_of(top.y));
    }
    workgroupBarrier();    // the powers are read by all lanes below, which are done with the last tile
}

// fill_keys puts the keys into the tile, zeros past the last.
fn fill_keys(rows: Rows, key0: u32, place0: u32, lane: u32) {
    let key = lane / READERS;
    let row = (place0 + key) * rows.width + rows.column0;
    let inverse = inverse_of(bitcast<u32>(key_powers[key]) >> 23u);
    for (var c = lane % READERS; c < WIDE; c += READERS) {
        var quad = vec4(0.0);
        if c < QUADS && key0 + key < rows.end {
            quad = key4(row + c) * inverse;
        }
        tile[key * PITCH + c] = vec4<f16>(quad);
    }
}

// fill_values does so with the values.
fn fill_values(rows: Rows, key0: u32, place0: u32, lane: u32) {
    let key = lane / READERS;
    let row = (place0 + key) * rows.width + rows.column0;
    let inverse = inverse_of(bitcast<u32>(value_powers[key]) >> 23u);
    for (var c = lane % READERS; c < WIDE; c += READERS) {
        var quad = vec4(0.0);
        if c < QUADS && key0 + key < rows.end {
            quad = value4(row + c) * inverse;
        }
        tile[key * PITCH + c] = vec4<f16>(quad);
    }
}

// soften turns the scores of each row, which lie in products, into weights of the
// values as the tile has them, and keeps the row's greatest score and sum.
fn soften(key0: u32, lane: u32) {
    let row = lane / SHARERS;
    let share = lane % SHARERS;
    let before = largest[row];
    let bound = seen[row];
    let power = query_powers[row];
    var mine = before;
    for (var j = share; j < KEYS; j += SHARERS) {
        var score = NEVER;
        if key0 + j < bound {
            score = products[row * STRIDE + j] * power * key_powers[j];
        }
        products[row * STRIDE + j] = score;
        mine = max(mine, score);
    }
    parts[lane].x = mine;
    workgroupBarrier();    // the maxima are read by all lanes of the row
    var next = before;
    for (var i = 0u; i < SHARERS; i++) {
        next = max(next, parts[row * SHARERS + i].x);
    }
    workgroupBarrier();    // and have been before the sums are written
    var sum = 0.0;
    var top = 0.0;
    for (var j = share; j < KEYS; j += SHARERS) {
        // A key that is not seen must weigh nothing even if none is.
        let score = products[row * STRIDE + j];
        let weight = select(exp(score - next), 0.0, score <= NEVER);
        sum += weight;
        products[row * STRIDE + j] = weight * value_powers[j];
        top = max(top, weight * value_powers[j]);
    }
    parts[lane] = vec2(sum, top);
    workgroupBarrier();    // read by all lanes of the row below
    var all = vec2(0.0);
    for (var i = 0u; i < SHARERS; i++) {
        let part = parts[row * SHARERS + i];
        all = vec2(all.x + part.x, max(all.y, part.y));
    }
    let exponent = exponent_of(all.y);
    for (var c = share; c < KEYS / 4u; c += SHARERS) {
        let at = row * STRIDE + 4u * c;
        let quad = vec4(products[at], products[at + 1u], products[at + 2u], products[at + 3u]);
        weights[row * SPAN + c] = vec4<f16>(quad * inverse_of(exponent));
    }
    if share == 0u {
        weight_powers[row] = power_of(exponent);
        rescale[row] = exp(before - next);
        total[row] = total[row] * rescale[row] + all.x;
        largest[row] = next;
    }
}
