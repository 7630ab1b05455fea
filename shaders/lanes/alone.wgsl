// How lanes come by what all of them read: each reads it for itself.

import package::lib::quads::quads8;

struct Place {
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
}

// shared8 returns eight quads of x from at on; past count of them, zeros.
fn shared8(p: Place, at: u32, count: u32) -> array<vec4<f32>, 8> {
    return quads8(at, count);
}
