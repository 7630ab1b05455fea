// An inspection: what the server knows of an answer's inside, asked for once and
// remembered. A saved inspection is the same memory without a server behind it.
import { signal, type Signal } from "@preact/signals";
import * as api from "./api";
import type { AttentionRows, Hidden, InspectionMeta, Lens, Region, Stats, Timeline } from "./types";

export type Fold = "mean" | "max" | "rollout" | "head";

/** What of the attention is shown. */
export interface View { fold: Fold; layer: number | null; head: number; after: boolean } // layer null: all of them

/** Attention of one position, head by head or folded. */
interface Rows { layers: number[]; heads: number; keys: number; data: Float32Array }

const small = 400_000; // floats of all layers and heads of a position that are fetched at once

export class Inspection {
  readonly meta: Signal<InspectionMeta>;
  /** Counts what has arrived, so that whoever draws can wait for it. */
  readonly arrived = signal(0);
  readonly failed = signal<string | null>(null);
  private known = new Map<string, unknown>(); // answers by path
  private decoded = new Map<string, Rows>();
  private asked = new Map<string, Promise<unknown>>();

  constructor(meta: InspectionMeta, readonly pictures: string[], private body: object | null) {
    this.meta = signal(meta);
  }

  static async open(body: object, pictures: string[]): Promise<Inspection> {
    return new Inspection(await api.post<InspectionMeta>("inspect", body), pictures, body);
  }

  get live() { return this.body !== null; }

  /** get answers from memory or asks the server; one that has forgotten the inspection is given it again. */
  async get<T>(path: string, f: (id: string) => Promise<T> = (id) => api.get<T>(`inspect/${id}/${path}`)): Promise<T> {
    if (this.known.has(path)) return this.known.get(path) as T;
    if (!this.live) throw new Error("The saved file does not hold this.");
    let p = this.asked.get(path) as Promise<T> | undefined;
    if (!p) {
      p = this.again(f).then((v) => {
        this.known.set(path, v);
        this.arrived.value++;
        return v;
      }).finally(() => this.asked.delete(path));
      this.asked.set(path, p);
    }
    return p;
  }

  private async again<T>(f: (id: string) => Promise<T>): Promise<T> {
    try {
      return await f(this.meta.value.id);
    } catch (e) {
      if ((e as api.ServerError).code !== "inspection_gone") throw e;
      const answer_tokens = this.meta.value.answer.map((a) => a.id);
      const meta = await api.post<InspectionMeta>("inspect", { ...this.body, answer: undefined, steps: 0, answer_tokens });
      this.meta.value = { ...this.meta.value, id: meta.id };
      return f(meta.id);
    }
  }

  /** peek is get for who draws: what is there now, or nothing and a request for it. */
  peek<T>(path: string): T | undefined {
    this.arrived.value; // whoever reads is drawn again when something arrives
    if (this.known.has(path)) return this.known.get(path) as T;
    if (this.live && !this.asked.has(path)) void this.get<T>(path).catch((e) => { this.failed.value = e.message; this.known.set(path, undefined); });
    return undefined;
  }

  private get whole() {
    const { model, tokens, context } = this.meta.value;
    return model.layers * model.heads * Math.min(context, tokens.at(-1)!.position + 1) <= small;
  }

  private attentionPath(position: number, view: View): string {
    if (view.fold === "rollout") return `rollout?positions=${position}`;
    if (this.whole) return `attention?positions=${position}&heads=each`;
    if (view.fold === "head") return `attention?positions=${position}&heads=each&layers=${view.layer ?? this.meta.value.model.layers - 1}`;
    return `attention?positions=${position}&heads=${view.fold}`;
  }

  private rows(path: string): Rows | undefined {
    const done = this.decoded.get(path);
    if (done) return done;
    const a = this.peek<AttentionRows>(path);
    if (!a) return undefined;
    const row = a.rows[0];
    const r = { layers: row.layers, heads: row.shape[1], keys: row.shape[2], data: api.floats(row.data) };
    this.decoded.set(path, r);
    return r;
  }

  /** row returns what a position attends to: a number for each position up to it. */
  row(position: number, view: View): Float32Array | undefined {
    const rows = this.rows(this.attentionPath(position, view));
    return rows && foldRows(rows, view);
  }

  /** patchRow is row for a patch within the image encoder. */
  patchRow(image: number, patch: number, view: View): Float32Array | undefined {
    if (view.fold === "rollout") {
      const all = this.peek<AttentionRows>(`rollout?image=${image}`);
      return all && api.floats(all.rows[patch].data);
    }
    const v = this.meta.value.model.vision!, s = this.meta.value.images[image];
    const path = v.layers * v.heads * s.cols * s.rows <= small ? `patch?image=${image}&patch=${patch}&heads=each`
      : view.fold === "head" ? `patch?image=${image}&patch=${patch}&heads=each&layers=${view.layer ?? v.layers - 1}` : `patch?image=${image}&patch=${patch}&heads=${view.fold}`;
    const rows = this.rows(path);
    return rows && foldRows(rows, view);
  }

  stats() { return this.peek<Stats>("stats"); }
  lens(position: number) { return this.peek<Lens>(`lens?position=${position}&top=5`); }
  imageLens(image: number, layer: number) { return this.peek<Lens>(`lens?image=${image}&layer=${layer}`); }
  timeline() { return this.get<Timeline>("timeline"); }
  hasTimeline() { this.arrived.value; return this.known.get("timeline") as Timeline | undefined; }
  hide(r: Region) { return this.get<Hidden>("hide " + JSON.stringify(r), (id) => api.post(`inspect/${id}/hide`, r)); }

  /** step lets the model choose the next token. */
  async step(steps = 1) {
    this.meta.value = await this.again((id) => api.post<InspectionMeta>(`inspect/${id}/step`, { steps }));
    this.forget();
  }

  /** branch goes another way: the answer up to a token, then another one, then what follows. */
  async branch(at: number, token: number) {
    const answer_tokens = [...this.meta.value.answer.slice(0, at).map((a) => a.id), token];
    const old = this.meta.value.id;
    this.body = { ...this.body, answer: undefined, answer_tokens, steps: 48 };
    this.meta.value = await api.post<InspectionMeta>("inspect", this.body);
    this.forget(true);
    void api.drop(`inspect/${old}`).catch(() => {});
  }

  // What a longer answer makes untrue: sizes of all rows, and rollouts. Rows of
  // attention stay, unless the answer is another one.
  private forget(all = false) {
    const first = this.meta.value.prompt_tokens;
    for (const k of [...this.known.keys()]) {
      const at = /positions?=(\d+)/.exec(k);
      if (/^(stats|timeline|hide|rollout\?pos)/.test(k) || (all && at && +at[1] >= first)) {
        this.known.delete(k);
        this.decoded.delete(k);
      }
    }
    this.arrived.value++;
  }

  close() { if (this.live) void api.drop(`inspect/${this.meta.value.id}`).catch(() => {}); }

  /** fetchAll asks for all that a saved file should hold. */
  async fetchAll() {
    const { prompt_tokens: n, tokens, model } = this.meta.value;
    const end = tokens.at(-1)!.position;
    const wanted = ["stats"];
    for (let p = n - 1; p <= end; p++) {
      for (const fold of ["mean", "max", "rollout"] as Fold[]) wanted.push(this.attentionPath(p, { fold, layer: null, head: 0, after: true }));
      wanted.push(`lens?position=${p}&top=5`);
    }
    if (model.layers <= 8) this.meta.value.images.forEach((_, i) => { for (let l = 0; l < model.layers; l++) wanted.push(`lens?image=${i}&layer=${l}`); });
    for (const path of new Set(wanted)) await this.get(path);
    await this.timeline().catch(() => {});
  }

  file(): Blob {
    const known = [...this.known].filter(([, v]) => v !== undefined);
    return new Blob([JSON.stringify({ format: "pixtral-wgpu inspection", version: 1, meta: this.meta.value, pictures: this.pictures, answers: Object.fromEntries(known) })], { type: "application/json" });
  }

  static async read(file: File): Promise<Inspection> {
    let d: { format?: string; meta: InspectionMeta; pictures: string[]; answers: Record<string, unknown> };
    try { d = JSON.parse(await file.text()); } catch { throw new Error(`${file.name} is no JSON file.`); }
    if (d.format !== "pixtral-wgpu inspection" || !d.meta?.model || !Array.isArray(d.pictures)) throw new Error(`${file.name} is no inspection that this page saved.`);
    if (!d.pictures.every((p) => typeof p === "string" && p.startsWith("data:image/"))) throw new Error(`${file.name} holds something that is no picture.`);
    const i = new Inspection(d.meta, d.pictures, null);
    i.known = new Map(Object.entries(d.answers ?? {}));
    return i;
  }
}

/** foldRows makes one row of all layers and heads that are wanted. */
export function foldRows(r: Rows, view: View): Float32Array {
  const { keys, heads, data } = r;
  const layers = view.layer === null ? (view.fold === "rollout" ? [r.layers.length - 1] : r.layers.map((_, i) => i)) : [Math.max(0, r.layers.indexOf(view.layer))];
  const out = new Float32Array(keys);
  const some = view.fold === "head" && heads > 1 ? [Math.min(view.head, heads - 1)] : [...Array(heads).keys()];
  for (const l of layers) for (const h of some) {
    const at = (l * heads + h) * keys;
    for (let k = 0; k < keys; k++) {
      const v = data[at + k];
      if (view.fold === "max") out[k] = Math.max(out[k], v);
      else out[k] += v / (layers.length * some.length);
    }
  }
  return out;
}

/** places returns the positions of an image's patches: each row is followed by a break. */
export function places(meta: InspectionMeta, image: number): number[] {
  const s = meta.images[image], list: number[] = [];
  for (let row = 0; row < s.rows; row++) for (let col = 0; col < s.cols; col++) list.push(s.first! + row * (s.cols + 1) + col);
  return list;
}

/** A word of the answer or the question: the tokens that spell it. */
export interface Word { text: string; positions: number[]; first: boolean }

/** words joins the tokens from one position to another into words. */
export function words(meta: InspectionMeta, from: number, to: number): Word[] {
  const list: Word[] = [];
  for (const t of meta.tokens) {
    if (t.position < from || t.position > to || t.control) continue;
    const last = list.at(-1);
    if (last && /^[\p{L}\p{N}'’\uFFFD]/u.test(t.text) && /[\p{L}\p{N}'’\uFFFD]$/u.test(last.text) && last.positions.at(-1) === t.position - 1) {
      last.text += t.text;
      last.positions.push(t.position);
    } else list.push({ text: t.text, positions: [t.position], first: !list.length });
  }
  return list;
}
