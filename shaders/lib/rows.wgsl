// Rows of attention over the keys of one sequence. A row is a query by one of the
// heads that share a key head, those of a query one after the other: keys and values
// are read once for all of them.

override QUADS: u32 = 16;      // of a head

const NEVER: f32 = -3.0e38;    // the score of a key that is not seen

struct Params {
    heads: u32,
    shared_by: u32,    // query heads to a key head
    begin: u32,        // query to begin with
    until: u32,        // query to end before
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;          // [queries, heads * QUADS]
@group(0) @binding(2) var<storage, read> seats: array<vec4<u32>>;      // [queries]: angle, seen, pages, place
@group(0) @binding(3) var<storage, read> pages: array<u32>;            // of each sequence, one after the other
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;    // [queries, heads * QUADS]

// Rows are those of a workgroup.
struct Rows {
    head: u32,       // of the keys
    first: u32,      // row to begin with
    count: u32,      // rows of all workgroups: past the last the last is taken again, and not written
    end: u32,        // keys that the last row sees, which sees the most
    table: u32,      // of the sequence's pages
    width: u32,      // quads of a row of the cache
    column0: u32,    // of the key head in it
}

// rows_of returns the rows of a workgroup, of so many.
fn rows_of(group: vec3<u32>, tall: u32) -> Rows {
    let count = (params.until - params.begin) * params.shared_by;
    let first = group.y * tall;
    let last = params.begin + min(first + tall - 1u, count - 1u) / params.shared_by;
    return Rows(
        group.x, first, count, seats[last].y, seats[params.begin].z,
        params.heads / params.shared_by * QUADS, group.x * QUADS,
    );
}

// query_of returns the query of row i of a workgroup.
fn query_of(rows: Rows, i: u32) -> u32 {
    return params.begin + min(rows.first + i, rows.count - 1u) / params.shared_by;
}

// start_of returns where row i of a workgroup begins in q and y.
fn start_of(rows: Rows, i: u32) -> u32 {
    let head = rows.head * params.shared_by + min(rows.first + i, rows.count - 1u) % params.shared_by;
    return (query_of(rows, i) * params.heads + head) * QUADS;
}

// visible returns the scores of keys j, j + 8, j + 16 and j + 24 where they are seen.
fn visible(s: vec4<f32>, j: u32, seen: u32) -> vec4<f32> {
    return select(vec4(NEVER), s, vec4(j, j + 8u, j + 16u, j + 24u) < vec4(seen));
}
