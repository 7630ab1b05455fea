// A dimension of a dispatch holds 65535 workgroups; longer rows of them are
// folded into x and y by ops.fold on the host.

// unfold returns the workgroup's place in the row it was folded from.
fn unfold(group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return group.y * groups.x + group.x;
}
