// y[i, h] = softmax(q[i, h]·Kᵀ * scale + mask)·V      one workgroup per 8 rows of a key head
//
// attention_tile for software adapters, where a word read costs more than arithmetic
// on it: what is read serves several sums. A lane scores four keys by all rows,
// softens a row, and adds up every eighth quad of the values.

import package::lib::rows::{rows_of, query_of, start_of, visible, params, q, seats, pages, y, QUADS, NEVER};
import package::lib::pages::PAGE;
import package::cache::{key4, value4};

override PARTS: u32 = 2;     // quads of the result that a lane holds of a row: QUADS / LANES, rounded up

const LANES: u32 = 8u;       // a subgroup of lavapipe
const ROWS: u32 = 8u;        // one for each lane to soften
const KEYS: u32 = PAGE;      // four for each lane to score

var<workgroup> scores: array<vec4<f32>, ROWS * LANES>;    // [row, lane], then the weights: of keys lane, lane + 8, …
var<workgroup> rescale: array<f32, ROWS>;
var<workgroup> totals: array<f32, ROWS>;

@compute @workgroup_size(LANES)
fn attention_block(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let rows = rows_of(group, ROWS);
    let seen = seats[query_of(rows, lane)].y;
    var starts: array<u32, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
        starts[r] = start_of(rows, r);
    }
    // With a bound that is known, lavapipe would unroll loops that are long enough without.
    let quads = min(QUADS, arrayLength(&q));
    let eighths = min(KEYS / 4u, arrayLength(&q) * 8u);

    var largest = NEVER;
    var total = 0.0;
    var sums: array<vec4<f32>, ROWS * PARTS>;
    for (var key0 = 0u; key0 < rows.end; key0 += KEYS) {
        // Past the last key the last is read again; it weighs nothing.
        let place0 = pages[rows.table + key0 / PAGE] * PAGE;
        let last = min(KEYS, rows.end - key0) - 1u;
        let a = (place0 + min(lane, last)) * rows.width + rows.column0;
        let b = (place0 + min(lane + 8u, last)) * rows.width + rows.column0;
        let c = (place0 + min(lane + 16u, last)) * rows.width + rows.column0;
        let d = (place0 + min(lane + 24u, last)) * rows.width + rows.column0;
        var made = array<vec4<f32>, ROWS>();    // without a value naga would keep the last one's
        for (var n = 0u; n < quads; n++) {
            let ka = key4(a + n);
            let kb = key4(b + n);
            let kc = key4(c + n);
            let kd = key4(d + n);
            for (var r = 0u; r < ROWS; r++) {
                let v = q[starts[r] + n];
                made[r] += vec4(dot(v, ka), dot(v, kb), dot(v, kc), dot(v, kd));
            }
        }
        for (var r = 0u; r < ROWS; r++) {
            scores[r * LANES + lane] = made[r] * params.scale;
        }
        workgroupBarrier();    // a row of scores is read by one lane

        var next = largest;
        for (var i = 0u; i < eighths; i++) {
            let s = visible(scores[lane * LANES + i], key0 + i, seen);
            next = max(next, max(max(s.x, s.y), max(s.z, s.w)));
        }
        var all = vec4(0.0);
        for (var i = 0u; i < eighths; i++) {
            let s = visible(scores[lane * LANES + i], key0 + i, seen);
            // A key that is not seen must weigh nothing even if none is.
            let weight = select(exp(s - next), vec4(0.0), s <= vec4(NEVER));
            scores[lane * LANES + i] = weight;
            all += weight;
        }
        rescale[lane] = exp(largest - next);
        total = total * rescale[lane] + all.x + all.y + all.z + all.w;
        largest = next;
        workgroupBarrier();    // the weights are read by all lanes

        for (var r = 0u; r < ROWS; r++) {
            let factor = rescale[r];
            for (var p = 0u; p < PARTS; p++) {
                sums[r * PARTS + p] *= factor;
            }
        }
        for (var i = 0u; i < eighths; i++) {
            let va = (place0 + min(i, last)) * rows.width + rows.column0;
            let vb = (place0 + min(i + 8u, last)) * rows.width + rows.column0;
            let vc = (place0 + min(i + 16u, last)) * rows.width + rows.column0;
            let vd = (place0 + min(i + 24u, last)) * rows.width + rows.column0;
            var w: array<vec4<f32>, ROWS>;
            for (var r = 0u; r < ROWS; r++) {
                w[r] = scores[r * LANES + i];
            }
            for (var p = 0u; p < PARTS; p++) {
                let column = min(lane + p * LANES, QUADS - 1u);
                let v0 = value4(va + column);
                let v1 = value4(vb + column);
                let v2 = value4(vc + column);
                let v3 = value4(vd + column);
                for (var r = 0u; r < ROWS; r++) {
                    sums[r * PARTS + p] += w[r].x * v0 + w[r].y * v1 + w[r].z * v2 + w[r].w * v3;
                }
            }
        }
        workgroupBarrier();    // all have read the weights before the next scores are written
    }

    totals[lane] = total;
    workgroupBarrier();    // the totals are read by all lanes below
    for (var r = 0u; r < ROWS; r++) {
        for (var p = 0u; p < PARTS; p++) {
            let column = lane + p * LANES;
            if column < QUADS && rows.first + r < rows.count {
                y[starts[r] + column] = sums[r * PARTS + p] / totals[r];
            }
        }
    }
}
