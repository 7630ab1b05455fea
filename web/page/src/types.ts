// What the server sends, and what the page keeps. The server's side is
// described at /openapi.json.

export type Role = "user" | "assistant";

/** A turn of a conversation. Turns form a tree: editing or regenerating adds a sibling. */
export interface Turn {
  id: string;
  parent: string | null;
  role: Role;
  text: string;
  images: string[]; // keys of pictures
  created: number;
  finish?: string; // why the answer ended: "stop", "length", "stopped" by hand, or "error"
  error?: string;
  tokens?: number; // of the answer
  ids?: number[]; // its tokens
  prompt?: number; // tokens of the prompt
  first?: number; // seconds until the first token
  rate?: number; // tokens a second from then on
}

export interface Conversation {
  id: string;
  title: string;
  created: number;
  updated: number;
  turns: Record<string, Turn>;
  chosen: Record<string, string>; // by parent ("" for the beginning): which child is shown
}

/** A picture as it was given, by the hash of its bytes. */
export interface Picture {
  key: string;
  name: string;
  data: string; // data URI
  width: number;
  height: number;
}

export interface Sight {
  width: number;
  height: number;
  seen_width: number;
  seen_height: number;
  patch: number;
  cols: number;
  rows: number;
  tokens: number;
  context: number;
  context_share: number;
  first?: number;
  picture?: string;
}

export interface ModelCard {
  id: string;
  root: string;
  max_model_len: number; // 0 if nobody knows
  capabilities?: { vision?: boolean };
  endpoint?: string; // of the engine elsewhere that answers
}

export interface AtToken { position: number; id: number; text: string; control?: boolean }
export interface Guess { id: number; text: string; logprob: number }
export interface Chosen extends Guess { top: Guess[] }

export interface InspectionMeta {
  id: string;
  model: { name: string; layers: number; heads: number; kv_heads: number; dim: number; vocab: number; vision?: { layers: number; heads: number; dim: number; patch: number; max_side: number } };
  context: number;
  prompt_tokens: number;
  images: Sight[];
  tokens: AtToken[];
  answer: Chosen[];
  finish_reason: string | null;
}

export interface AttentionRows { heads: string; rows: { position: number; layers: number[]; shape: [number, number, number]; data: string }[] }
export interface Stats { values: Record<string, { norm: string; max_abs: string; channel: number[]; not_finite: number }> }
export interface Lens { rows: Guess[][] }
export interface KernelSpan { kernel: string; value: string; start_us: number; took_us: number; bytes: number; flop: number; percent_of_ceiling: number }
export interface Timeline { read_gb_per_s: number; gflop_per_s: number; kernels: KernelSpan[] }
export interface Hidden { region: Region; before: string; after: string; change: number; text: string; tokens: AtToken[] }
export interface Region { image: number; x: number; y: number; width: number; height: number }

export interface Settings { system: string; temperature: number; maxTokens: number; theme: "auto" | "light" | "dark" }
