// Attention of ROWS rows over keys by eight lanes, for software adapters, where a
// read costs more than arithmetic on it: what is read serves all rows. A lane scores
// every eighth key and adds up every eighth quad of the values; what one has and all
// need is handed round. The softmax runs along (Milakov and Gimelshein,
// arXiv:1805.02867). Rows go by fours, which are the components of a vector.
//
// lavapipe keeps arrays in registers where it unrolls the loops over them, and does
// that to a long loop only if it runs over all of an array: so arrays lie in arrays.
//
// The kernel that imports this binds q and has the QUADS of a head.

import package::hands::{Place, hand8};
import package::lib::pages::PAGE;
import package::cache::{key4, value4};

override ROWS: u32 = 8;      // 4, or a multiple of 8
override PARTS: u32 = 2;     // quads of the result that a lane holds of a row: QUADS / LANES, rounded up

const LANES: u32 = 8u;                      // a subgroup of lavapipe
const KEYS: u32 = PAGE / LANES;             // that a lane scores of a page
const FOURS: u32 = ROWS / 4u;
const AHEAD: u32 = 8u / min(ROWS, 8u);      // quads of a row that are handed round at a time
const HANDS: u32 = AHEAD * ROWS / 8u;

alias Four = array<vec4<f32>, 4>;

// A Block is what the rows come to.
struct Block {
    largest: array<vec4<f32>, FOURS>,           // score
    totals: array<vec4<f32>, FOURS>,            // of the weights of a lane's keys
    sums: array<array<Four, PARTS>, FOURS>,     // of the values, for a lane's quads
}

fn new_block() -> Block {
    var b = Block();
    for (var f = 0u; f < FOURS; f++) {
        b.largest[f] = vec4(NEVER);
    }
    return b;
}

// add_page adds keys of a page, of which there are count from key0 on; the first is
// at quad first of the cache, the next width quads further. Row LANES * i + lane of q
// begins at starts[i]; a row of four sees the keys before seen.
fn add_page(
    p: Place, b: ptr<function, Block>,
    starts: ptr<function, array<u32, HANDS>>, seen: ptr<function, array<vec4<u32>, FOURS>>,
    key0: u32, count: u32, first: u32, width: u32, quads: u32,
) {
    // Past the last key the last is read again; it weighs nothing.
    let last = count - 1u;
    let ahead = p.lane / (8u / AHEAD);
    var at: array<u32, KEYS>;
    for (var k = 0u; k < KEYS; k++) {
        at[k] = first + min(p.lane + LANES * k, last) * width;
    }
    var s = array<array<vec4<f32>, FOURS>, KEYS>();    // without a value naga would keep the last page's
    for (var n = 0u; n < quads; n += AHEAD) {
        var v: array<array<vec4<f32>, 8>, HANDS>;
        for (var i = 0u; i < HANDS; i++) {
            v[i] = hand8(p, select(vec4(0.0), q[(*starts)[i] + n + ahead], n + ahead < QUADS));
        }
        for (var m = 0u; m < AHEAD; m++) {
            for (var k = 0u; k < KEYS; k++) {
                let key = key4(at[k] + min(n + m, QUADS - 1u));
                for (var f = 0u; f < FOURS; f++) {
                    let i = 4u * (f + m);
                    s[k][f] += vec4(
                        dot(v[i / 8u][i % 8u], key), dot(v[i / 8u][i % 8u + 1u], key),
                        dot(v[i / 8u][i % 8u + 2u], key), dot(v[i / 8u][i % 8u + 3u], key),
                    );
                }
            }
        }
    }

    for (var f = 0u; f < FOURS; f++) {
        let before = (*b).largest[f];
        var next = before;
        for (var k = 0u; k < KEYS; k++) {
            s[k][f] = select(vec4(NEVER), s[k][f] * params.scale, vec4(key0 + p.lane + LANES * k) < (*seen)[f]);
            next = max(next, s[k][f]);
        }
        var each = hand8(p, next);
        next = max(max(max(each[0], each[1]), max(each[2], each[3])), max(max(each[4], each[5]), max(each[6], each[7])));
        let rescale = exp(before - next);
        var total = (*b).totals[f] * rescale;
        for (var k = 0u; k < KEYS; k++) {
            // A key that is not seen must weigh nothing even if none is.
            s[k][f] = select(exp(s[k][f] - next), vec4(0.0), s[k][f] <= vec4(NEVER));
            total += s[k][f];
        }
        (*b).largest[f] = next;
        (*b).totals[f] = total;
        for (var i = 0u; i < PARTS; i++) {
            let sums = &(*b).sums[f][i];
            (*sums)[0] *= rescale.x;
            (*sums)[1] *= rescale.y;
            (*sums)[2] *= rescale.z;
            (*sums)[3] *= rescale.w;
        }
    }

    for (var k = 0u; k * LANES < count; k++) {
        var v: array<array<vec4<f32>, LANES>, PARTS>;
        for (var j = 0u; j < LANES; j++) {
            let row = first + min(k * LANES + j, last) * width;
            for (var i = 0u; i < PARTS; i++) {
                v[i][j] = value4(row + min(p.lane + i * LANES, QUADS - 1u));
            }
        }
        for (var f = 0u; f < FOURS; f++) {
            var w = hand8(p, select(select(s[0][f], s[1][f], k == 1u), select(s[2][f], s[3][f], k == 3u), k >= 2u));
            for (var i = 0u; i < PARTS; i++) {
                let sums = &(*b).sums[f][i];
                for (var j = 0u; j < LANES; j++) {
                    (*sums)[0] += w[j].x * v[i][j];
                }
                for (var j = 0u; j < LANES; j++) {
                    (*sums)[1] += w[j].y * v[i][j];
                }
                for (var j = 0u; j < LANES; j++) {
                    (*sums)[2] += w[j].z * v[i][j];
                }
                for (var j = 0u; j < LANES; j++) {
                    (*sums)[3] += w[j].w * v[i][j];
                }
            }
        }
    }
}

// total_of returns the sum of all weights of four rows.
fn total_of(p: Place, b: ptr<function, Block>, f: u32) -> vec4<f32> {
    var each = hand8(p, (*b).totals[f]);
    return each[0] + each[1] + each[2] + each[3] + (each[4] + each[5] + each[6] + each[7]);
}
