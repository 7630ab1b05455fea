// The sums of a tile of attention where matrices make its products: BAND quads of
// their columns at a time go through workgroup memory.

import package::lib::rows::{Rows, y, QUADS};
import package::lib::tile::{products, places, total, rescale, weight_powers, ROWS, STRIDE, WG};

const BAND: u32 = 16u;
const BANDS: u32 = (QUADS + BAND - 1u) / BAND;
const APART: u32 = WG / BAND;                  // rows between two of a lane's
const TALL: u32 = ROWS / APART;                // rows of a lane
const SUMS: u32 = BANDS * TALL;                // quads of the result that a lane holds

// add adds a band of products to the sums.
fn add(sums: ptr<function, array<vec4<f32>, SUMS>>, band: u32, lane: u32) {
    for (var h = 0u; h < TALL; h++) {
        let i = lane / BAND + h * APART;
        let at = i * STRIDE + 4u * (lane % BAND);
        let made = vec4(products[at], products[at + 1u], products[at + 2u], products[at + 3u]);
        let before = (*sums)[band * TALL + h];
        (*sums)[band * TALL + h] = before * rescale[i] + made * weight_powers[i];
    }
}

// write writes the sums by their weights.
fn write(rows: Rows, sums: ptr<function, array<vec4<f32>, SUMS>>, lane: u32) {
    for (var band = 0u; band < BANDS; band++) {
        let column = band * BAND + lane % BAND;
        for (var h = 0u; h < TALL; h++) {
            let i = lane / BAND + h * APART;
            if column < QUADS && rows.first + i < rows.count {
                y[places[i] + column] = (*sums)[band * TALL + h] / total[i];
            }
        }
    }
}
