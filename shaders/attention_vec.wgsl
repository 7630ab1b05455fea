// y[i, h] = softmax(q[i, h]·Kᵀ * scale + mask)·V      one workgroup per query and head
//
// Keys are taken WG at a time: a lane scores one key, then a column of lanes
// adds the values. The softmax runs along (Milakov and Gimelshein,
// arXiv:1805.02867), so no row of scores is ever stored. Keys lie in pages.

import package::lib::reduce::{WG, workgroup_sum, workgroup_max};
import package::lib::pages::PAGE;
import package::cache::{key4, value4};

override QUADS: u32 = 16;      // of a head, at most WG
override COLUMNS: u32 = 16;    // QUADS rounded up to a power of two, at most WG

const NEVER: f32 = -3.0e38;    // the score of a key that is not seen

struct Params {
    heads: u32,
    shared_by: u32,    // query heads to a key head
    begin: u32,        // query to begin with
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;          // [queries, heads * QUADS]
@group(0) @binding(2) var<storage, read> seats: array<vec4<u32>>;      // [queries]: angle, seen, pages, place
@group(0) @binding(3) var<storage, read> pages: array<u32>;            // of each sequence, one after the other
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;    // [queries, heads * QUADS]

var<workgroup> query: array<vec4<f32>, QUADS>;
var<workgroup> weights: array<f32, WG>;
var<workgroup> places: array<u32, WG>;    // of the keys
var<workgroup> parts: array<vec4<f32>, WG>;

@compute @workgroup_size(WG)
fn attention_vec(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let head = group.x;
    let i = params.begin + group.y;
    let width = params.heads / params.shared_by * QUADS;
    let column0 = head / params.shared_by * QUADS;
    let at = (i * params.heads + head) * QUADS;
    let seat = seats[i];
    let end = seat.y;
    for (var c = lane; c < QUADS; c += WG) {
        query[c] = q[at + c] * params.scale;
    }
    workgroupBarrier();    // the query is read by all lanes below

    let column = lane % COLUMNS;
    var largest = NEVER;
    var total = 0.0;
    var sum = vec4(0.0);
    for (var key0 = 0u; key0 < end; key0 += WG) {
        let key = key0 + lane;
        var score = NEVER;
        if key < end {
            score = 0.0;
            let place = pages[seat.z + key / PAGE] * PAGE + key % PAGE;
            places[lane] = place;
            let row = place * width + column0;
            for (var c = 0u; c < QUADS; c++) {
                score += dot(query[c], key4(row + c));
            }
        }
        let next = max(largest, workgroup_max(score, lane));
        var weight = 0.0;
        if key < end {
            weight = exp(score - next);
        }
        weights[lane] = weight;
        let rescale = exp(largest - next);
        total = total * rescale + workgroup_sum(weight, lane);    // its barriers publish weights and places
        sum *= rescale;
        largest = next;
        if column < QUADS {
            for (var j = lane / COLUMNS; j < min(WG, end - key0); j += WG / COLUMNS) {
                sum += weights[j] * value4(places[j] * width + column0 + column);
            }
        }
        workgroupBarrier();    // all have read them before the next are written
    }

    parts[lane] = sum;
    workgroupBarrier();    // each column is added up by its first lane
    if lane < QUADS {
        var all = vec4(0.0);
        for (var j = lane; j < WG; j += COLUMNS) {
            all += parts[j];
        }
        y[at + lane] = all / total;
    }
}
