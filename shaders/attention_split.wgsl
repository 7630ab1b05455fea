// y[i, h] = softmax(q[i, h]·Kᵀ * scale)·V over SPLIT keys      one workgroup per query, split and key head
//
// Keys and values of a stretch of a sequence are read once for up to four query
// heads, which are the components of a vector. What a split leaves is weighed by
// attention_combine; where all keys fit in one, WHOLE is 1 and y is the result.
// Where splits end depends on the position alone, so a row is the same to the bit
// in any company. Keys lie in pages.

import package::lib::pages::PAGE;
import package::cache::{key4, value4};

override QUADS: u32 = 16;      // of a head, at most WG
override COLUMNS: u32 = 16;    // QUADS rounded up to a power of two, at most WG
override WHOLE: u32 = 0;

const WG: u32 = 64u;
const SPLIT: u32 = 128u;       // keys; ops.splitKeys on the host
const NEVER: f32 = -3.0e38;    // the score of a key that is not seen

struct Params {
    heads: u32,
    shared_by: u32,    // query heads to a key head
    begin: u32,        // query to begin with
    splits: u32,       // that parts has room for, of each query
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;          // [queries, heads * QUADS]
@group(0) @binding(2) var<storage, read> seats: array<vec4<u32>>;      // [queries]: angle, seen, pages, place
@group(0) @binding(3) var<storage, read> pages: array<u32>;            // of each sequence, one after the other
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;    // [queries, heads * QUADS], or parts: [queries, splits, heads, QUADS + 1]

var<workgroup> queries: array<vec4<f32>, 4u * QUADS>;
var<workgroup> weights: array<vec4<f32>, SPLIT>;    // scores, then weights, of four heads
var<workgroup> places: array<u32, SPLIT>;           // of the keys
var<workgroup> lanes: array<vec4<f32>, WG>;
var<workgroup> sums: array<vec4<f32>, 4u * WG>;

@compute @workgroup_size(WG)
fn attention_split(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let fours = (params.shared_by + 3u) / 4u;    // of query heads to a key head
    let key_head = group.x / fours;
    let first = group.x % fours * 4u;            // head of the key head's, to begin with
    let head0 = key_head * params.shared_by + first;
    let served = min(params.shared_by - first, 4u);
    let i = params.begin + group.z;
    let seat = seats[i];
    let key0 = group.y * SPLIT;
    if key0 >= seat.y {
        return;
    }
    let count = min(seat.y - key0, SPLIT);
    let width = params.heads / params.shared_by * QUADS;
    let column0 = key_head * QUADS;
    for (var c = lane; c < 4u * QUADS; c += WG) {
        let head = head0 + min(c / QUADS, served - 1u);
        queries[c] = q[(i * params.heads + head) * QUADS + c % QUADS] * params.scale;
    }
    workgroupBarrier();    // the queries are read by all lanes below

    var largest = vec4(NEVER);
    for (var j = lane; j < count; j += WG) {
        let key = key0 + j;
        let place = pages[seat.z + key / PAGE] * PAGE + key % PAGE;
        let row = place * width + column0;
        var score = vec4(0.0);
        for (var c = 0u; c < QUADS; c++) {
            let k = key4(row + c);
            score += vec4(
                dot(queries[c], k), dot(queries[QUADS + c], k), dot(queries[2u * QUADS + c], k), dot(queries[3u * QUADS + c], k),
            );
        }
        places[j] = place;
        weights[j] = score;
        largest = max(largest, score);
    }
    lanes[lane] = largest;
    workgroupBarrier();
    for (var half = WG / 2u; half > 0u; half /= 2u) {
        if lane < half {
            lanes[lane] = max(lanes[lane], lanes[lane + half]);
        }
        workgroupBarrier();
    }
    largest = lanes[0];
    for (var j = lane; j < count; j += WG) {
        weights[j] = exp(weights[j] - largest);
    }
    workgroupBarrier();    // the weights are read by all lanes below

    let column = min(lane % COLUMNS, QUADS - 1u);
    var total = vec4(0.0);
    var a = vec4(0.0);
    var b = vec4(0.0);
    var c = vec4(0.0);
    var d = vec4(0.0);
    for (var j = lane / COLUMNS; j < count; j += WG / COLUMNS) {
        let v = value4(places[j] * width + column0 + column);
        let w = weights[j];
        a += w.x * v;
        b += w.y * v;
        c += w.z * v;
        d += w.w * v;
        total += w;
    }
    sums[lane] = a;
    sums[WG + lane] = b;
    sums[2u * WG + lane] = c;
    sums[3u * WG + lane] = d;
    lanes[lane] = total;
    workgroupBarrier();    // each column of a head is added up by one lane
    var all = vec4(0.0);
    for (var j = 0u; j < WG; j += COLUMNS) {
        all += lanes[j];
    }
    for (var c = lane; c < served * QUADS; c += WG) {
        let h = c / QUADS;
        var sum = vec4(0.0);
        for (var j = c % QUADS; j < WG; j += COLUMNS) {
            sum += sums[h * WG + j];
        }
        if WHOLE == 1u {
            y[(i * params.heads + head0 + h) * QUADS + c % QUADS] = sum / all[h];
        } else {
            let part = (group.z * params.splits + group.y) * params.heads + head0 + h;
            y[part * (QUADS + 1u) + c % QUADS] = sum;
            if c % QUADS == 0u {
                y[part * (QUADS + 1u) + QUADS] = vec4(largest[h], all[h], 0.0, 0.0);
            }
        }
    }
}
