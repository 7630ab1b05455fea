// The debugger: where the model looked while it chose each word, and what became
// of it from layer to layer.
import { batch, signal } from "@preact/signals";
import { useMemo, useState } from "preact/hooks";
import { card, download, messages, notice, settings } from "./chat";
import { Icon } from "./icons";
import { Inspection, places, words, type Fold, type View, type Word } from "./inspection";
import { Kernels, Layers, LensTable, WhatIf } from "./panels";
import { PatchPicture } from "./picture";
import { pictures } from "./pictures";
import type { Conversation, Hidden, Turn } from "./types";

/** What is looked at: a word, or a patch of a picture. */
export type Target = { kind: "word"; positions: number[] } | { kind: "patch"; image: number; patch: number };

export const inspection = signal<Inspection | null>(null);
export const opening = signal(false);
export const view = signal<View>({ fold: "mean", layer: null, head: 0, after: false });
export const pinned = signal<Target | null>(null);
const hovered = signal<Target | null>(null);
const shownImage = signal(0);
const show = signal({ grid: true, smooth: false, labels: false, hiding: false });
const busy = signal(false);
const what = signal<Hidden | null>(null);
const tab = signal<"layers" | "lens" | "kernels" | "hide">("layers");

export async function inspect(c: Conversation, turn: Turn) {
  if (card.value?.endpoint) {
    notice.value = `Looking inside needs this program's own engine; this answer came from ${card.value.endpoint}.`;
    return;
  }
  const question = c.turns[turn.parent!];
  const images: string[] = [];
  for (let t: Turn | undefined = question; t; t = t.parent ? c.turns[t.parent] : undefined) images.unshift(...t.images.map((k) => pictures.value[k]?.data ?? ""));
  const answer = turn.ids?.length ? { answer_tokens: turn.ids } : { answer: turn.text };
  await enter(() => Inspection.open({ messages: messages(c, question), temperature: settings.value.temperature, ...answer }, images));
}

async function enter(make: () => Promise<Inspection>) {
  opening.value = true;
  try {
    const i = await make();
    inspection.value?.close();
    batch(() => {
      inspection.value = i;
      hovered.value = what.value = null;
      show.value = { ...show.value, labels: false, hiding: false };
      shownImage.value = 0;
      view.value = { fold: "mean", layer: null, head: 0, after: false };
      pinned.value = start(i);
    });
  } catch (e) {
    notice.value = (e as Error).message;
  } finally {
    opening.value = false;
  }
}

// The word to begin with: one that is likely to speak of the picture, not the first article.
function start(i: Inspection): Target | null {
  const m = i.meta.value, list = words(m, m.prompt_tokens, Infinity).filter((w) => /\p{L}/u.test(w.text));
  const w = list.find((w) => w.text.trim().length > 2 && !/^(the|this|that|there|and|are|is|it|in|on|of)$/i.test(w.text.trim())) ?? list[0];
  return w ? { kind: "word", positions: w.positions } : null;
}

export const openFile = (file: File) => enter(() => Inspection.read(file));

export function leave() {
  inspection.value?.close();
  inspection.value = null;
}

/** The positions whose attention is shown: the one that chose a token stands before it. */
function lookers(i: Inspection, positions: number[], v: View): number[] {
  const answer = i.meta.value.prompt_tokens;
  return positions.map((p) => (p >= answer && !v.after ? p - 1 : p));
}

/** rowOf returns the mean of what the positions attend to. */
function rowOf(i: Inspection, positions: number[], v: View): Float32Array | undefined {
  const rows = positions.map((p) => i.row(p, v));
  if (!rows.length || rows.some((r) => !r)) return undefined;
  if (rows.length === 1) return rows[0];
  const out = new Float32Array(Math.max(...rows.map((r) => r!.length)));
  for (const r of rows) r!.forEach((x, k) => { out[k] += x / rows.length; });
  return out;
}

/** heatOf picks a picture's patches out of a row. */
function heatOf(i: Inspection, row: Float32Array, image: number): Float32Array {
  return Float32Array.from(places(i.meta.value, image), (p) => row[p] ?? 0);
}

const percent = (v: number) => (v >= 0.0995 ? Math.round(100 * v) : (100 * v).toFixed(1)) + " %";

export function Debugger() {
  const i = inspection.value!;
  const m = i.meta.value, v = view.value;
  const target = hovered.value ?? pinned.value;
  const question = useMemo(() => words(m, 0, m.prompt_tokens - 1), [m]);
  const answer = useMemo(() => words(m, m.prompt_tokens, Infinity), [m]);

  let heat: Float32Array | undefined, row: Float32Array | undefined;
  const image = target?.kind === "patch" ? target.image : Math.min(shownImage.value, m.images.length - 1);
  if (target?.kind === "word") {
    row = rowOf(i, lookers(i, target.positions, v), v);
    if (row && image >= 0) heat = heatOf(i, row, image);
  } else if (target?.kind === "patch" && m.model.vision) heat = i.patchRow(target.image, target.patch, v);

  // For a patch: how much each word of the answer used it.
  const uses = target?.kind === "patch" ? answer.map((w) => {
    const r = rowOf(i, lookers(i, w.positions, v), v);
    return r ? r[places(m, target.image)[target.patch]] : 0;
  }) : null;
  const most = uses ? Math.max(...uses, 1e-9) : 1;

  const position = target?.kind === "word" ? lookers(i, target.positions, v)[0] : target?.kind === "patch" ? places(m, target.image)[target.patch] : m.prompt_tokens - 1;
  const name = target?.kind === "word" ? textOf(m.tokens, target.positions) : "";
  const eyes = target?.kind === "patch";
  const layerCount = eyes ? m.model.vision!.layers : m.model.layers, headCount = eyes ? m.model.vision!.heads : m.model.heads;
  const lens = show.value.labels && image >= 0 ? i.imageLens(image, v.layer ?? m.model.layers - 1) : undefined;
  const set = (change: Partial<View>) => { view.value = { ...view.value, ...change }; };
  const picture = image >= 0 ? i.pictures[image] : null;
  const atEnd = !!m.finish_reason;

  return (
    <section class="debugger" aria-label="Inside the answer">
      <header class="bar">
        <button class="quiet" onClick={leave}><Icon name="left" />Chat</button>
        <h1>Inside the answer <span>{m.model.name}{i.live ? "" : " · saved file"}</span></h1>
        <button class="quiet" disabled={busy.value || !i.live} onClick={() => void run(async () => { await i.fetchAll(); download(i.file(), "inspection.json"); })}><Icon name="down" />Save</button>
      </header>
      <div class="columns">
        <div class="left">
          {m.images.length > 1 && <div class="tabs small" role="group" aria-label="Pictures">{m.images.map((_, n) => <button key={n} aria-pressed={n === image} onClick={() => { shownImage.value = n; if (pinned.value?.kind === "patch") pinned.value = null; }}><img src={i.pictures[n]} alt={`Picture ${n + 1}`} /></button>)}</div>}
          {picture ? <>
            <div class="frame">
              <PatchPicture src={picture} alt="The picture" sight={m.images[image]} heat={heat ?? null} grid={show.value.grid} smooth={show.value.smooth}
                selected={target?.kind === "patch" ? target.patch : null} labels={lens ? lens.rows.map((g) => g[0]?.text.trim() ?? "") : null}
                hiding={show.value.hiding} hidden={what.value && tab.value === "hide" ? sourceRegion(what.value, m.images[image]) : null}
                onPatch={(patch, pin) => {
                  const t: Target = { kind: "patch", image, patch };
                  if (pin) { pinned.value = pinned.value?.kind === "patch" && pinned.value.patch === patch ? start(i) : t; hovered.value = null; }
                }}
                onRegion={(x, y, width, height) => void run(async () => { what.value = await i.hide({ image, x, y, width, height }); tab.value = "hide"; })} />
              {busy.value && <div class="working" role="status">computing…</div>}
            </div>
            <p class="caption" aria-live="polite">{caption()}</p>
            <div class="tools" role="group" aria-label="On the picture">
              <Toggle on={show.value.grid} label="Grid" set={(grid) => { show.value = { ...show.value, grid }; }} />
              <Toggle on={show.value.smooth} label="Smooth" set={(smooth) => { show.value = { ...show.value, smooth }; }} />
              <Toggle on={show.value.labels} label="Words on patches" set={(labels) => { show.value = { ...show.value, labels }; }} />
              <Toggle on={show.value.hiding} label="Hide a region" disabled={!i.live} set={(hiding) => { show.value = { ...show.value, hiding }; }} />
            </div>
            {show.value.hiding && <p class="hint">Draw a rectangle on the picture. It is filled with the picture's mean colour, and the model is asked again.</p>}
          </> : <p class="hint">This answer has no picture. The words' attention to each other, the layers, the lens and the kernels are here all the same.</p>}
        </div>
        <div class="right">
          <p class="asked" aria-label="The question">{question.map((w) => <WordButton key={w.positions[0]} w={w} weight={row && !eyes ? weightIn(row, w) : 0} />)}</p>
          <p class="said" aria-label="The answer">
            {answer.map((w, n) => <WordButton key={w.positions[0]} w={w} weight={uses ? uses[n] / most : 0} sure={Math.exp(Math.min(...w.positions.map((p) => m.answer[p - m.prompt_tokens].logprob)))} />)}
            {i.live && <button class="next" disabled={busy.value || atEnd} title={atEnd ? "The answer has ended" : "Let the model choose one more token"} onClick={() => void run(async () => { await i.step(); const last = i.meta.value.tokens.at(-1)!; pinned.value = { kind: "word", positions: [last.position] }; })}><Icon name="step" size={15} />{atEnd ? "ended" : "next token"}</button>}
          </p>
          {uses && <p class="hint">Words shaded by how much they used the patch. <button class="link" onClick={() => { pinned.value = start(i); }}>Back to words</button></p>}
          {target?.kind === "word" && target.positions[0] >= m.prompt_tokens && <Candidates i={i} at={target.positions[0] - m.prompt_tokens} />}
          <fieldset class="controls">
            <legend class="sr">What of the attention is shown</legend>
            <div class="row">
            <div class="segments" role="group" aria-label="Heads">
              {(["mean", "max", "rollout", "head"] as Fold[]).map((f) => <button key={f} type="button" aria-pressed={v.fold === f} title={folds[f]} onClick={() => set({ fold: f })}>{f === "head" ? "one head" : f}</button>)}
            </div>
            <div class="segments" role="group" aria-label="When">
              <button type="button" aria-pressed={!v.after} disabled={eyes} title="The row that the word came out of" onClick={() => set({ after: false })}>while choosing it</button>
              <button type="button" aria-pressed={v.after} disabled={eyes} title="The row of the word itself" onClick={() => set({ after: true })}>having read it</button>
            </div>
            </div>
            <label class="slider"><span>Layer <b>{v.layer === null ? "all" : v.layer + 1}</b></span>
              <input type="range" min={0} max={layerCount} value={v.layer === null ? 0 : v.layer + 1} aria-valuetext={v.layer === null ? "all layers" : `layer ${v.layer + 1}`} onInput={(e) => { const n = +(e.target as HTMLInputElement).value; set({ layer: n ? n - 1 : null }); }} /></label>
            <label class="slider"><span>Head <b>{v.fold === "head" ? v.head + 1 : "–"}</b></span>
              <input type="range" min={1} max={headCount} value={v.head + 1} aria-valuetext={v.fold === "head" ? `head ${v.head + 1}` : "all heads"} onInput={(e) => set({ head: +(e.target as HTMLInputElement).value - 1, fold: "head" })} /></label>
          </fieldset>
          <div class="tabs" role="tablist" aria-label="More">
            {([["layers", "Layers"], ["lens", "Logit lens"], ["kernels", "Kernels"], ["hide", "What if"]] as const).map(([t, label]) => <button key={t} role="tab" id={"tab-" + t} aria-controls="panel" aria-selected={tab.value === t} onClick={() => { tab.value = t; }}>{label}</button>)}
          </div>
          <div id="panel" role="tabpanel" aria-labelledby={"tab-" + tab.value} tabIndex={0}>
            {tab.value === "layers" && <Layers i={i} position={position} patch={target?.kind === "patch" ? target : null} />}
            {tab.value === "lens" && <LensTable i={i} position={position} name={name} />}
            {tab.value === "kernels" && <Kernels i={i} />}
            {tab.value === "hide" && <WhatIf i={i} hidden={what.value} onHide={() => { show.value = { ...show.value, hiding: true }; }} />}
          </div>
          {i.failed.value && <p class="error" role="alert">{i.failed.value}</p>}
        </div>
      </div>
    </section>
  );

  function caption() {
    if (!target || !heat) return "…";
    const top = heat.indexOf(heat.reduce((a, b) => Math.max(a, b), 0)), s = m.images[image];
    const where = `row ${Math.floor(top / s.cols) + 1}, column ${(top % s.cols) + 1}`;
    if (target.kind === "patch") return <>Patch at row {Math.floor(target.patch / s.cols) + 1}, column {(target.patch % s.cols) + 1} looks most at {where} in the image encoder{v.layer === null ? "" : `, layer ${v.layer + 1}`}.</>;
    const all = heat.reduce((a, b) => a + b, 0);
    return <><q>{name.trim()}</q> {v.fold === "rollout" ? "comes" : v.fold === "max" ? "looks" : "spends"} {v.fold === "max" ? <>hardest at {where}: {percent(heat[top])} of a head</> : <><b>{percent(all)}</b> {v.fold === "rollout" ? "from" : "of its attention on"} the picture, most at {where}</>}.</>;
  }
}

const folds: Record<Fold, string> = { mean: "The mean of the heads", max: "The strongest head at each patch", rollout: "What the word is made of, through all layers below", head: "One head by itself" };

async function run(f: () => Promise<void>) {
  busy.value = true;
  try { await f(); } catch (e) { notice.value = (e as Error).message; } finally { busy.value = false; }
}

const textOf = (tokens: { position: number; text: string }[], positions: number[]) => tokens.filter((t) => positions.includes(t.position)).map((t) => t.text).join("");

// How strongly a word is attended to, against an even spread.
const weightIn = (row: Float32Array, w: Word) => Math.min(1, 2 * w.positions.reduce((a, p) => a + (row[p] ?? 0), 0));

function sourceRegion(h: Hidden, s: { width: number; height: number; seen_width: number; seen_height: number }) {
  const x = s.width / s.seen_width, y = s.height / s.seen_height;
  return { ...h.region, x: h.region.x * x, y: h.region.y * y, width: h.region.width * x, height: h.region.height * y };
}

function Toggle({ on, label, set, disabled }: { on: boolean; label: string; set: (v: boolean) => void; disabled?: boolean }) {
  return <button type="button" aria-pressed={on} disabled={disabled} onClick={() => set(!on)}>{label}</button>;
}

function WordButton({ w, weight, sure }: { w: Word; weight: number; sure?: number }) {
  const same = (t: Target | null) => t?.kind === "word" && t.positions[0] === w.positions[0];
  const on = same(pinned.value), over = same(hovered.value);
  const t: Target = { kind: "word", positions: w.positions };
  const lead = /^\s*/.exec(w.text)![0], text = w.text.slice(lead.length);
  if (!text) return <>{lead}</>;
  return <>{w.first ? "" : lead}<button type="button" class={"word" + (on ? " on" : "") + (over ? " over" : "")} aria-pressed={on} data-position={w.positions[0]}
    style={{ "--w": weight.toFixed(3), "--sure": sure?.toFixed(3) }} title={sure === undefined ? undefined : `chosen with ${percent(sure)}`}
    onMouseEnter={() => { hovered.value = t; }} onMouseLeave={() => { hovered.value = null; }} onFocus={() => { hovered.value = t; }} onBlur={() => { hovered.value = null; }}
    onClick={() => { pinned.value = t; hovered.value = null; }}>{text}</button></>;
}

/** Candidates are what else the model thought of; clicking one goes that way. */
function Candidates({ i, at }: { i: Inspection; at: number }) {
  const [more, setMore] = useState(false);
  const a = i.meta.value.answer[at];
  if (!a) return null;
  const list = a.top.slice(0, more ? 8 : 4);
  return (
    <div class="candidates" aria-label="What the model could have said">
      {list.map((g) => {
        const p = Math.exp(g.logprob);
        return <button key={g.id} class={g.id === a.id ? "taken" : ""} disabled={!i.live || busy.value || g.id === a.id} title={g.id === a.id ? "What was chosen" : "Go this way instead"} style={{ "--p": p }}
          onClick={() => void run(async () => { await i.branch(at, g.id); pinned.value = { kind: "word", positions: [i.meta.value.prompt_tokens + at] }; })}>
          <span>{g.text.replace(/\n/g, "⏎").replace(/^ /, "·") || "∅"}</span><b>{percent(p)}</b></button>;
      })}
      {!more && a.top.length > 4 && <button class="more" onClick={() => setMore(true)}>more</button>}
    </div>
  );
}
