// Sums and maxima across a workgroup. WG is a power of two.

override WG: u32 = 64;

var<workgroup> lanes: array<f32, WG>;

// workgroup_sum returns the sum of v over all lanes, to all lanes.
fn workgroup_sum(v: f32, lane: u32) -> f32 {
    lanes[lane] = v;
    workgroupBarrier();
    for (var half = WG / 2u; half > 0u; half /= 2u) {
        if lane < half {
            lanes[lane] += lanes[lane + half];
        }
        workgroupBarrier();
    }
    let sum = lanes[0];
    workgroupBarrier();    // all have read before the next call writes
    return sum;
}

// workgroup_max returns the largest v of all lanes, to all lanes.
fn workgroup_max(v: f32, lane: u32) -> f32 {
    lanes[lane] = v;
    workgroupBarrier();
    for (var half = WG / 2u; half > 0u; half /= 2u) {
        if lane < half {
            lanes[lane] = max(lanes[lane], lanes[lane + half]);
        }
        workgroupBarrier();
    }
    let largest = lanes[0];
    workgroupBarrier();    // all have read before the next call writes
    return largest;
}
