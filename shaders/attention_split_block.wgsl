// y[i, h] = softmax(q[i, h]·Kᵀ * scale)·V over SPLIT keys      one workgroup per query, split and key head
//
// attention_split for software adapters.

import package::hands::Place;
import package::lib::split::{Split, split_of, params, q, y, pages, QUADS, WHOLE};
import package::lib::block::{Block, new_block, add_page, total_of, ROWS, PARTS, LANES, FOURS, HANDS};
import package::lib::pages::PAGE;

@compute @workgroup_size(LANES)
fn attention_split_block(p: Place) {
    let s = split_of(p.group);
    if s.count == 0u {
        return;
    }
    let head = s.query * params.heads + s.head0;
    var starts = array<u32, HANDS>((head + min(p.lane % 4u, s.served - 1u)) * QUADS);
    var seen = array<vec4<u32>, FOURS>(vec4(s.key0 + s.count));
    // With a bound that is known, lavapipe would unroll a loop that is long enough without.
    let quads = min(QUADS, arrayLength(&q));
    var b = new_block();
    for (var j = 0u; j < s.count; j += PAGE) {
        let key0 = s.key0 + j;
        let first = pages[s.table + key0 / PAGE] * PAGE * s.width + s.column0;
        add_page(p, &b, &starts, &seen, key0, min(PAGE, s.count - j), first, s.width, quads);
    }
    let total = total_of(p, &b, 0u);
    let part = (p.group.z * params.splits + p.group.y) * params.heads + s.head0;
    for (var h = 0u; h < 4u; h++) {
        if h >= s.served {
            continue;
        }
        for (var i = 0u; i < PARTS; i++) {
            let column = p.lane + i * LANES;
            if column >= QUADS {
                continue;
            }
            if WHOLE == 1u {
                y[(head + h) * QUADS + column] = b.sums[0][i][h] / total[h];
            } else {
                y[(part + h) * (QUADS + 1u) + column] = b.sums[0][i][h];
            }
        }
        if WHOLE == 0u && p.lane == 0u {
            y[(part + h) * (QUADS + 1u) + QUADS] = vec4(b.largest[0][h], total[h], 0.0, 0.0);
        }
    }
}
