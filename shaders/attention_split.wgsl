// y[i, h] = softmax(q[i, h]·Kᵀ * scale)·V over SPLIT keys      one workgroup per query, split and key head
//
// A lane scores a key, then a column of lanes adds the values.

import package::lib::split::{Split, split_of, asked, place_of, greatest, answer, params, weights, places, WG, QUADS, NEVER};
import package::lib::split_values::weigh;
import package::cache::{key4, value4};

var<workgroup> queries: array<vec4<f32>, 4u * QUADS>;

@compute @workgroup_size(WG)
fn attention_split(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let s = split_of(group);
    if s.count == 0u {
        return;
    }
    for (var c = lane; c < 4u * QUADS; c += WG) {
        queries[c] = asked(s, c) * params.scale;
    }
    workgroupBarrier();    // the queries are read by all lanes below

    var largest = vec4(NEVER);
    for (var j = lane; j < s.count; j += WG) {
        let place = place_of(s, j);
        let row = place * s.width + s.column0;
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
    largest = greatest(largest, lane);
    for (var j = lane; j < s.count; j += WG) {
        weights[j] = exp(weights[j] - largest);
    }
    workgroupBarrier();    // the weights are read by all lanes below
    weigh(s, lane);
    answer(s, group, lane, largest);
}
