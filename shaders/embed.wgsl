// y[t, :] = E[tokens[t], :]      one invocation per octet of y
//
// E may be split by rows; a shard fills the rows of y whose token it holds.

import package::lib::grid::unfold;
import package::weights::load8;

struct Params {
    octets: u32,    // of a row
    n: u32,         // tokens
    first: u32,     // row of E that the shard begins with
    rows: u32,      // rows of E in the shard
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;           // [n]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;    // [n, octets * 2]

@compute @workgroup_size(64)
fn embed(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * 64u + lane;
    if i >= params.n * params.octets {
        return;
    }
    let row = tokens[i / params.octets] - params.first;    // wraps below first, and is then too large
    if row >= params.rows {
        return;
    }
    let w = load8(row * params.octets + i % params.octets);
    y[2u * i] = w[0];
    y[2u * i + 1u] = w[1];
}
