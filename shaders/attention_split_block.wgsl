// y[i, h] = softmax(q[i, h]·Kᵀ * scale)·V over SPLIT keys      one workgroup per query, split and key head
//
// attention_split for software adapters, where a word read costs more than arithmetic
// on it: what is read serves several sums. A lane scores every eighth key, four at a
// time, and adds up every eighth quad of the values.

import package::lib::split::{Split, split_of, greatest, params, q, y, pages, weights, WG, QUADS, WHOLE, NEVER};
import package::lib::pages::PAGE;
import package::cache::{key4, value4};

override PARTS: u32 = 2;    // quads of the result that a lane holds of a head: QUADS / WG, rounded up

@compute @workgroup_size(WG)
fn attention_split_block(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let s = split_of(group);
    if s.count == 0u {
        return;
    }
    let head = s.query * params.heads + s.head0;
    let last = s.served - 1u;
    let q0 = head * QUADS;
    let q1 = (head + min(1u, last)) * QUADS;
    let q2 = (head + min(2u, last)) * QUADS;
    let q3 = (head + min(3u, last)) * QUADS;
    // With a bound that is known, lavapipe would unroll a loop that is long enough without.
    let quads = min(QUADS, arrayLength(&q));

    var largest = vec4(NEVER);
    for (var j0 = 0u; j0 < s.count; j0 += PAGE) {
        // Past the last key the last is scored again; nothing reads it.
        let place0 = pages[s.table + (s.key0 + j0) / PAGE] * PAGE;
        let end = min(PAGE, s.count - j0) - 1u;
        let a = (place0 + min(lane, end)) * s.width + s.column0;
        let b = (place0 + min(lane + 8u, end)) * s.width + s.column0;
        let c = (place0 + min(lane + 16u, end)) * s.width + s.column0;
        let d = (place0 + min(lane + 24u, end)) * s.width + s.column0;
        var sa = vec4(0.0);
        var sb = vec4(0.0);
        var sc = vec4(0.0);
        var sd = vec4(0.0);
        for (var n = 0u; n < quads; n++) {
            let v0 = q[q0 + n];
            let v1 = q[q1 + n];
            let v2 = q[q2 + n];
            let v3 = q[q3 + n];
            let ka = key4(a + n);
            let kb = key4(b + n);
            let kc = key4(c + n);
            let kd = key4(d + n);
            sa += vec4(dot(v0, ka), dot(v1, ka), dot(v2, ka), dot(v3, ka));
            sb += vec4(dot(v0, kb), dot(v1, kb), dot(v2, kb), dot(v3, kb));
            sc += vec4(dot(v0, kc), dot(v1, kc), dot(v2, kc), dot(v3, kc));
            sd += vec4(dot(v0, kd), dot(v1, kd), dot(v2, kd), dot(v3, kd));
        }
        weights[j0 + lane] = sa * params.scale;
        weights[j0 + lane + 8u] = sb * params.scale;
        weights[j0 + lane + 16u] = sc * params.scale;
        weights[j0 + lane + 24u] = sd * params.scale;
        largest = max(largest, max(max(sa, sb), max(sc, sd)) * params.scale);
    }
    largest = greatest(largest, lane);
    for (var j = lane; j < s.count; j += WG) {
        weights[j] = exp(weights[j] - largest);
    }
    workgroupBarrier();    // the weights are read by all lanes below

    var total = vec4(0.0);
    var made: array<vec4<f32>, 4u * PARTS>;
    for (var j0 = 0u; j0 < s.count; j0 += PAGE) {
        let place0 = pages[s.table + (s.key0 + j0) / PAGE] * PAGE;
        for (var j = 0u; j < min(PAGE, s.count - j0); j++) {
            let w = weights[j0 + j];
            let row = (place0 + j) * s.width + s.column0;
            total += w;
            for (var p = 0u; p < PARTS; p++) {
                let v = value4(row + min(lane + p * WG, QUADS - 1u));
                made[4u * p] += w.x * v;
                made[4u * p + 1u] += w.y * v;
                made[4u * p + 2u] += w.z * v;
                made[4u * p + 3u] += w.w * v;
            }
        }
    }
    let part = (group.z * params.splits + group.y) * params.heads + s.head0;
    for (var h = 0u; h < s.served; h++) {
        for (var p = 0u; p < PARTS; p++) {
            let column = lane + p * WG;
            if column >= QUADS {
                continue;
            }
            if WHOLE == 1u {
                y[(head + h) * QUADS + column] = made[4u * p + h] / total[h];
            } else {
                y[(part + h) * (QUADS + 1u) + column] = made[4u * p + h];
            }
        }
        if WHOLE == 0u && lane == 0u {
            y[(part + h) * (QUADS + 1u) + QUADS] = vec4(largest[h], total[h], 0.0, 0.0);
        }
    }
}
