// How lanes come by what all of them read: each reads a part and hands it round. A
// word read costs a software adapter as much for one lane as for all, and what
// another lane holds costs next to nothing. A subgroup has at least four lanes.

import package::lib::quads::Taken;
import package::weights::{EVEN, ODD};

struct Place {
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_size) size: u32,
}

// taken8 returns eight quads of x from at on, which all lanes want; past count of
// them, zeros. Nothing branches on the size of a subgroup: lavapipe knows it only when
// it has no more use for a branch, and would merge what comes from either.
fn taken8(p: Place, at: u32, count: u32) -> Taken {
    let wide = p.size >= 8u;
    let i = select(p.lane % 4u, p.lane, wide);
    let near = select(vec4(0.0), x[at + i], i < count);
    let far = select(vec4(0.0), x[at + 4u + p.lane % 4u], 4u + p.lane % 4u < count);
    let place = select(EVEN, ODD, vec4(p.lane % 2u == 1u));
    let v = near * place;
    let w = far * place;
    return Taken(array(
        subgroupBroadcast(v, 0u), subgroupBroadcast(v, 1u), subgroupBroadcast(v, 2u), subgroupBroadcast(v, 3u),
        select(subgroupBroadcast(w, 0u), subgroupBroadcast(v, 4u), wide), select(subgroupBroadcast(w, 1u), subgroupBroadcast(v, 5u), wide),
        select(subgroupBroadcast(w, 2u), subgroupBroadcast(v, 6u), wide), select(subgroupBroadcast(w, 3u), subgroupBroadcast(v, 7u), wide),
    ), vec2(
        first4(sum(near)),
        select(first4(sum(far)), next4(sum(near)), wide),
    ));
}

fn sum(v: vec4<f32>) -> f32 {
    return dot(v, vec4(1.0));
}

// first4 adds up what the first four lanes hold.
fn first4(v: f32) -> f32 {
    return (subgroupBroadcast(v, 0u) + subgroupBroadcast(v, 1u)) + (subgroupBroadcast(v, 2u) + subgroupBroadcast(v, 3u));
}

// next4 adds up what the next four lanes hold.
fn next4(v: f32) -> f32 {
    return (subgroupBroadcast(v, 4u) + subgroupBroadcast(v, 5u)) + (subgroupBroadcast(v, 6u) + subgroupBroadcast(v, 7u));
}
