// y[r] = the head of a list of the largest of a row that survey saw      one workgroup per row
//
// The RANK-th largest of what the lanes found is a bound that at least RANK
// elements reach, and seldom many more: shortlist_fill lists those.

import package::lib::reduce::{WG, workgroup_sum, workgroup_max};

const LANES: u32 = 1024u;     // of survey
const RANK: u32 = 64u;
const LENGTH: u32 = 520u;     // words of a list, with its head
const EACH: u32 = LANES / WG;

struct Params {
    rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> found: array<vec4<u32>>;    // [rows, LANES]
@group(0) @binding(2) var<storage, read> heat: array<f32>;           // [rows]: 1 / temperature
@group(0) @binding(3) var<storage, read_write> y: array<u32>;        // [rows, LENGTH]: how many, index of the largest, the largest, bound, sum of exp(x - largest), of exp((x - largest) * heat)

@compute @workgroup_size(WG)
fn shortlist(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = group.x;
    if row >= params.rows {
        return;
    }
    var own: array<f32, EACH>;
    var above: array<u32, EACH>;
    var most = -3.4e38;
    for (var i = 0u; i < EACH; i++) {
        own[i] = bitcast<f32>(found[row * LANES + lane + i * WG].x);
        most = max(most, own[i]);
    }
    let largest = workgroup_max(most, lane);
    var first = -1e9;    // minus the least index of the largest
    var plain = 0.0;
    var hot = 0.0;
    for (var i = 0u; i < EACH; i++) {
        let f = found[row * LANES + lane + i * WG];
        if own[i] == largest {
            first = max(first, -f32(f.y));
        }
        let under = own[i] - largest;
        plain += bitcast<f32>(f.z) * exp(under);
        hot += bitcast<f32>(f.w) * exp(under * heat[row]);
    }
    first = workgroup_max(first, lane);
    plain = workgroup_sum(plain, lane);
    hot = workgroup_sum(hot, lane);
    for (var k = 0u; k < LANES; k++) {
        let other = bitcast<f32>(found[row * LANES + k].x);
        for (var i = 0u; i < EACH; i++) {
            if other > own[i] || (other == own[i] && k < lane + i * WG) {
                above[i]++;
            }
        }
    }
    for (var i = 0u; i < EACH; i++) {
        if above[i] == RANK - 1u {
            y[row * LENGTH + 3u] = bitcast<u32>(own[i]);
        }
    }
    if lane == 0u {
        y[row * LENGTH] = 0u;
        y[row * LENGTH + 1u] = u32(-first);
        y[row * LENGTH + 2u] = bitcast<u32>(largest);
        y[row * LENGTH + 4u] = bitcast<u32>(plain);
        y[row * LENGTH + 5u] = bitcast<u32>(hot);
    }
}
