// Spans of formats whose blocks are of 32 weights.

const SPAN_OCTETS: u32 = 4u;    // octets that a Span is read for

alias Span = u32;    // a block shares nothing with the next

fn load_span(k: u32) -> Span {
    return 0u;
}
