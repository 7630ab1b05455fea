// What the browser keeps: conversations and pictures, in IndexedDB.
import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import type { Conversation, Picture } from "./types";

interface Schema extends DBSchema {
  conversations: { key: string; value: Conversation; indexes: { updated: number } };
  pictures: { key: string; value: Picture };
}

let opened: Promise<IDBPDatabase<Schema> | null> | null = null;

// Where the browser keeps nothing (some private windows), the page works all the
// same, for as long as it is open.
function db() {
  opened ??= openDB<Schema>("pixtral-wgpu", 1, {
    upgrade(d) {
      d.createObjectStore("conversations", { keyPath: "id" }).createIndex("updated", "updated");
      d.createObjectStore("pictures", { keyPath: "key" });
    },
  }).catch(() => null);
  return opened;
}

export async function conversations(): Promise<Conversation[]> {
  const all = (await (await db())?.getAllFromIndex("conversations", "updated")) ?? [];
  return all.reverse();
}

export async function keep(c: Conversation) { await (await db())?.put("conversations", structuredClone(c)); }
export async function remove(id: string) { await (await db())?.delete("conversations", id); }
export async function keepPicture(p: Picture) { await (await db())?.put("pictures", p); }
export async function picture(key: string): Promise<Picture | undefined> { return (await db())?.get("pictures", key); }

/** tidy forgets the pictures that no conversation has. */
export async function tidy(all: Conversation[]) {
  const used = new Set(all.flatMap((c) => Object.values(c.turns).flatMap((t) => t.images)));
  const d = await db();
  for (const k of (await d?.getAllKeys("pictures")) ?? []) if (!used.has(k)) await d!.delete("pictures", k);
}
