// Where questions are written: text and pictures, and what the model will see of
// them before anything is sent.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { see, ServerError } from "./api";
import { answering, card, composer, notice, open, path, send, stop } from "./chat";
import { Icon } from "./icons";
import { Facts, PatchPicture } from "./picture";
import { fromFile, fromURL, pictures } from "./pictures";
import type { Sight } from "./types";

const sights = signal<Record<string, Sight | string>>({}); // by picture; a string is an error, an empty one says that nobody knows
const looking = signal<string | null>(null); // the picture that is shown as the model will see it
const asking = signal(false); // for a URL

export async function attach(given: Promise<{ key: string }>[]) {
  for (const p of given) {
    try {
      const { key } = await p;
      const c = composer.value;
      if (!c.images.includes(key)) composer.value = { ...c, images: [...c.images, key] };
      looking.value = key;
      void sightOf(key);
    } catch (e) {
      notice.value = (e as Error).message;
    }
  }
}

async function sightOf(key: string) {
  if (typeof sights.value[key] === "object") return;
  let found: Sight | string;
  try { found = await see(pictures.value[key].data); } catch (e) { found = (e as ServerError).code === "engine_elsewhere" ? "" : (e as Error).message; }
  sights.value = { ...sights.value, [key]: found };
}

export function detach(key: string) {
  composer.value = { ...composer.value, images: composer.value.images.filter((k) => k !== key) };
  if (looking.value === key) looking.value = composer.value.images.at(-1) ?? null;
}

const isImage = (f: File) => f.type.startsWith("image/") || /\.(png|jpe?g|gif|webp|bmp|tiff?)$/i.test(f.name);

/** attachFiles takes what was dropped or pasted. */
export function attachFiles(list: Iterable<File>) {
  const files = [...list], good = files.filter(isImage);
  if (good.length < files.length) notice.value = "Only pictures can be attached: PNG, JPEG, GIF, WebP, BMP and TIFF.";
  void attach(good.map((f) => fromFile(f)));
  return good.length > 0;
}

export function Composer() {
  const c = composer.value, busy = !!answering.value;
  const area = useRef<HTMLTextAreaElement>(null), file = useRef<HTMLInputElement>(null), url = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const a = area.current!;
    a.style.height = "auto";
    a.style.height = Math.min(a.scrollHeight, 240) + "px";
  }, [c.text]);
  useEffect(() => { if (matchMedia("(pointer: fine)").matches) area.current?.focus(); }, [open.value?.id, c.edits]);
  useEffect(() => { for (const k of c.images) void sightOf(k); }, [c.images]);
  const imageTokens = c.images.reduce((n, k) => n + (typeof sights.value[k] === "object" ? (sights.value[k] as Sight).tokens : 0), 0);
  const shown = looking.value && c.images.includes(looking.value) ? looking.value : c.images[0];
  const vision = card.value?.capabilities?.vision !== false;
  return (
    <form class="composer" onSubmit={(e) => { e.preventDefault(); void send(); }} aria-label="Ask">
      {c.edits && <div class="editing">Editing an earlier question; the first form is kept beside it. <button type="button" class="link" onClick={() => { composer.value = { text: "", images: [], edits: null }; }}>Cancel</button></div>}
      {c.images.length > 0 && <div class="attached">
        {shown && pictures.value[shown] && <Preview key={shown} picture={shown} />}
        <ul class="thumbs" aria-label="Attached pictures">
          {c.images.map((k) => {
            const s = sights.value[k], pic = pictures.value[k];
            const cost = typeof s === "object" ? `${s.tokens} tokens` : s ? "cannot be read" : s === "" ? pic?.name : "…";
            return <li key={k} class={k === shown ? "shown" : ""}>
              <button type="button" class="thumb" aria-pressed={k === shown} aria-label={`${cost}: show what the model will see of ${pic?.name}`} onClick={() => { looking.value = k; }}>
                <img src={typeof s === "object" && !pic?.width ? s.picture : pic?.data} alt="" /><span>{cost}</span>
              </button>
              <button type="button" class="remove" aria-label={`Remove ${pic?.name}`} onClick={() => detach(k)}><Icon name="close" size={13} /></button>
            </li>;
          })}
        </ul>
      </div>}
      {asking.value && <div class="url">
        <input ref={url} type="url" placeholder="https://…/picture.jpg" aria-label="Address of a picture" onKeyDown={(e) => { if (e.key === "Enter") { e.preventDefault(); addURL(); } else if (e.key === "Escape") asking.value = false; }} />
        <button type="button" onClick={addURL}>Add</button>
      </div>}
      <div class="entry">
        {vision && <>
          <button type="button" class="round" title="Attach pictures" aria-label="Attach pictures" onClick={() => file.current!.click()}><Icon name="image" /></button>
          <button type="button" class="round" title="Attach a picture by its URL" aria-label="Attach a picture by its URL" aria-expanded={asking.value} onClick={() => { asking.value = !asking.value; setTimeout(() => url.current?.focus()); }}><Icon name="link" /></button>
          <input ref={file} type="file" accept="image/*,.tif,.tiff" multiple hidden aria-label="Picture files" onChange={(e) => { attachFiles((e.target as HTMLInputElement).files!); (e.target as HTMLInputElement).value = ""; }} />
        </>}
        <textarea ref={area} rows={1} value={c.text} aria-label="Your question" placeholder={c.images.length ? "Ask about it…" : path.value.length ? "Ask a follow-up…" : "Ask, or add a picture…"}
          onInput={(e) => { composer.value = { ...composer.value, text: (e.target as HTMLTextAreaElement).value }; }}
          onKeyDown={(e) => { if (e.key === "Enter" && !e.shiftKey && !e.isComposing && matchMedia("(pointer: fine)").matches) { e.preventDefault(); void send(); } }}
          onPaste={(e) => { const files = [...(e.clipboardData?.files ?? [])]; if (files.length) { e.preventDefault(); attachFiles(files); } }} />
        {busy ? <button type="button" class="go" aria-label="Stop" title="Stop (Esc)" onClick={stop}><Icon name="stop" /></button>
          : <button type="submit" class="go" aria-label="Send" title="Send (Enter)" disabled={!c.text.trim() && !c.images.length}><Icon name="send" /></button>}
      </div>
      <p class="cost" aria-live="polite">{imageTokens > 0 && card.value?.max_model_len ? `${imageTokens} tokens of pictures, ${(100 * imageTokens / card.value.max_model_len).toFixed(1)} % of the context of ${card.value.max_model_len}` : ""}</p>
    </form>
  );

  function addURL() {
    const value = url.current!.value.trim();
    if (!value) return;
    asking.value = false;
    void attach([fromURL(value)]);
  }
}

/** Preview is what the model will see. */
function Preview({ picture }: { picture: string }) {
  const s = sights.value[picture], p = pictures.value[picture];
  if (s === "") return null;
  if (typeof s === "string") return <p class="error" role="alert">{s}</p>;
  return (
    <section class="preview" aria-label="What the model will see">
      {s ? <PatchPicture src={s.picture!} alt={`${p.name}, as the model will see it`} sight={s} grid /> : <div class="patches waiting" style={{ aspectRatio: `${p.width || 4} / ${p.height || 3}` }} />}
      <div><h3>What the model will see</h3>{s && <Facts sight={s} />}</div>
    </section>
  );
}
