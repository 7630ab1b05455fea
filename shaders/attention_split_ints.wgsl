// y[i, h] = softmax(q[i, h]·Kᵀ * scale)·V over SPLIT keys      one workgroup per query, split and key head
//
// attention_split by products of signed bytes, four at a time, where the cache holds
// keys as q8_0 and heads are whole blocks: the queries become bytes as quantize_rows
// would make them.

import package::lib::rounding::quantized;
import package::lib::split::{Split, split_of, asked, place_of, greatest, answer, params, weights, places, WG, QUADS, NEVER};
import package::lib::split_values::weigh;
import package::cache::{keys, value4};

const BLOCKS: u32 = QUADS / 8u;    // of a head

var<workgroup> codes: array<u32, 4u * QUADS>;       // of the queries
var<workgroup> scales: array<f32, 4u * BLOCKS>;

@compute @workgroup_size(WG)
fn attention_split_ints(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let s = split_of(group);
    if s.count == 0u {
        return;
    }
    for (var b = lane; b < 4u * BLOCKS; b += WG) {
        var v: array<vec4<f32>, 8>;
        for (var i = 0u; i < 8u; i++) {
            v[i] = asked(s, 8u * b + i);
        }
        let block = quantized(v);
        for (var i = 0u; i < 8u; i++) {
            codes[8u * b + i] = block[i / 4u][i % 4u];
        }
        scales[b] = bitcast<f32>(block[2].x) * params.scale;
    }
    workgroupBarrier();    // the queries are read by all lanes below

    var largest = vec4(NEVER);
    for (var j = lane; j < s.count; j += WG) {
        let place = place_of(s, j);
        let block0 = (place * s.width + s.column0) / 8u;
        var score = vec4(0.0);
        for (var b = 0u; b < BLOCKS; b++) {
            let at = (block0 + b) * 9u;
            var sums = vec4(0i);
            for (var i = 0u; i < 8u; i++) {
                let k = keys[at + 1u + i];
                let c = 8u * b + i;
                sums += vec4(
                    dot4I8Packed(codes[c], k), dot4I8Packed(codes[QUADS + c], k),
                    dot4I8Packed(codes[2u * QUADS + c], k), dot4I8Packed(codes[3u * QUADS + c], k),
                );
            }
            let scale = vec4(scales[b], scales[BLOCKS + b], scales[2u * BLOCKS + b], scales[3u * BLOCKS + b]);
            score += vec4<f32>(sums) * scale * bitcast<f32>(keys[at]);
        }
        places[j] = place;
        weights[j] = score;
        largest = max(largest, score);
    }
    largest = greatest(largest, lane);
    for (var j = lane; j < s.count; j += WG) {
        weights[j] = exp(weights[j] - largest);
    }
    workgroupBarrier();    // the weights are read by all lanes below
    weigh(s, lane);
    answer(s, group, lane, largest);
}
