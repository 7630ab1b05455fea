// Steps of formats whose blocks are of 32 weights.

import package::lib::ints::Ints;
import package::weights::load_ints;

const SPAN_OCTETS: u32 = 4u;    // octets that a Span is read for

alias Span = u32;    // a block shares nothing with the next

fn load_span(k: u32) -> Span {
    return 0u;
}

// load_step returns the block that begins with octet k.
fn load_step(k: u32, last: u32, span: Span) -> Ints {
    return load_ints(k >> 2u);
}
