// How eight lanes, a subgroup, hand round what each has: a lane's register is as
// good as one's own to a software adapter.

struct Place {
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
}

// hand8 returns what all lanes have as mine.
fn hand8(p: Place, mine: vec4<f32>) -> array<vec4<f32>, 8> {
    return array(
        subgroupBroadcast(mine, 0u), subgroupBroadcast(mine, 1u), subgroupBroadcast(mine, 2u), subgroupBroadcast(mine, 3u),
        subgroupBroadcast(mine, 4u), subgroupBroadcast(mine, 5u), subgroupBroadcast(mine, 6u), subgroupBroadcast(mine, 7u),
    );
}
