// Activation functions of four values at once, in f32.

fn silu(x: vec4<f32>) -> vec4<f32> {
    return x / (1.0 + exp(-clamp(x, vec4(-80.0), vec4(80.0))));
}

// erf after Abramowitz and Stegun 7.1.26; absolute error below 1.5e-7.
fn erf(x: vec4<f32>) -> vec4<f32> {
    let a = abs(x);
    let t = 1.0 / (1.0 + 0.3275911 * a);
    let poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    return sign(x) * (1.0 - poly * exp(-min(a * a, vec4(80.0))));
}

// gelu is the exact form, 0.5 x (1 + erf(x / √2)).
fn gelu4(x: vec4<f32>) -> vec4<f32> {
    return 0.5 * x * (1.0 + erf(x * 0.70710678));
}
