// qkv: the rows of W are those of Wq, Wk and Wv one after the other. Queries and
// keys turn by the angle of their position; keys and values go to their place in
// the cache.

import package::lib::kept::half2;

override QUERIES: u32 = 64;     // rows of Wq
override KEYS: u32 = 64;        // of Wk, and of Wv
override HEAD_DIM: u32 = 64;
override HALF: u32 = 1;         // 1 if the cache holds half floats, 0 for f32

@group(0) @binding(2) var<storage, read_write> y: array<f32>;              // [tokens, QUERIES]
@group(2) @binding(0) var<storage, read> seats: array<vec4<u32>>;          // [tokens]: angle, seen, pages, place
@group(2) @binding(1) var<storage, read> table: array<vec2<f32>>;          // [positions, HEAD_DIM / 2]: cos, sin
@group(2) @binding(2) var<storage, read_write> keys: array<u32>;           // [positions, KEYS / 2 or KEYS]
@group(2) @binding(3) var<storage, read_write> values: array<u32>;         // [positions, KEYS / 2 or KEYS]

// put takes the sums of neighbouring rows of W, an even one and the next, with a
// row of x. stride is how many rows W has.
fn put(token: u32, row: u32, stride: u32, sums: vec2<f32>, both: bool) {
    let seat = seats[token];
    if row >= QUERIES + KEYS {
        let at = (seat.w * KEYS + row - QUERIES - KEYS) / 2u;
        if HALF == 1u {
            values[at] = half2(sums);
        } else {
            values[2u * at] = bitcast<u32>(sums.x);
            values[2u * at + 1u] = bitcast<u32>(sums.y);
        }
        return;
    }
    let turn = table[(seat.x * HEAD_DIM + row % HEAD_DIM) / 2u];
    let turned = vec2(sums.x * turn.x - sums.y * turn.y, sums.x * turn.y + sums.y * turn.x);
    if row < QUERIES {
        y[token * QUERIES + row] = turned.x;
        y[token * QUERIES + row + 1u] = turned.y;
        return;
    }
    let at = (seat.w * KEYS + row - QUERIES) / 2u;
    if HALF == 1u {
        keys[at] = half2(turned);
    } else {
        keys[2u * at] = bitcast<u32>(turned.x);
        keys[2u * at + 1u] = bitcast<u32>(turned.y);
    }
}
