// quantized returns 32 activations as signed bytes, their scale and their sums.
//
// Codes are x / d rounded to even, d the largest magnitude / 127. The words: the
// codes in order, d, d times the sum of the first 16 codes, and of the others.
fn quantized(v: array<vec4<f32>, 8>) -> array<vec4<u32>, 3> {
    var most = vec4(0.0);
    for (var j = 0u; j < 8u; j++) {
        most = max(most, abs(v[j]));
    }
    let largest = max(max(most.x, most.y), max(most.z, most.w));
    let d = largest / 127.0;
    // Below 2^-120 the inverse would be infinite; so little is nothing.
    let inverse = select(0.0, 127.0 / largest, largest > 1e-36);
    var words: array<u32, 8>;
    var sums: array<i32, 2>;
    for (var j = 0u; j < 8u; j++) {
        let q = vec4<i32>(round(v[j] * inverse));
        words[j] = pack4xI8(q);
        sums[j / 4u] += q.x + q.y + q.z + q.w;
    }
    return array(
        vec4(words[0], words[1], words[2], words[3]),
        vec4(words[4], words[5], words[6], words[7]),
        bitcast<vec4<u32>>(vec4(d, d * f32(sums[0]), d * f32(sums[1]), 0.0)),
    );
}
