// y[i, h] = softmax(q[i, h]·Kᵀ * scale + mask)·V      one workgroup per ROWS rows of a key head
//
// By cooperative matrices of 8 by 8, of half floats that are added up as f32. A
// subgroup multiplies; the weights and the sums, which a row's own factor rescales,
// go through workgroup memory. Indices and strides are named: the compiler takes no
// expressions in their place.

enable wgpu_cooperative_matrix;

import package::cache::{key4, value4};
import package::lib::pages::PAGE;
import package::lib::rows::pages;
import package::lib::tile::{open, survey, fill_keys, fill_values, soften, KEYS, ROWS, WIDE, PITCH, SPAN, STRIDE, WG, queries, tile, weights, products};
import package::lib::tile_sums::{add, write, BAND, BANDS, SUMS};

const SIZE: u32 = 8u;
const UNIT: u32 = SIZE / 4u;              // quads of a row of a matrix
const STRIPS: u32 = ROWS / SIZE;
const ACROSS: u32 = KEYS / SIZE;          // matrices side by side in a tile's scores

@compute @workgroup_size(WG)
fn attention_matrices_8(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) subgroups: u32,
) {
    let rows = open(group, lane);
    let pitch = PITCH;
    let span = SPAN;
    let stride = STRIDE;
    var sums: array<vec4<f32>, SUMS>;
    for (var key0 = 0u; key0 < rows.end; key0 += KEYS) {
        let place0 = pages[rows.table + key0 / PAGE] * PAGE;
        survey(rows, key0, place0, lane);
        fill_keys(rows, key0, place0, lane);
        workgroupBarrier();    // the keys are read by all lanes below
        for (var n = subgroup; n < STRIPS * ACROSS; n += subgroups) {
            let strip = n / ACROSS * SIZE;
            let key = n % ACROSS * SIZE;
            var scores = coop_mat8x8<f32, C>();
            for (var c = 0u; c < WIDE; c += UNIT) {
                let left = strip * PITCH + c;
                let right = key * PITCH + c;
                let a = coopLoadT<coop_mat8x8<f16, A>>(&queries[left], pitch);
                let b = coopLoad<coop_mat8x8<f16, B>>(&tile[right], pitch);
                scores = coopMultiplyAdd(a, b, scores);
            }
            let to = strip * STRIDE + key;
            coopStoreT(scores, &products[to], stride);
        }
        workgroupBarrier();    // a row of scores is read by several lanes, and all are done with the keys
        fill_values(rows, key0, place0, lane);
        soften(key0, lane);
        workgroupBarrier();    // values and weights are read by all lanes below
        for (var band = 0u; band < BANDS; band++) {
            let wide = min(BAND, WIDE - band * BAND) / UNIT;    // matrices side by side
            for (var n = subgroup; n < STRIPS * wide; n += subgroups) {
                let strip = n / wide * SIZE;
                let column = n % wide * UNIT;
                var sum = coop_mat8x8<f32, C>();
                for (var j = 0u; j < KEYS; j += SIZE) {
                    let left = strip * SPAN + j / 4u;
                    let right = j * PITCH + band * BAND + column;
                    let a = coopLoadT<coop_mat8x8<f16, A>>(&weights[left], span);
                    let b = coopLoadT<coop_mat8x8<f16, B>>(&tile[right], pitch);
                    sum = coopMultiplyAdd(a, b, sum);
                }
                let to = strip * STRIDE + 4u * column;
                coopStoreT(sum, &products[to], stride);
            }
            workgroupBarrier();    // the products are read by other lanes
            add(&sums, band, lane);
            workgroupBarrier();    // and have been before the next are written
        }
    }
    write(rows, &sums, lane);
}
