// y[b] = 32 activations as signed bytes, their scale and their sums      one invocation per block
//
// Codes are x / d rounded to even, d the largest magnitude / 127. Words of y: the
// codes in order, d, d times the sum of the first 16 codes, and of the others.

import package::lib::grid::unfold;

struct Params {
    n: u32,    // blocks
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;          // [n * 8]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<u32>>;    // [n * 3]

@compute @workgroup_size(64)
fn quantize_rows(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * 64u + lane;
    if i >= params.n {
        return;
    }
    var v: array<vec4<f32>, 8>;
    var most = vec4(0.0);
    for (var j = 0u; j < 8u; j++) {
        v[j] = x[8u * i + j];
        most = max(most, abs(v[j]));
    }
    let largest = max(max(most.x, most.y), max(most.z, most.w));
    let d = largest / 127.0;
    // Below 2^-120 the inverse would be infinite; so little is nothing.
    let inverse = select(0.0, 127.0 / largest, largest > 1e-36);
    var words: array<u32, 8>;
    var sums: array<i32, 2>;
    for (var j = 0u; j < 8u; j++) {
        let q = vec4<i32>(round(v[j] * inverse));
        words[j] = pack4xI8(q);
        sums[j / 4u] += q.x + q.y + q.z + q.w;
    }
    y[3u * i] = vec4(words[0], words[1], words[2], words[3]);
    y[3u * i + 1u] = vec4(words[4], words[5], words[6], words[7]);
    y[3u * i + 2u] = bitcast<vec4<u32>>(vec4(d, d * f32(sums[0]), d * f32(sums[1]), 0.0));
}
