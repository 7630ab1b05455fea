// y[i, h] = softmax(q[i, h]·Kᵀ * scale + mask)·V      one workgroup per ROWS rows of a key head
//
// attention_tile for software adapters.

import package::hands::Place;
import package::lib::rows::{rows_of, query_of, start_of, params, q, seats, pages, y, QUADS};
import package::lib::block::{Block, new_block, add_page, total_of, ROWS, PARTS, LANES, FOURS, HANDS};
import package::lib::pages::PAGE;

@compute @workgroup_size(LANES)
fn attention_block(p: Place) {
    let rows = rows_of(p.group.yxz, ROWS);
    var starts: array<u32, HANDS>;
    for (var i = 0u; i < HANDS; i++) {
        starts[i] = start_of(rows, LANES * i + p.lane);
    }
    var seen: array<vec4<u32>, FOURS>;
    for (var f = 0u; f < FOURS; f++) {
        seen[f] = vec4(
            seats[query_of(rows, 4u * f)].y, seats[query_of(rows, 4u * f + 1u)].y,
            seats[query_of(rows, 4u * f + 2u)].y, seats[query_of(rows, 4u * f + 3u)].y,
        );
    }
    // With a bound that is known, lavapipe would unroll a loop that is long enough without.
    let quads = min(QUADS, arrayLength(&q));
    var b = new_block();
    for (var key0 = 0u; key0 < rows.end; key0 += PAGE) {
        let first = pages[rows.table + key0 / PAGE] * PAGE * rows.width + rows.column0;
        add_page(p, &b, &starts, &seen, key0, min(PAGE, rows.end - key0), first, rows.width, quads);
    }
    for (var f = 0u; f < FOURS; f++) {
        let total = total_of(p, &b, f);
        for (var r = 0u; r < 4u; r++) {
            let row = 4u * f + r;
            let start = start_of(rows, row);
            for (var i = 0u; i < PARTS; i++) {
                let column = p.lane + i * LANES;
                if column < QUADS && rows.first + row < rows.count {
                    y[start + column] = b.sums[f][i][r] / total[r];
                }
            }
        }
    }
}
