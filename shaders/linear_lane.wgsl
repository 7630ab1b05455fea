// y[t, o] = dot(x[t, :], W[o, :])      one invocation per ROWS outputs of TOKENS rows of x
//
// For software adapters: no barrier makes lanes wait for each other, and what is
// read serves several sums, as a word read costs them more than arithmetic on it.
// A sum is added up in the same order, whatever ROWS and TOKENS are and however
// lanes read: y is the same to the bit for any number of rows of x.

import package::lanes::{Place, taken8};
import package::lib::grid::unfold;
import package::lib::quads::Taken;
import package::output::put;
import package::weights::{SPAN_OCTETS, Span, Words, load_span, load_words, step_of, step_quad, dot_step};

override ROWS: u32 = 4;    // even
override TOKENS: u32 = 1;

const LANES: u32 = 8u;    // a subgroup of lavapipe

struct Params {
    octets: u32,    // of a row of W and of x
    rows: u32,      // rows of W in the shard
    first: u32,     // row of W that the shard begins with
    stride: u32,    // length of a row of y
    begin: u32,     // row of x to begin with
    until: u32,     // row of x to end before
    skip: u32,      // rows of x before the first that is bound
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;    // [n - skip, octets * 2]

@compute @workgroup_size(LANES)
fn linear_lane(p: Place) {
    // Past the last row the last one is read again; its sums are not written.
    let row0 = (unfold(p.group, p.groups) * LANES + p.lane) * ROWS;
    let token0 = params.begin + p.group.z * TOKENS;
    var starts: array<u32, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
        starts[r] = min(row0 + r, params.rows - 1u) * params.octets;
    }
    // With a bound of parameters alone, lavapipe would compile the unrolled loop anew for each dispatch.
    let octets = min(params.octets, arrayLength(&x));
    var begins: array<u32, TOKENS>;    // of rows of x
    for (var t = 0u; t < TOKENS; t++) {
        begins[t] = (min(token0 + t, params.until - 1u) - params.skip) * octets;
    }
    var sums: array<f32, ROWS * TOKENS>;
    for (var k = 0u; k < octets; k += SPAN_OCTETS) {
        var spans: array<Span, ROWS>;
        for (var r = 0u; r < ROWS; r++) {
            spans[r] = load_span(starts[r] + k);
        }
        if SPAN_OCTETS == 4u {    // lavapipe would keep a loop of one or two rounds
            add_step(&sums, &starts, &begins, &spans, p, octets, k, 0u);
        } else if SPAN_OCTETS == 8u {
            add_step(&sums, &starts, &begins, &spans, p, octets, k, 0u);
            add_step(&sums, &starts, &begins, &spans, p, octets, k + 4u, 4u);
        } else {
            for (var i = 0u; i < SPAN_OCTETS; i += 4u) {
                add_step(&sums, &starts, &begins, &spans, p, octets, k + i, i);
            }
        }
    }
    for (var r = 0u; r < ROWS; r += 2u) {
        let row = row0 + r;
        for (var t = 0u; t < TOKENS; t++) {
            if row < params.rows && token0 + t < params.until {
                let pair = vec2(sums[r * TOKENS + t], sums[(r + 1u) * TOKENS + t]);
                put(token0 + t, params.first + row, params.stride, pair, row + 1u < params.rows);
            }
        }
    }
}

// add_step adds the products of four octets from k on, octet i of their span.
fn add_step(
    sums: ptr<function, array<f32, ROWS * TOKENS>>,
    starts: ptr<function, array<u32, ROWS>>,
    begins: ptr<function, array<u32, TOKENS>>,
    spans: ptr<function, array<Span, ROWS>>,
    p: Place, octets: u32, k: u32, i: u32,
) {
    var taken: array<Taken, TOKENS>;
    for (var t = 0u; t < TOKENS; t++) {
        taken[t] = taken8(p, ((*begins)[t] + k) * 2u, (params.octets - k) * 2u);
    }
    // Words of all rows first: memory answers while others are still asked for. With more
    // rows of x there is arithmetic enough to wait behind, and registers are short.
    var words: array<Words, ROWS>;
    for (var r = 0u; r < ROWS && TOKENS <= 2u; r++) {
        words[r] = load_words((*starts)[r] + k, (*starts)[r] + octets - 1u);
    }
    for (var r = 0u; r < ROWS; r++) {
        if TOKENS > 2u {
            words[r] = load_words((*starts)[r] + k, (*starts)[r] + octets - 1u);
        }
        let w = step_of(words[r], (*starts)[r] + k, i, (*spans)[r]);
        var products = array<vec2<f32>, TOKENS>();
        for (var q = 0u; q < 4u; q++) {
            let low = step_quad(w, q);
            let high = step_quad(w, q + 4u);
            for (var t = 0u; t < TOKENS; t++) {
                products[t] += vec2(dot(low, taken[t].quads[q]), dot(high, taken[t].quads[q + 4u]));
            }
        }
        for (var t = 0u; t < TOKENS; t++) {
            (*sums)[r * TOKENS + t] += dot_step(w, products[t], taken[t].totals);
        }
    }
}
