// y[i, h] = the parts of all splits of query i, weighed and divided      one workgroup per query and head
//
// A part is a sum of values, the greatest score, by which its weights were
// lowered, and the sum of weights.

override QUADS: u32 = 16;      // of a head, at most WG
override COLUMNS: u32 = 16;    // QUADS rounded up to a power of two, at most WG
override SPLIT: u32 = 128;     // keys

const WG: u32 = 64u;

struct Params {
    heads: u32,
    begin: u32,     // query to begin with
    splits: u32,    // that parts has room for, of each query
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> parts: array<vec4<f32>>;      // [queries, splits, heads, QUADS + 1]
@group(0) @binding(2) var<storage, read> seats: array<vec4<u32>>;      // [queries]: angle, seen, pages, place
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;    // [queries, heads * QUADS]

var<workgroup> lanes: array<f32, WG>;
var<workgroup> sums: array<vec4<f32>, WG>;

@compute @workgroup_size(WG)
fn attention_combine(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let head = group.x;
    let i = params.begin + group.y;
    let count = (seats[i].y + SPLIT - 1u) / SPLIT;
    let at = (group.y * params.splits * params.heads + head) * (QUADS + 1u);
    let step = params.heads * (QUADS + 1u);
    var largest = -3.0e38;
    for (var s = lane; s < count; s += WG) {
        largest = max(largest, parts[at + s * step + QUADS].x);
    }
    lanes[lane] = largest;
    workgroupBarrier();
    for (var half = WG / 2u; half > 0u; half /= 2u) {
        if lane < half {
            lanes[lane] = max(lanes[lane], lanes[lane + half]);
        }
        workgroupBarrier();
    }
    largest = lanes[0];
    workgroupBarrier();    // all have read it before the sums are written

    let column = min(lane % COLUMNS, QUADS - 1u);
    var total = 0.0;
    var sum = vec4(0.0);
    for (var s = lane / COLUMNS; s < count; s += WG / COLUMNS) {
        let part = at + s * step;
        let w = exp(parts[part + QUADS].x - largest);
        total += w * parts[part + QUADS].y;
        sum += w * parts[part + column];
    }
    lanes[lane] = total;
    sums[lane] = sum;
    workgroupBarrier();    // each column is added up by its first lane
    if lane < QUADS {
        var all = vec4(0.0);
        var weight = 0.0;
        for (var j = lane; j < WG; j += COLUMNS) {
            all += sums[j];
            weight += lanes[j];
        }
        y[(i * params.heads + head) * QUADS + lane] = all / weight;
    }
}
