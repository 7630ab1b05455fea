// y[first + r * cols + c, (channel, ky, kx)] = pixels[channel, r * patch + ky, c * patch + kx]      one invocation per pixel

import package::lib::grid::unfold;

struct Params {
    n: u32,          // pixels, all channels
    channels: u32,
    side: u32,       // side of a patch, in pixels
    cols: u32,       // patches to a row
    first: u32,      // row of y to begin with
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> pixels: array<f32>;     // [channels, rows * patch, cols * patch]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;    // [first + rows * cols or more, channels * patch * patch]

@compute @workgroup_size(64)
fn patchify(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = unfold(group, groups) * 64u + lane;
    if i >= params.n {
        return;
    }
    let area = params.side * params.side;
    let token = i / (params.channels * area);
    let channel = i / area % params.channels;
    let ky = i % area / params.side;
    let kx = i % params.side;
    let width = params.cols * params.side;
    let line = channel * (params.n / params.channels / width) + token / params.cols * params.side + ky;
    y[params.first * params.channels * area + i] = pixels[line * width + token % params.cols * params.side + kx];
}
