// The server: its API and nothing else. The page asks nobody but the server it
// came from.
import { signal } from "@preact/signals";
import type { ModelCard, Sight } from "./types";

/** An error in the server's words. */
export class ServerError extends Error {
  constructor(message: string, readonly status: number, readonly code: string | null = null) { super(message); }
}

export const needsKey = signal(false);
let key = localStorage.getItem("api-key") ?? "";

export function setKey(k: string) {
  key = k;
  localStorage.setItem("api-key", k);
  needsKey.value = false;
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (key) headers.set("Authorization", "Bearer " + key);
  if (init.body) headers.set("Content-Type", "application/json");
  let r: Response;
  try {
    r = await fetch(path, { ...init, headers });
  } catch (e) {
    if ((e as Error).name === "AbortError") throw e;
    throw new ServerError("The server does not answer. Is pixtral-wgpu serve still running?", 0);
  }
  if (r.ok) return r;
  if (r.status === 401) needsKey.value = true;
  const body = await r.json().catch(() => null);
  throw new ServerError(body?.error?.message ?? `The server answered ${r.status}.`, r.status, body?.error?.code ?? null);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await ask(path, { signal })).json();
}

export async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return (await ask(path, { method: "POST", body: JSON.stringify(body), signal })).json();
}

export async function drop(path: string) {
  await ask(path, { method: "DELETE" });
}

export async function model(): Promise<ModelCard> {
  return (await get<{ data: ModelCard[] }>("v1/models")).data[0];
}

export const see = (image: string, signal?: AbortSignal) => post<Sight>("inspect/image", { image }, signal);

export type Part = { type: "text"; text: string } | { type: "image_url"; image_url: { url: string } };
export interface Message { role: "system" | "user" | "assistant"; content: string | Part[] }

export interface Piece { text: string; ids: number[]; finish: string | null; usage?: { prompt_tokens: number; completion_tokens: number } }

/** chat yields the answer piece by piece. */
export async function* chat(body: object, signal: AbortSignal): AsyncGenerator<Piece> {
  const r = await ask("v1/chat/completions", {
    method: "POST", signal,
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
  });
  for await (const data of events(r.body!)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new ServerError(chunk.error.message, 500, chunk.error.code);
    const choice = chunk.choices?.[0];
    yield { text: choice?.delta?.content ?? "", ids: choice?.token_ids ?? [], finish: choice?.finish_reason ?? null, usage: chunk.usage };
  }
}

/** events parts a stream of server-sent events into their data. */
async function* events(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = stream.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) {
      const data = block.split("\n").filter((l) => l.startsWith("data: ")).map((l) => l.slice(6)).join("\n");
      if (data) yield data;
    }
  }
}

/** floats decodes 32-bit floats in base64. */
export function floats(base64: string): Float32Array {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Float32Array(bytes.buffer);
}
