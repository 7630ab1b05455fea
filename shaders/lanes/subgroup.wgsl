// How lanes come by what all of them read: each reads an eighth and hands it
// round. A word read costs a software adapter as much for one lane as for all,
// and what another lane holds costs next to nothing.

import package::lib::quads::quads8;

struct Place {
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_size) size: u32,
}

// shared8 returns eight quads of x from at on; past count of them, zeros.
fn shared8(p: Place, at: u32, count: u32) -> array<vec4<f32>, 8> {
    if p.size != 8u {
        return quads8(at, count);    // the workgroup is not one subgroup
    }
    let mine = select(vec4(0.0), x[at + p.lane], p.lane < count);
    return array(
        subgroupBroadcast(mine, 0u), subgroupBroadcast(mine, 1u), subgroupBroadcast(mine, 2u), subgroupBroadcast(mine, 3u),
        subgroupBroadcast(mine, 4u), subgroupBroadcast(mine, 5u), subgroupBroadcast(mine, 6u), subgroupBroadcast(mine, 7u),
    );
}
