// How lanes come by what all of them read: each reads it for itself.

import package::lib::quads::{Taken, take8};

struct Place {
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
}

// taken8 is take8 of what lies at the same place for all.
fn taken8(p: Place, at: u32, count: u32) -> Taken {
    return take8(at, count);
}
