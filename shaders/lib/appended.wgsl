// Rows that go into a cache, one invocation per unit of them. The kernel that imports this
// binds y, the cache: [positions, width] units.

struct Params {
    n: u32,        // units to append
    width: u32,    // units of a row
    begin: u32,    // row to begin with
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;        // [rows, width] units
@group(0) @binding(2) var<storage, read> seats: array<vec4<u32>>;    // [rows]: angle, seen, pages, place

// A Unit is where a unit comes from in x, and where it goes in the cache, in units.
struct Unit {
    source: u32,
    place: u32,
}

// unit_of returns the unit of invocation i.
fn unit_of(i: u32) -> Unit {
    let row = params.begin + i / params.width;
    let column = i % params.width;
    return Unit(row * params.width + column, seats[row].w * params.width + column);
}
