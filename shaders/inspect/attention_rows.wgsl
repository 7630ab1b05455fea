// y[i, f, j] = softmax(q[i, h]·K[j] * scale + mask), heads h folded f by f      one workgroup per query and fold
//
// The rows that the fused attention never stores, for whoever looks. Each lane
// keeps the largest score and the sum of its keys; a second walk over the keys
// writes the weights. With FOLD heads to a row, their mean or their maximum.

import package::lib::reduce::{WG, workgroup_sum, workgroup_max};
import package::cache::key4;

override QUADS: u32 = 16;    // of a head
override FOLD: u32 = 1;      // heads to a row of y
override MAX: u32 = 0;       // 0: a row is the mean of its heads, 1: their maximum

const NEVER: f32 = -3.0e38;    // the score of a key that is not seen

struct Params {
    heads: u32,
    shared_by: u32,    // query heads to a key head
    keys: u32,
    causal: u32,       // 1 if query i sees keys up to base + i, 0 if all
    base: u32,
    begin: u32,        // query to begin with
    stride: u32,       // elements of a row of y, keys or more
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;          // [queries, heads * QUADS]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;          // [queries, heads / FOLD, stride]

var<workgroup> query: array<vec4<f32>, QUADS>;

fn score(key: u32, width: u32, column0: u32) -> f32 {
    let row = key * width + column0;
    var sum = 0.0;
    for (var c = 0u; c < QUADS; c++) {
        sum += dot(query[c], key4(row + c));
    }
    return sum;
}

@compute @workgroup_size(WG)
fn attention_rows(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = params.begin + group.y;
    let width = params.heads / params.shared_by * QUADS;
    let out = (i * (params.heads / FOLD) + group.x) * params.stride;
    var end = params.keys;
    if params.causal == 1u {
        end = min(end, params.base + i + 1u);
    }
    for (var j = lane; j < params.stride; j += WG) {
        y[out + j] = 0.0;
    }
    for (var f = 0u; f < FOLD; f++) {
        let head = group.x * FOLD + f;
        let column0 = head / params.shared_by * QUADS;
        let at = (i * params.heads + head) * QUADS;
        workgroupBarrier();    // all are done with the query before
        for (var c = lane; c < QUADS; c += WG) {
            query[c] = q[at + c] * params.scale;
        }
        workgroupBarrier();    // the query is read by all lanes below

        var largest = NEVER;
        var total = 0.0;
        for (var j = lane; j < end; j += WG) {
            let s = score(j, width, column0);
            let next = max(largest, s);
            total = total * exp(largest - next) + exp(s - next);
            largest = next;
        }
        let top = workgroup_max(largest, lane);
        let sum = workgroup_sum(total * exp(largest - top), lane);
        for (var j = lane; j < end; j += WG) {
            let weight = exp(score(j, width, column0) - top) / sum;
            if MAX == 1u {
                y[out + j] = max(y[out + j], weight);
            } else {
                y[out + j] += weight / f32(FOLD);
            }
        }
    }
}
