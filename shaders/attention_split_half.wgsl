// y[i, h] = softmax(q[i, h]·Kᵀ * scale)·V over SPLIT keys      one workgroup per query, split and key head
//
// attention_split in half floats, where the cache holds them and the adapter
// computes with them: a pair of products is made and added up as half floats, the
// rest as f32. Queries are taken below 1/2 by a power of two, weights by 1/2, so that
// no pair is beyond half floats, whatever the cache holds.

enable f16;

import package::lib::split::{Split, split_of, asked, place_of, greatest, answer, params, weights, places, lanes, sums, WG, QUADS, COLUMNS, SPLIT, NEVER};

@group(1) @binding(0) var<storage, read> keys: array<vec4<f16>>;      // [positions, kv_heads * QUADS]
@group(1) @binding(1) var<storage, read> values: array<vec4<f16>>;    // [positions, kv_heads * QUADS]

var<workgroup> queries: array<vec4<f16>, 4u * QUADS>;
var<workgroup> shares: array<vec4<f16>, SPLIT>;    // the weights, halved

@compute @workgroup_size(WG)
fn attention_split_half(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let s = split_of(group);
    if s.count == 0u {
        return;
    }
    var top = vec4(0.0);
    for (var c = lane; c < 4u * QUADS; c += WG) {
        let v = abs(asked(s, c));
        top[c / QUADS] = max(top[c / QUADS], max(max(v.x, v.y), max(v.z, v.w)));
    }
    let exponents = clamp(bitcast<vec4<u32>>(greatest(top, lane)) >> vec4(23u), vec4(1u), vec4(250u));
    let inverse = bitcast<vec4<f32>>((vec4(252u) - exponents) << vec4(23u));    // a quarter of what takes them below 2
    for (var c = lane; c < 4u * QUADS; c += WG) {
        queries[c] = vec4<f16>(asked(s, c) * inverse[c / QUADS]);
    }
    workgroupBarrier();    // the queries are read by all lanes below, which are done with lanes

    let powers = bitcast<vec4<f32>>((exponents + vec4(2u)) << vec4(23u)) * params.scale;
    var largest = vec4(NEVER);
    for (var j = lane; j < s.count; j += WG) {
        let place = place_of(s, j);
        let row = place * s.width + s.column0;
        var near = vec4(0.0);    // of two heads, by pairs
        var far = vec4(0.0);
        for (var c = 0u; c < QUADS; c++) {
            let k = keys[row + c];
            near += vec4<f32>(vec4(pairs(queries[c], k), pairs(queries[QUADS + c], k)));
            far += vec4<f32>(vec4(pairs(queries[2u * QUADS + c], k), pairs(queries[3u * QUADS + c], k)));
        }
        let score = (vec4(near.xz, far.xz) + vec4(near.yw, far.yw)) * powers;
        places[j] = place;
        weights[j] = score;
        largest = max(largest, score);
    }
    largest = greatest(largest, lane);
    for (var j = lane; j < s.count; j += WG) {
        shares[j] = vec4<f16>(0.5 * exp(weights[j] - largest));
    }
    workgroupBarrier();    // the weights are read by all lanes below

    let column = s.column0 + min(lane % COLUMNS, QUADS - 1u);
    let apart = WG / COLUMNS;
    var total = vec4(0.0);
    var a = vec4(0.0);
    var b = vec4(0.0);
    var c = vec4(0.0);
    var d = vec4(0.0);
    for (var j = lane / COLUMNS; j < s.count; j += 2u * apart) {
        let w = shares[j];
        let v = values[places[j] * s.width + column];
        var w2 = vec4<f16>();
        var v2 = vec4<f16>();
        if j + apart < s.count {
            w2 = shares[j + apart];
            v2 = values[places[j + apart] * s.width + column];
        }
        a += vec4<f32>(w.x * v + w2.x * v2);
        b += vec4<f32>(w.y * v + w2.y * v2);
        c += vec4<f32>(w.z * v + w2.z * v2);
        d += vec4<f32>(w.w * v + w2.w * v2);
        total += vec4<f32>(w) + vec4<f32>(w2);
    }
    sums[lane] = a;
    sums[WG + lane] = b;
    sums[2u * WG + lane] = c;
    sums[3u * WG + lane] = d;
    lanes[lane] = total;
    answer(s, group, lane, largest);
}

// pairs returns the products of two quads, added up by pairs.
fn pairs(a: vec4<f16>, b: vec4<f16>) -> vec2<f16> {
    return a.xy * b.xy + a.zw * b.zw;
}
