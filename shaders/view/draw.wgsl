// canvas[y, x] = the items of its tile, blended in order      one workgroup per quarter of a tile
//
// The window's whole picture in one run: rectangles, letters, pictures, heat of
// attention, lines of a grid. The host sorts items into tiles and names those
// that changed; heat and its peaks are read where the model's kernels left them.

import package::lib::grid::unfold;

const TILE: u32 = 16;        // pixels a side
const ITEM: u32 = 16;        // words of an item

const RECT: u32 = 0;
const GLYPH: u32 = 1;
const PICTURE: u32 = 2;
const HEAT: u32 = 3;
const GRID: u32 = 4;

struct Params {
    width: u32,     // pixels of the canvas that are drawn
    height: u32,
    stride: u32,    // pixels from row to row
    tiles: u32,     // of a row
    begin: u32,     // where in bins the tiles to be drawn are listed
    count: u32,     // how many they are
    swap: u32,      // 1: blue first, as some surfaces want it
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> items: array<u32>;            // [items, ITEM]
@group(0) @binding(2) var<storage, read> bins: array<u32>;             // [tiles + 1] where lists begin, then the lists; tiles to be drawn
@group(0) @binding(3) var<storage, read> atlas: array<u32>;            // coverage of letters, four pixels a word
@group(0) @binding(4) var<storage, read> picture: array<u32>;          // pixels as RGBA
@group(0) @binding(5) var<storage, read> heat: array<f32>;             // [rows, patches]
@group(0) @binding(6) var<storage, read> peaks: array<vec4<f32>>;      // [rows] of row_stats
@group(0) @binding(7) var<storage, read_write> canvas: array<u32>;     // [height, stride]

fn item_f32(at: u32, word: u32) -> f32 {
    return bitcast<f32>(items[at + word]);
}

fn rgba(word: u32) -> vec4<f32> {
    return unpack4x8unorm(word);
}

// The distance to a rounded rectangle, below zero inside.
fn rounded(p: vec2<f32>, low: vec2<f32>, high: vec2<f32>, radius: f32) -> f32 {
    let middle = (low + high) * 0.5;
    let d = abs(p - middle) - (high - low) * 0.5 + vec2(radius);
    return length(max(d, vec2(0.0))) + min(max(d.x, d.y), 0.0) - radius;
}

fn pixel(offset: u32, x: i32, y: i32, size: vec2<i32>) -> vec4<f32> {
    let at = clamp(vec2(x, y), vec2(0), size - 1);
    return rgba(picture[offset + u32(at.y * size.x + at.x)]);
}

// Four neighbours mixed; at a large scale the pixels stay squares.
fn sample(offset: u32, p: vec2<f32>, size: vec2<i32>, scale: f32) -> vec4<f32> {
    if scale >= 6.0 {
        return pixel(offset, i32(floor(p.x)), i32(floor(p.y)), size);
    }
    let c = p - 0.5;
    let low = floor(c);
    let part = c - low;
    let x = i32(low.x);
    let y = i32(low.y);
    let top = mix(pixel(offset, x, y, size), pixel(offset, x + 1, y, size), part.x);
    let bottom = mix(pixel(offset, x, y + 1, size), pixel(offset, x + 1, y + 1, size), part.x);
    return mix(top, bottom, part.y);
}

// From violet over red to a light yellow, clearer the higher.
fn glow(v: f32) -> vec4<f32> {
    let t = clamp(v, 0.0, 1.0);
    let low = mix(vec3(0.16, 0.07, 0.42), vec3(0.86, 0.16, 0.36), clamp(t * 2.0, 0.0, 1.0));
    let colour = mix(low, vec3(1.0, 0.93, 0.45), clamp(t * 2.0 - 1.0, 0.0, 1.0));
    return vec4(colour, 0.85 * sqrt(t));
}

// What an item puts at a pixel: a colour, and how much of it.
fn look(at: u32, p: vec2<f32>) -> vec4<f32> {
    let kind = items[at];
    let colour = rgba(items[at + 1u]);
    let offset = items[at + 2u];
    let stride = items[at + 3u];
    let low = vec2(item_f32(at, 4u), item_f32(at, 5u));
    let high = vec2(item_f32(at, 6u), item_f32(at, 7u));
    if any(p < low) || any(p >= high) {
        return vec4(0.0);
    }
    let origin = vec2(item_f32(at, 8u), item_f32(at, 9u));
    let cell = vec2(item_f32(at, 10u), item_f32(at, 11u));
    let q = p - origin;
    if kind == RECT {
        let d = rounded(p, low, high, cell.x);
        var cover = clamp(0.5 - d, 0.0, 1.0);
        if cell.y > 0.0 {    // only its border
            cover *= clamp(0.5 + d + cell.y, 0.0, 1.0);
        }
        return vec4(colour.rgb, colour.a * cover);
    }
    if kind == GLYPH {
        let i = offset + u32(q.y) * stride + u32(q.x);
        let cover = unpack4x8unorm(atlas[i / 4u])[i % 4u];
        return vec4(colour.rgb, colour.a * cover);
    }
    if kind == PICTURE {
        let size = vec2(i32(stride), i32(items[at + 12u]));
        let c = sample(offset, q / cell, size, cell.x);
        return vec4(c.rgb, colour.a);
    }
    if kind == HEAT {
        let place = min(vec2<u32>(floor(q / cell)), vec2(stride, items[at + 12u]) - 1u);    // a last pixel may round up
        let row = items[at + 13u];
        let value = heat[offset + place.y * stride + place.x];
        let c = glow(value / max(peaks[row].y, 1e-12));
        return vec4(c.rgb, c.a * colour.a);
    }
    // GRID: a line on the near side of each cell.
    let inside = q - floor(q / cell) * cell;
    if inside.x < 1.0 || inside.y < 1.0 {
        return colour;
    }
    return vec4(0.0);
}

@compute @workgroup_size(8, 8)
fn draw(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let n = unfold(group, groups);
    if n / 4u >= params.count {
        return;
    }
    let tile = bins[params.begin + n / 4u];
    let at = vec2(tile % params.tiles, tile / params.tiles) * TILE + vec2(n % 2u, n / 2u % 2u) * 8u + local.xy;
    if at.x >= params.width || at.y >= params.height {
        return;
    }
    let p = vec2<f32>(at) + 0.5;
    var c = vec3(0.0);
    for (var i = bins[tile]; i < bins[tile + 1u]; i++) {
        let over = look(bins[i] * ITEM, p);
        c = mix(c, over.rgb, over.a);
    }
    if params.swap == 1u {
        c = c.bgr;
    }
    canvas[at.y * params.stride + at.x] = pack4x8unorm(vec4(c, 1.0));
}
