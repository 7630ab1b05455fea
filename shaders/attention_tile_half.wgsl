// y[i, h] = softmax(q[i, h]·Kᵀ * scale + mask)·V      one workgroup per ROWS rows of a key head
//
// In half floats, where the adapter computes with them: half the bytes in workgroup
// memory, and twice the products a second on many GPUs. Four products are added up
// as half floats, the rest as f32.

import package::cache::{key4, value4};
import package::lib::pages::PAGE;
import package::lib::rows::{pages, y, QUADS};
import package::lib::tile::{open, survey, fill_keys, fill_values, soften, queries, tile, weights, products, places, total, rescale, weight_powers, COLUMNS, ROWS, WG, KEYS, PITCH, SPAN, STRIDE};

const TALL: u32 = ROWS / 8u;                           // rows that a lane scores
const HELD: u32 = max(1u, ROWS * COLUMNS / WG);        // quads of the result that a lane holds

@compute @workgroup_size(WG)
fn attention_tile_half(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let rows = open(group, lane);
    let column = min(lane % COLUMNS, QUADS - 1u);
    var sums: array<vec4<f32>, HELD>;    // of rows lane / COLUMNS, one WG / COLUMNS further, …
    for (var key0 = 0u; key0 < rows.end; key0 += KEYS) {
        let place0 = pages[rows.table + key0 / PAGE] * PAGE;
        survey(rows, key0, place0, lane);
        fill_keys(rows, key0, place0, lane);
        workgroupBarrier();    // the keys are read by all lanes below
        score(lane);
        workgroupBarrier();    // a row of scores is read by several lanes, and all are done with the keys
        fill_values(rows, key0, place0, lane);
        soften(key0, lane);
        workgroupBarrier();    // values and weights are read by all lanes below
        var powers: array<f32, HELD>;
        for (var h = 0u; h < HELD; h++) {
            let i = min(lane / COLUMNS + h * (WG / COLUMNS), ROWS - 1u);
            powers[h] = weight_powers[i];
            sums[h] *= rescale[i];
        }
        for (var j = 0u; j < KEYS / 4u; j++) {
            let at = 4u * j * PITCH + column;
            let a = tile[at];
            let b = tile[at + PITCH];
            let c = tile[at + 2u * PITCH];
            let d = tile[at + 3u * PITCH];
            for (var h = 0u; h < HELD; h++) {
                let w = weights[min(lane / COLUMNS + h * (WG / COLUMNS), ROWS - 1u) * SPAN + j];
                sums[h] += powers[h] * vec4<f32>(w.x * a + w.y * b + w.z * c + w.w * d);
            }
        }
        workgroupBarrier();    // all have read them before the next are written
    }

    for (var h = 0u; h < HELD; h++) {
        let i = lane / COLUMNS + h * (WG / COLUMNS);
        if lane % COLUMNS < QUADS && i < ROWS && rows.first + i < rows.count {
            y[places[i] + column] = sums[h] / total[i];
        }
    }
}

// score leaves the products of the queries with the keys: a lane makes those of
// two keys with every eighth row.
fn score(lane: u32) {
    let key = lane % 16u;
    var near: array<f32, TALL>;
    var far: array<f32, TALL>;
    for (var c = 0u; c < QUADS; c++) {
        let a = tile[key * PITCH + c];
        let b = tile[(key + 16u) * PITCH + c];
        for (var i = 0u; i < TALL; i++) {
            let v = queries[(lane / 16u + 8u * i) * PITCH + c];
            near[i] += f32(dot(v, a));
            far[i] += f32(dot(v, b));
        }
    }
    for (var i = 0u; i < TALL; i++) {
        let at = (lane / 16u + 8u * i) * STRIDE + key;
        products[at] = near[i];
        products[at + 16u] = far[i];
    }
}
