// Pictures as people give them: pasted, dropped, from files or by URL.
import { signal } from "@preact/signals";
import { see, ServerError } from "./api";
import * as db from "./db";
import type { Picture } from "./types";

/** Pictures that are in use, by key. */
export const pictures = signal<Record<string, Picture>>({});

export async function load(keys: string[]) {
  const missing = keys.filter((k) => !pictures.value[k]);
  const found = await Promise.all(missing.map((k) => db.picture(k)));
  const next = { ...pictures.value };
  for (const p of found) if (p) next[p.key] = p;
  pictures.value = next;
}

/** add takes a picture in and returns it. */
export async function add(data: string, name: string): Promise<Picture> {
  const bytes = new TextEncoder().encode(data);
  const key = await digest(bytes);
  const known = pictures.value[key];
  if (known) return known;
  const { width, height } = await size(data);
  const p = { key, name, data, width, height };
  pictures.value = { ...pictures.value, [key]: p };
  await db.keepPicture(p);
  return p;
}

// crypto.subtle is there only over https and on localhost.
async function digest(bytes: Uint8Array): Promise<string> {
  if (!crypto.subtle) return "p" + Math.random().toString(36).slice(2) + bytes.length;
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource));
  return [...sum.slice(0, 16)].map((b) => b.toString(16).padStart(2, "0")).join("");
}

async function size(data: string): Promise<{ width: number; height: number }> {
  const img = new Image();
  img.src = data;
  try {
    await img.decode();
    return { width: img.naturalWidth, height: img.naturalHeight };
  } catch { // TIFF and others that the browser does not show, and the model reads
    return { width: 0, height: 0 };
  }
}

export function fromFile(file: Blob & { name?: string }): Promise<Picture> {
  return new Promise((resolve, reject) => {
    const r = new FileReader();
    r.onerror = () => reject(new Error(`${file.name ?? "The file"} cannot be read.`));
    r.onload = () => resolve(add(r.result as string, file.name ?? "pasted picture"));
    r.readAsDataURL(file);
  });
}

/** fromURL lets the server fetch a picture: the page itself asks nobody else. */
export async function fromURL(url: string): Promise<Picture> {
  if (url.startsWith("data:")) return add(url, "picture");
  try {
    return await add((await see(url)).picture!, url.split("/").pop() || url);
  } catch (e) {
    if ((e as ServerError).code === "engine_elsewhere") throw new Error("This server fetches no pictures: its engine is elsewhere. Save the picture and attach the file.");
    throw e;
  }
}

export async function fromPage(path: string): Promise<Picture> {
  const blob = await (await fetch(path)).blob();
  return fromFile(new File([blob], path.split("/").pop()!, { type: blob.type }));
}
