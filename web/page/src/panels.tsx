// The panels of the debugger: layers, logit lens, kernels, and what is hidden.
import { useEffect, useState } from "preact/hooks";
import { floats } from "./api";
import { view } from "./debugger";
import type { Inspection } from "./inspection";
import { places } from "./inspection";
import type { Hidden, KernelSpan, Timeline } from "./types";

const short = (v: number) => (v >= 1000 ? (v / 1000).toFixed(1) + "k" : v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2));

/** Layers is the residual stream of a position from layer to layer. */
export function Layers({ i, position, patch }: { i: Inspection; position: number; patch: { image: number; patch: number } | null }) {
  const stats = i.stats();
  if (!stats) return <p class="hint">…</p>;
  const m = i.meta.value;
  const names = ["embeddings", ...Array.from({ length: m.model.layers }, (_, l) => `layers.${l}`)];
  const eye = patch && m.model.vision ? [`vision.${patch.image}.ln_pre`, ...Array.from({ length: m.model.vision.layers }, (_, l) => `vision.${patch.image}.layers.${l}`)] : null;
  const odd = Object.values(stats.values).reduce((n, s) => n + s.not_finite, 0);
  return (
    <div class="layers">
      {eye && <Strip title="in the image encoder" names={eye} row={patch!.patch} stats={stats.values} layers={[-1, ...Array(eye.length - 1).keys()]} />}
      <Strip title={eye ? "in the decoder" : "the residual stream"} names={names} row={position} stats={stats.values} layers={[-1, ...Array(m.model.layers).keys()]} share={sharesOf(i, position)} />
      <p class="legend"><span class="k norm" />norm <span class="k max" />largest magnitude {m.images.length > 0 && <><span class="k share" />attention on the picture</>}
        {odd > 0 && <b class="bad"> {odd} values are no finite numbers</b>}</p>
    </div>
  );
}

// How much of each layer's attention goes to the pictures.
function sharesOf(i: Inspection, position: number): (number | null)[] | undefined {
  const m = i.meta.value;
  if (!m.images.length) return undefined;
  const at = m.images.flatMap((_, n) => places(m, n));
  return [null, ...Array.from({ length: m.model.layers }, (_, layer) => {
    const r = i.row(position, { fold: "mean", layer, head: 0, after: true });
    return r ? at.reduce((a, p) => a + (r[p] ?? 0), 0) : null;
  })];
}

function Strip({ title, names, row, stats, layers, share }: { title: string; names: string[]; row: number; stats: Record<string, { norm: string; max_abs: string; channel: number[] }>; layers: number[]; share?: (number | null)[] }) {
  const values = names.map((n) => { const s = stats[n]; return s ? { norm: floats(s.norm)[row] ?? 0, max: floats(s.max_abs)[row] ?? 0, channel: s.channel[row] } : { norm: 0, max: 0, channel: 0 }; });
  const top = Math.max(...values.map((v) => v.norm), 1e-9);
  return (
    <figure class="strip">
      <figcaption>{title}</figcaption>
      <div class="bars">
        {values.map((v, n) => {
          const on = view.value.layer !== null && layers[n] === view.value.layer;
          return <button key={n} type="button" class={on ? "on" : ""} disabled={layers[n] < 0} aria-pressed={on}
            title={`norm ${short(v.norm)} · largest magnitude ${short(v.max)} in channel ${v.channel}${share?.[n] != null ? ` · ${Math.round(100 * share[n]!)} % of its attention on the picture` : ""}`}
            onClick={() => { view.value = { ...view.value, layer: on ? null : layers[n] }; }}>
            <span class="col"><i class="norm" style={{ height: `${(100 * v.norm) / top}%` }} /><i class="max" style={{ bottom: `${(100 * v.max) / top}%` }} /></span>
            {share && <span class="share" style={{ "--s": share[n] ?? 0 }} />}
            <span class="sr">{`${layers[n] < 0 ? "Before the first layer" : "Layer " + (layers[n] + 1)}: norm ${short(v.norm)}, largest magnitude ${short(v.max)} in channel ${v.channel}`}</span>
            <small aria-hidden="true">{layers[n] < 0 ? "in" : layers[n] + 1}</small>
            <small class="value" aria-hidden="true">{short(v.norm)}</small>
          </button>;
        })}
      </div>
    </figure>
  );
}

/** LensTable is what the model could already tell of a position after each layer. */
export function LensTable({ i, position, name }: { i: Inspection; position: number; name: string }) {
  const lens = i.lens(position);
  const m = i.meta.value, token = m.tokens.find((t) => t.position === position);
  return (
    <div class="lens">
      <p class="hint">Each layer's residual stream at position {position} ({token ? <q>{token.text.trim() || token.text}</q> : "an image patch"}), read as if it came out of the last layer: what would follow{name && token ? "" : ""}. Of early layers and of patches it is a guess at most.</p>
      {lens ? <table><thead><tr><th scope="col">Layer</th><th scope="col" colSpan={5}>Likeliest next tokens</th></tr></thead><tbody>
        {lens.rows.map((row, n) => ({ row, n })).reverse().map(({ row, n }) => <tr key={n} class={view.value.layer === n - 1 ? "on" : ""}>
          <th scope="row">{n === 0 ? "in" : n}</th>
          {row.slice(0, 5).map((g, k) => { const p = Math.exp(g.logprob); return <td key={k} style={{ "--p": p }} title={`${(100 * p).toFixed(1)} %`}><span>{g.text.replace(/\n/g, "⏎").replace(/^ /, "·")}</span></td>; })}
        </tr>)}
      </tbody></table> : <p class="hint">…</p>}
    </div>
  );
}

const kinds = [["linear", "matrices"], ["attention", "attention"], ["rmsnorm", "norms"], ["rotate", "rotation"], ["append", "cache"]] as const;
const kindOf = (k: string) => kinds.find(([p]) => k.startsWith(p))?.[0] ?? "other";

/** Kernels is the timeline of one token on the GPU. */
export function Kernels({ i }: { i: Inspection }) {
  const t = i.hasTimeline();
  const [error, setError] = useState<string | null>(null);
  const [at, setAt] = useState<KernelSpan | null>(null);
  useEffect(() => { if (!t) i.timeline().catch((e) => setError(e.message)); }, [i, !t]);
  if (error) return <p class="error" role="alert">{error}</p>;
  if (!t) return <p class="hint">Measuring: the device's ceilings once, then every kernel of one token…</p>;
  const end = Math.max(...t.kernels.map((k) => k.start_us + k.took_us), 1), busyTime = t.kernels.reduce((a, k) => a + k.took_us, 0);
  const by = new Map<string, { runs: number; took: number; ceiling: number }>();
  for (const k of t.kernels) {
    const s = by.get(k.kernel) ?? { runs: 0, took: 0, ceiling: 0 };
    by.set(k.kernel, { runs: s.runs + 1, took: s.took + k.took_us, ceiling: s.ceiling + k.percent_of_ceiling * k.took_us });
  }
  const list = [...by].sort((a, b) => b[1].took - a[1].took);
  return (
    <div class="kernels">
      <p class="hint">One token: {t.kernels.length} kernels in {time(end)}, {Math.round((100 * busyTime) / end)} % of it at work. Ceilings measured here: {short(t.read_gb_per_s)} GB/s, {short(t.gflop_per_s)} GFLOP/s.</p>
      <svg class="timeline" viewBox="0 0 1000 64" preserveAspectRatio="none" role="img" aria-label={`Timeline of ${t.kernels.length} kernels`} onPointerLeave={() => setAt(null)}>
        {t.kernels.map((k, n) => {
          const full = Math.min(100, k.percent_of_ceiling);
          return <g key={n} class={"kind-" + kindOf(k.kernel)} onPointerEnter={() => setAt(k)}>
            <rect class="back" x={(1000 * k.start_us) / end} width={Math.max(1, (1000 * k.took_us) / end)} y={0} height={64} />
            <rect x={(1000 * k.start_us) / end} width={Math.max(1, (1000 * k.took_us) / end)} y={64 - 0.64 * full} height={0.64 * full} />
          </g>;
        })}
      </svg>
      <p class="hint span">{at ? <><b>{at.kernel}</b> → {at.value} · {time(at.took_us)} · {Math.round(at.percent_of_ceiling)} % of ceiling</> : "A bar a kernel: as wide as it took, filled by its per cent of the ceiling."}</p>
      <table><thead><tr><th scope="col">Kernel</th><th scope="col">Runs</th><th scope="col">Time</th><th scope="col">Share</th><th scope="col">Of ceiling</th></tr></thead><tbody>
        {list.map(([name, s]) => <tr key={name} class={"kind-" + kindOf(name)}><th scope="row"><i class="dot" />{name}</th><td>{s.runs}</td><td>{time(s.took)}</td><td>{Math.round((100 * s.took) / busyTime)} %</td><td>{Math.round(s.ceiling / s.took)} %</td></tr>)}
      </tbody></table>
      {list.some(([, s]) => s.ceiling / s.took > 105) && <p class="hint">More than 100 %: what the kernel reads lies in the processor's caches.</p>}
      <button class="link" onClick={() => chrome(t)}>Save as a Chrome trace</button>
    </div>
  );
}

const time = (us: number) => (us >= 1e6 ? (us / 1e6).toFixed(2) + " s" : us >= 1000 ? (us / 1000).toFixed(1) + " ms" : Math.round(us) + " µs");

function chrome(t: Timeline) {
  const events = t.kernels.map((k) => ({ name: k.kernel, cat: "kernel", ph: "X", ts: k.start_us, dur: k.took_us, pid: 1, tid: 1, args: { value: k.value, percent_of_ceiling: k.percent_of_ceiling } }));
  void import("./chat").then((c) => c.download(new Blob([JSON.stringify({ traceEvents: events, displayTimeUnit: "ms" })], { type: "application/json" }), "token.trace.json"));
}

/** WhatIf is what became of the answer when a region was hidden. */
export function WhatIf({ i, hidden, onHide }: { i: Inspection; hidden: Hidden | null; onHide: () => void }) {
  const m = i.meta.value;
  if (!m.images.length) return <p class="hint">There is no picture to hide a part of. Click another candidate of a word to go that way instead.</p>;
  if (!hidden) return <p class="hint">Attention says where the model looked, not that it mattered. Hide a part of the picture to see whether the answer depends on it. <button class="link" disabled={!i.live} onClick={onHide}>Hide a region</button></p>;
  const before = floats(hidden.before), after = floats(hidden.after);
  const times = Math.exp(Math.abs(hidden.change));
  return (
    <div class="whatif">
      <p class="verdict">{Math.abs(hidden.change) < 0.05 ? <>The answer is <b>as likely as before</b>.</> : <>The answer is <b>{times > 1e6 ? "millions of" : times >= 10 ? Math.round(times).toLocaleString("en") : times.toFixed(1)} times {hidden.change < 0 ? "less" : "more"} likely</b>.</>} <span>change of its log-probability: {hidden.change.toFixed(2)}</span></p>
      <p class="words">{Array.from(after, (v, n) => <span key={n} style={{ "--d": Math.min(1, Math.max(0, (before[n] - v) / 6)) }} title={`${before[n].toFixed(2)} → ${v.toFixed(2)}`}>{m.answer[n]?.text}</span>)}</p>
      <p>Now it says: <q>{hidden.text.trim()}</q></p>
      <button class="link" disabled={!i.live} onClick={onHide}>Hide another region</button>
    </div>
  );
}

