// How eight lanes, a workgroup, hand round what each has: by workgroup memory.

struct Place {
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
}

var<workgroup> handed: array<vec4<f32>, 8>;

// hand8 returns what all lanes have as mine.
fn hand8(p: Place, mine: vec4<f32>) -> array<vec4<f32>, 8> {
    handed[p.lane] = mine;
    workgroupBarrier();    // what each has is read by all
    let all = handed;
    workgroupBarrier();    // all have read it before the next is written
    return all;
}
