// y[i, h] = softmax(q[i, h]·Kᵀ * scale)·V over SPLIT keys      one workgroup per query, split and key head
//
// Up to eight lanes of a subgroup score a key, so that they read its row together,
// and add up what they have among themselves. How wide a subgroup is, the kernel
// learns when it runs; there are as many lanes to each.

import package::lib::split::{Split, split_of, asked, place_of, answer, params, weights, places, lanes, WG, QUADS, NEVER};
import package::lib::split_values::weigh;
import package::cache::{key4, value4};

var<workgroup> queries: array<vec4<f32>, 4u * QUADS>;

@compute @workgroup_size(WG)
fn attention_split_subgroup(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) subgroups: u32,
    @builtin(subgroup_size) size: u32,
    @builtin(subgroup_invocation_id) place_in: u32,
) {
    let s = split_of(group);
    if s.count == 0u {
        return;
    }
    for (var c = lane; c < 4u * QUADS; c += WG) {
        queries[c] = asked(s, c) * params.scale;
    }
    workgroupBarrier();    // the queries are read by all lanes below

    let width = min(size, WG);
    let sharers = min(width, 8u);
    let share = place_in % sharers;
    let step = width / sharers;    // keys of a subgroup at a time
    var largest = vec4(NEVER);
    for (var j0 = subgroup * step; j0 < s.count; j0 += subgroups * step) {
        let j = min(j0 + place_in / sharers, s.count - 1u);    // past the last key the last is scored again
        let place = place_of(s, j);
        let row = place * s.width + s.column0;
        var score = vec4(0.0);
        for (var c = share; c < QUADS; c += sharers) {
            let k = key4(row + c);
            score += vec4(
                dot(queries[c], k), dot(queries[QUADS + c], k), dot(queries[2u * QUADS + c], k), dot(queries[3u * QUADS + c], k),
            );
        }
        for (var apart = 1u; apart < sharers; apart *= 2u) {
            score += subgroupShuffleXor(score, apart);
        }
        if share == 0u {
            places[j] = place;
            weights[j] = score;
        }
        largest = max(largest, score);
    }
    largest = subgroupMax(largest);
    if place_in == 0u {
        lanes[subgroup] = largest;
    }
    workgroupBarrier();    // the scores and the greatest of all subgroups are read by all lanes below
    for (var i = 0u; i < subgroups; i++) {
        largest = max(largest, lanes[i]);
    }
    for (var j = lane; j < s.count; j += WG) {
        weights[j] = exp(weights[j] - largest);
    }
    workgroupBarrier();    // the weights are read by all lanes below, which are done with lanes
    weigh(s, lane);
    answer(s, group, lane, largest);
}
