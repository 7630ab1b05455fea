// y[r] = the token that a sampler draws of shortlist r      one workgroup per row, one lane per element of the list
//
// It is a guess, in f32 and of the list alone, which the host checks: seldom wrong.

import package::lib::reduce::{WG, workgroup_sum};

const LENGTH: u32 = 520u;    // words of a list
const HEAD: u32 = 8u;        // of which these come before the elements

struct Params {
    rows: u32,
}

struct Settings {
    heat: f32,     // 1 / temperature
    draw: f32,     // from 0 to below 1
    top_p: f32,    // 1 keeps all
    min_p: f32,
    top_k: f32,    // 0 keeps all
    pad0: f32,
    pad1: f32,
    pad2: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> lists: array<u32>;             // [rows, LENGTH]
@group(0) @binding(2) var<storage, read> settings: array<Settings>;     // [rows]
@group(0) @binding(3) var<storage, read_write> y: array<u32>;           // [rows]

var<workgroup> logits: array<f32, WG>;
var<workgroup> tokens: array<u32, WG>;

@compute @workgroup_size(WG)
fn shortlist_draw(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = group.x;
    if row >= params.rows {
        return;
    }
    let list = row * LENGTH;
    let s = settings[row];
    let n = min(lists[list], WG);
    let largest = bitcast<f32>(lists[list + 2u]);
    var logit = -3.4e38;
    var token = 0xffffffffu;
    if lane < n {
        token = lists[list + HEAD + 2u * lane];
        logit = bitcast<f32>(lists[list + HEAD + 2u * lane + 1u]);
    }
    logits[lane] = logit;
    tokens[lane] = token;
    if lane == 0u {
        y[row] = lists[list + 1u];    // if none is drawn
    }
    storageBarrier();
    workgroupBarrier();    // the list is there for all
    var rank = 0u;
    var before = 0.0;    // what those that are likelier weigh
    for (var j = 0u; j < n; j++) {
        if logits[j] > logit || (logits[j] == logit && tokens[j] < token) {
            rank++;
            before += exp((logits[j] - largest) * s.heat);
        }
    }
    var weight = select(0.0, exp((logit - largest) * s.heat), lane < n);
    let dropped = workgroup_sum(select(0.0, 1.0, lane < n && (weight < s.min_p || weight == 0.0)), lane);
    var kept = weight > 0.0 && weight >= s.min_p && (s.top_k == 0.0 || f32(rank) < s.top_k);
    let listed = workgroup_sum(select(0.0, weight, kept), lane);
    let all = select(bitcast<f32>(lists[list + 5u]), listed, dropped > 0.0 || s.top_k > 0.0);
    kept = kept && (rank == 0u || before < s.top_p * all);
    let left = workgroup_sum(select(0.0, weight, kept), lane);
    let at = s.draw * select(all, left, s.top_p < 1.0);
    if kept && (rank == 0u || before < at) && before + weight >= at {
        y[row] = token;
    }
}
