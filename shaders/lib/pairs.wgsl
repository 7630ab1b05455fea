// Spans of formats with blocks of 32 weights, two of which share a word of scales.

override BLOCKS: u32 = 1;    // of a span: 2 if rows are whole words of scales

const SPAN_OCTETS: u32 = 4u * BLOCKS;    // octets that a Span is read for

alias Span = u32;    // the word of scales

// half_scale returns the scale of the octet at index k: the half of its word that bit
// 2 of k names.
fn half_scale(k: u32, span: Span) -> f32 {
    return unpack2x16float(span >> ((k & 4u) << 2u)).x;
}
