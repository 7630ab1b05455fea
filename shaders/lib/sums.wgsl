// Several sums across a workgroup at once. WG is a power of two, SUMS at most WG.
// Which lanes meet depends on nothing but WG, so that a sum is the same to the
// bit whatever other sums are made with it.

override WG: u32 = 64;
override SUMS: u32 = 4;

var<workgroup> parts: array<f32, WG * SUMS>;

// workgroup_sums adds up each of v over all lanes.
fn workgroup_sums(v: array<f32, SUMS>, lane: u32) {
    for (var s = 0u; s < SUMS; s++) {
        parts[s * WG + lane] = v[s];
    }
    workgroupBarrier();
    for (var half = WG / 2u; half > 0u; half /= 2u) {
        if lane < half {
            for (var s = 0u; s < SUMS; s++) {
                parts[s * WG + lane] += parts[s * WG + lane + half];
            }
        }
        workgroupBarrier();
    }
}

// sum_of returns the sum of v[s] that workgroup_sums made, to any lane.
fn sum_of(s: u32) -> f32 {
    return parts[s * WG];
}
