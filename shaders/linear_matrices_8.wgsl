// y[t, o] = dot(x[t, :], W[o, :])      one workgroup per 64 rows of x by 64 of W
//
// By cooperative matrices of 8 by 8, of half floats that are added up as f32.
// half_rows has made x.

enable f16;
enable wgpu_cooperative_matrix;

import package::lib::matrices::{x, params, xs, ws, sums, fill, hand, TILE, DEPTH, PITCH, LANES};
import package::output::put;
import package::weights::load8;

const SIZE: u32 = 8u;
const ACROSS: u32 = 8u;    // matrices side by side in a tile

@compute @workgroup_size(LANES)
fn linear_matrices_8(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) subgroups: u32,
) {
    let row0 = group.x * TILE;
    let pitch = PITCH;
    let tile = TILE;
    let token0 = params.begin + group.y * TILE;
    // Strips of the tile go round the subgroups. All of them take as many turns, as
    // they meet at barriers; one without a strip repeats the last.
    for (var turn = 0u; turn < ACROSS; turn += subgroups) {
        let strip = min(turn + subgroup, ACROSS - 1u);
        var total: array<coop_mat8x8<f32, C>, ACROSS>;
        for (var j = 0u; j < ACROSS; j++) {
            total[j] = coop_mat8x8<f32, C>();    // naga makes zeros once, not in each turn
        }
        for (var octet0 = 0u; octet0 < params.octets; octet0 += DEPTH / 8u) {
            fill(row0, token0, octet0, lane);
            workgroupBarrier();    // the tiles are read by all lanes below
            for (var k = 0u; k < DEPTH; k += SIZE) {
                let start = strip * SIZE * PITCH + k;
                let a = coopLoadT<coop_mat8x8<f16, A>>(&xs[start], pitch);
                for (var j = 0u; j < ACROSS; j++) {
                    let at = j * SIZE * PITCH + k;
                    let b = coopLoad<coop_mat8x8<f16, B>>(&ws[at], pitch);
                    total[j] = coopMultiplyAdd(a, b, total[j]);
                }
            }
            workgroupBarrier();    // all have read before the next tiles are written
        }
        for (var j = 0u; j < ACROSS; j++) {
            let to = strip * SIZE * TILE + j * SIZE;
            coopStoreT(total[j], &sums[to], tile);
        }
    }
    workgroupBarrier();    // all sums are there
    hand(row0, token0, lane);
}
