// The values of a split, once its keys have weights.

import package::lib::split::{Split, weights, places, lanes, sums, WG, QUADS, COLUMNS};
import package::cache::value4;

// weigh leaves what a lane has of the sums of values and of weights.
fn weigh(s: Split, lane: u32) {
    let column = min(lane % COLUMNS, QUADS - 1u);
    var total = vec4(0.0);
    var a = vec4(0.0);
    var b = vec4(0.0);
    var c = vec4(0.0);
    var d = vec4(0.0);
    for (var j = lane / COLUMNS; j < s.count; j += WG / COLUMNS) {
        let v = value4(places[j] * s.width + s.column0 + column);
        let w = weights[j];
        a += w.x * v;
        b += w.y * v;
        c += w.z * v;
        d += w.w * v;
        total += w;
    }
    sums[lane] = a;
    sums[WG + lane] = b;
    sums[2u * WG + lane] = c;
    sums[3u * WG + lane] = d;
    lanes[lane] = total;
}
