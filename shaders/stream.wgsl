// y[i] = xor of the words that invocation i reads      one per LANES-th of ROWS rows
//
// Reads a matrix as matrix × vector does, and does nothing else: what that could
// reach at best. LANES is 1 for an invocation to whole rows, as linear_lane has
// it, or WG for a workgroup to them, as linear_vec has it.

import package::lib::grid::unfold;

override WG: u32 = 64;
override LANES: u32 = 64;    // that share ROWS rows; a divisor of WG
override ROWS: u32 = 4;
override QUADS: u32 = 1;     // of a row, which an invocation reads at a time; a divisor of a row's

struct Params {
    quads: u32,    // of a row
    rows: u32,
    n: u32,        // invocations: LANES for every ROWS rows
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;     // [rows, quads]
@group(0) @binding(2) var<storage, read_write> y: array<u32>;     // [n]

@compute @workgroup_size(WG)
fn stream(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * WG + lane;
    if i >= params.n {
        return;
    }
    // Past the last row the last one is read again.
    var starts: array<u32, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
        starts[r] = min(i / LANES * ROWS + r, params.rows - 1u) * params.quads;
    }
    var bits: array<vec4<u32>, ROWS>;
    // With a bound of parameters alone, lavapipe would compile the unrolled loop anew for each dispatch.
    let quads = min(params.quads, arrayLength(&x));
    for (var k = i % LANES * QUADS; k < quads; k += LANES * QUADS) {
        for (var r = 0u; r < ROWS; r++) {
            for (var q = 0u; q < QUADS; q++) {
                bits[r] ^= x[starts[r] + k + q];
            }
        }
    }
    var all = vec4(0u);
    for (var r = 0u; r < ROWS; r++) {
        all ^= bits[r];
    }
    y[i] = all.x ^ all.y ^ all.z ^ all.w;
}
