// The conversations and what happens in them.
import { batch, computed, effect, signal } from "@preact/signals";
import * as api from "./api";
import * as db from "./db";
import { add, load, pictures } from "./pictures";
import type { Conversation, ModelCard, Picture, Settings, Turn } from "./types";

export const card = signal<ModelCard | null>(null);
export const all = signal<Conversation[]>([]);
export const openID = signal<string | null>(null);
export const notice = signal<string | null>(null); // something to tell; gone with the next click
export const answering = signal<{ turn: string; conversation: string; reading: boolean } | null>(null);
export const settings = signal<Settings>({ system: "", temperature: 0, maxTokens: 1024, theme: "auto", ...JSON.parse(localStorage.getItem("settings") ?? "{}") });
export const composer = signal<{ text: string; images: string[]; edits: string | null }>({ text: "", images: [], edits: null });

effect(() => {
  localStorage.setItem("settings", JSON.stringify(settings.value));
  const theme = settings.value.theme;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
});

export const open = computed(() => all.value.find((c) => c.id === openID.value) ?? null);

/** The turns that are shown: the chosen path through the tree. */
export const path = computed(() => (open.value ? pathOf(open.value) : []));

export function pathOf(c: Conversation): Turn[] {
  const list: Turn[] = [];
  for (let at = ""; ; ) {
    const next = c.turns[c.chosen[at]];
    if (!next) return list;
    list.push(next);
    at = next.id;
  }
}

export function siblings(c: Conversation, t: Turn): Turn[] {
  return Object.values(c.turns).filter((o) => o.parent === t.parent).sort((a, b) => a.created - b.created);
}

export async function start() {
  try {
    card.value = await api.model();
  } catch (e) {
    notice.value = (e as Error).message;
  }
  all.value = await db.conversations();
  await db.tidy(all.value);
}

export async function show(id: string | null) {
  openID.value = id;
  composer.value = { text: "", images: [], edits: null };
  const c = open.value;
  if (c) await load(Object.values(c.turns).flatMap((t) => t.images));
}

/** change applies f to a copy of a conversation, shows it and keeps it. */
function change(id: string, f: (c: Conversation) => void, keep = true) {
  all.value = all.value.map((c) => {
    if (c.id !== id) return c;
    const next = { ...c, turns: { ...c.turns }, chosen: { ...c.chosen } };
    f(next);
    if (keep) void db.keep(next);
    return next;
  });
}

const newID = () => Date.now().toString(36) + Math.random().toString(36).slice(2, 8);

function addTurn(id: string, t: Omit<Turn, "id" | "created">): Turn {
  const turn: Turn = { ...t, id: newID(), created: Date.now() };
  change(id, (c) => {
    c.turns[turn.id] = turn;
    c.chosen[turn.parent ?? ""] = turn.id;
    c.updated = Date.now();
  });
  return turn;
}

export function choose(t: Turn) {
  change(openID.value!, (c) => { c.chosen[t.parent ?? ""] = t.id; });
}

export async function removeConversation(id: string) {
  if (answering.value?.conversation === id) stop();
  all.value = all.value.filter((c) => c.id !== id);
  if (openID.value === id) openID.value = null;
  await db.remove(id);
}

export function rename(id: string, title: string) { change(id, (c) => { c.title = title; }); }

/** send asks what is in the composer: a new turn, or an edited one beside its first form. */
export async function send() {
  const { text, images, edits } = composer.value;
  if ((!text.trim() && !images.length) || answering.value) return;
  let c = open.value;
  if (!c) {
    c = { id: newID(), title: titleOf(text), created: Date.now(), updated: Date.now(), turns: {}, chosen: {} };
    batch(() => {
      all.value = [c!, ...all.value];
      openID.value = c!.id;
    });
  }
  const last = pathOf(c).at(-1);
  const parent = edits ? c.turns[edits].parent : last?.id ?? null;
  composer.value = { text: "", images: [], edits: null };
  const turn = addTurn(c.id, { parent, role: "user", text: text.trim(), images });
  await answer(c.id, turn);
}

const titleOf = (text: string) => {
  const line = text.trim().split("\n")[0];
  return line.length > 48 ? line.slice(0, 47) + "…" : line || "A picture";
};

export const regenerate = (t: Turn) => answer(openID.value!, open.value!.turns[t.parent!]);

/** messages are what the server is asked for a turn: all turns up to it. */
export function messages(c: Conversation, upTo: Turn): api.Message[] {
  const list: api.Message[] = [];
  for (let t: Turn | undefined = upTo; t; t = t.parent ? c.turns[t.parent] : undefined) {
    const images = t.images.map((k) => pictures.value[k]).filter((p): p is Picture => !!p);
    const parts: api.Part[] = [...images.map((p) => ({ type: "image_url" as const, image_url: { url: p.data } })), ...(t.text ? [{ type: "text" as const, text: t.text }] : [])];
    list.unshift({ role: t.role, content: images.length ? parts : t.text });
  }
  if (settings.value.system) list.unshift({ role: "system", content: settings.value.system });
  return list;
}

let abort: AbortController | null = null;
export function stop() { abort?.abort(); }

async function answer(id: string, question: Turn) {
  const c = all.value.find((c) => c.id === id)!;
  const asked = messages(c, question);
  const turn = addTurn(id, { parent: question.id, role: "assistant", text: "", images: [] });
  const began = performance.now();
  let first = 0, text = "", ids: number[] = [];
  const grow = (f: (t: Turn) => void, keep = false) => change(id, (c) => {
    const next = { ...c.turns[turn.id] };
    f(next);
    c.turns[turn.id] = next;
  }, keep);
  abort = new AbortController();
  answering.value = { turn: turn.id, conversation: id, reading: true };
  try {
    const { temperature, maxTokens } = settings.value;
    for await (const piece of api.chat({ messages: asked, temperature, max_tokens: maxTokens, ...(card.value?.endpoint ? {} : { return_token_ids: true }) }, abort.signal)) {
      ids.push(...piece.ids);
      if (piece.text) {
        if (!first) {
          first = performance.now();
          answering.value = { turn: turn.id, conversation: id, reading: false };
        }
        text += piece.text;
        grow((t) => { t.text = text; });
      }
      if (piece.finish) grow((t) => { t.finish = piece.finish!; });
      if (piece.usage) {
        const n = piece.usage.completion_tokens, seconds = (performance.now() - first) / 1000;
        grow((t) => { Object.assign(t, { tokens: n, prompt: piece.usage!.prompt_tokens, first: (first - began) / 1000, rate: n > 1 && seconds > 0 ? (n - 1) / seconds : undefined }); });
      }
    }
  } catch (e) {
    if ((e as Error).name === "AbortError") grow((t) => { t.finish = "stopped"; });
    else grow((t) => { t.finish = "error"; t.error = (e as Error).message; });
  } finally {
    if (ids.length) grow((t) => { t.ids = ids; });
    grow(() => {}, true);
    answering.value = null;
    abort = null;
  }
}

/** exported is a file of conversations with their pictures. */
export async function exported(list: Conversation[]): Promise<Blob> {
  const keys = [...new Set(list.flatMap((c) => Object.values(c.turns).flatMap((t) => t.images)))];
  await load(keys);
  return new Blob([JSON.stringify({ format: "pixtral-wgpu conversations", version: 1, conversations: list, pictures: keys.map((k) => pictures.value[k]).filter(Boolean) })], { type: "application/json" });
}

export async function importFile(file: File): Promise<number> {
  let data: { format?: string; conversations?: Conversation[]; pictures?: Picture[] };
  try {
    data = JSON.parse(await file.text());
  } catch {
    throw new Error(`${file.name} is no JSON file.`);
  }
  if (data.format !== "pixtral-wgpu conversations" || !Array.isArray(data.conversations)) throw new Error(`${file.name} holds no conversations that this page exported.`);
  const renamed = new Map<string, string>();
  for (const p of data.pictures ?? []) {
    if (typeof p.data !== "string" || !p.data.startsWith("data:image/")) throw new Error(`${file.name} holds something that is no picture.`);
    renamed.set(p.key, (await add(p.data, String(p.name))).key);
  }
  for (const c of data.conversations) {
    const turns: Record<string, Turn> = {};
    for (const t of Object.values(c.turns ?? {})) {
      turns[t.id] = { ...t, text: String(t.text ?? ""), images: (t.images ?? []).map((k) => renamed.get(k)).filter((k): k is string => !!k) };
    }
    const next: Conversation = { id: newID(), title: String(c.title), created: +c.created || Date.now(), updated: Date.now(), turns, chosen: { ...c.chosen } };
    all.value = [next, ...all.value];
    await db.keep(next);
  }
  return data.conversations.length;
}

export function download(blob: Blob, name: string) {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(blob);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10_000);
}
