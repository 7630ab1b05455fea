// Attention over SPLIT keys of a sequence for up to four query heads of a key
// head, which are the components of a vector: keys and values are read once for
// them. What a split leaves is weighed by attention_combine; where all keys fit in
// one, WHOLE is 1 and y is the result. Where splits end depends on the position
// alone, so a row is the same to the bit in any company. Keys lie in pages.

import package::lib::pages::PAGE;

override QUADS: u32 = 16;      // of a head, at most WG
override COLUMNS: u32 = 16;    // QUADS rounded up to a power of two, at most WG
override WG: u32 = 64;         // a power of two
override SPLIT: u32 = 128;     // keys
override WHOLE: u32 = 0;

const NEVER: f32 = -3.0e38;    // the score of a key that is not seen

struct Params {
    heads: u32,
    shared_by: u32,    // query heads to a key head
    begin: u32,        // query to begin with
    splits: u32,       // that parts has room for, of each query
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;          // [queries, heads * QUADS]
@group(0) @binding(2) var<storage, read> seats: array<vec4<u32>>;      // [queries]: angle, seen, pages, place
@group(0) @binding(3) var<storage, read> pages: array<u32>;            // of each sequence, one after the other
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;    // [queries, heads * QUADS], or parts: [queries, splits, heads, QUADS + 1]

var<workgroup> weights: array<vec4<f32>, SPLIT>;    // scores, then weights, of four heads
var<workgroup> places: array<u32, SPLIT>;           // of the keys
var<workgroup> lanes: array<vec4<f32>, WG>;
var<workgroup> sums: array<vec4<f32>, 4u * WG>;

// A Split is what a workgroup works on.
struct Split {
    query: u32,
    head0: u32,      // query head to begin with
    served: u32,     // query heads, at most four
    key0: u32,       // key to begin with
    count: u32,      // keys that the query sees of the split; 0 if none
    table: u32,      // of the sequence's pages
    width: u32,      // quads of a row of the cache
    column0: u32,    // of the key head in it
}

fn split_of(group: vec3<u32>) -> Split {
    let fours = (params.shared_by + 3u) / 4u;    // of query heads to a key head
    let key_head = group.x / fours;
    let first = group.x % fours * 4u;            // head of the key head's, to begin with
    let query = params.begin + group.z;
    let seat = seats[query];
    let key0 = group.y * SPLIT;
    return Split(
        query, key_head * params.shared_by + first, min(params.shared_by - first, 4u),
        key0, min(max(seat.y, key0) - key0, SPLIT), seat.z,
        params.heads / params.shared_by * QUADS, key_head * QUADS,
    );
}

// asked returns quad c of the queries: head by head, the last again where there
// are less than four.
fn asked(s: Split, c: u32) -> vec4<f32> {
    return q[(s.query * params.heads + s.head0 + min(c / QUADS, s.served - 1u)) * QUADS + c % QUADS];
}

// place_of returns where the cache has key j of the split.
fn place_of(s: Split, j: u32) -> u32 {
    let key = s.key0 + j;
    return pages[s.table + key / PAGE] * PAGE + key % PAGE;
}

// greatest returns the greatest of v over all lanes, to all lanes.
fn greatest(v: vec4<f32>, lane: u32) -> vec4<f32> {
    lanes[lane] = v;
    workgroupBarrier();
    for (var half = WG / 2u; half > 0u; half /= 2u) {
        if lane < half {
            lanes[lane] = max(lanes[lane], lanes[lane + half]);
        }
        workgroupBarrier();
    }
    return lanes[0];
}

// answer adds up what lanes have of the sums of values, in sums, and of weights, in
// lanes, and writes it.
fn answer(s: Split, group: vec3<u32>, lane: u32, largest: vec4<f32>) {
    workgroupBarrier();    // each column of a head is added up by one lane
    var all = vec4(0.0);
    for (var j = 0u; j < WG; j += COLUMNS) {
        all += lanes[j];
    }
    for (var c = lane; c < s.served * QUADS; c += WG) {
        let h = c / QUADS;
        var sum = vec4(0.0);
        for (var j = c % QUADS; j < WG; j += COLUMNS) {
            sum += sums[h * WG + j];
        }
        if WHOLE == 1u {
            y[(s.query * params.heads + s.head0 + h) * QUADS + c % QUADS] = sum / all[h];
        } else {
            let part = (group.z * params.splits + group.y) * params.heads + s.head0 + h;
            y[part * (QUADS + 1u) + c % QUADS] = sum;
            if c % QUADS == 0u {
                y[part * (QUADS + 1u) + QUADS] = vec4(largest[h], all[h], 0.0, 0.0);
            }
        }
    }
}
