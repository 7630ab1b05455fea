// y[i, :] = (x[i, :] + Σ_j a[i, j] x[j, :]) / 2      one workgroup per row and 4·WG columns
//
// One layer of attention rollout (Abnar and Zuidema, arXiv:2005.00928): half of
// a position goes past the attention, half through it.

override WG: u32 = 64;

struct Params {
    quads: u32,     // of a row of x and y
    stride: u32,    // elements of a row of a
    causal: u32,    // 1 if a[i, j] is zero for j > i
    begin: u32,     // row to begin with
    rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;                // [rows, stride]
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;          // [rows, quads]
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;    // [rows, quads]

@compute @workgroup_size(WG)
fn rollout(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let column = group.x * WG + lane;
    let i = params.begin + group.y;
    if column >= params.quads {
        return;
    }
    let end = select(params.rows, i + 1u, params.causal == 1u);
    var sum = x[i * params.quads + column];
    for (var j = 0u; j < end; j++) {
        sum += a[i * params.stride + j] * x[j * params.quads + column];
    }
    y[i * params.quads + column] = 0.5 * sum;
}
