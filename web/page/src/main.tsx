import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import "katex/dist/katex.min.css";
import "./style.css";
import { needsKey, setKey } from "./api";
import { all, answering, card, download, exported, importFile, notice, open, openID, removeConversation, rename, settings, show, start, stop } from "./chat";
import { attachFiles, Composer } from "./composer";
import { Debugger, inspection, leave, openFile, opening } from "./debugger";
import { Icon } from "./icons";
import { Thread } from "./thread";

function App() {
  const [side, setSide] = useState(false);
  const [over, setOver] = useState(false);
  const [setting, setSetting] = useState(false);
  useEffect(() => {
    const keys = (e: KeyboardEvent) => {
      if (e.key === "Escape") {
        if (answering.value) stop();
        else if (setting) setSetting(false);
        else if (side) setSide(false);
        else if (inspection.value && !(e.target as HTMLElement).closest("input, textarea")) leave();
      }
      if ((e.ctrlKey || e.metaKey) && e.shiftKey && e.key.toLowerCase() === "o") { e.preventDefault(); void show(null); leave(); }
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, [side, setting]);
  useEffect(() => {
    if (!notice.value) return;
    const t = setTimeout(() => { notice.value = null; }, 7000);
    return () => clearTimeout(t);
  }, [notice.value]);
  const hasFiles = (e: DragEvent) => [...(e.dataTransfer?.types ?? [])].includes("Files");
  return (
    <div class={"app" + (side ? " side-open" : "") + (inspection.value ? " inspecting" : "")}
      onDragOver={(e) => { if (hasFiles(e)) { e.preventDefault(); setOver(true); } }}
      onDragLeave={(e) => { if (!(e.currentTarget as HTMLElement).contains(e.relatedTarget as Node)) setOver(false); }}
      onDrop={(e) => {
        if (!hasFiles(e)) return;
        e.preventDefault();
        setOver(false);
        const files = [...e.dataTransfer!.files];
        if (files.length === 1 && files[0].name.endsWith(".json")) void take(files[0]);
        else if (!inspection.value) attachFiles(files);
      }}>
      <a class="skip" href="#main">To the conversation</a>
      <Sidebar close={() => setSide(false)} settings={() => setSetting(true)} />
      {side && <div class="shade" onClick={() => setSide(false)} />}
      <main id="main" tabIndex={-1}>
        {inspection.value ? <Debugger /> : <>
          <header class="bar top">
            <button class="round menu" aria-label="Conversations" aria-expanded={side} onClick={() => setSide(!side)}><Icon name="menu" /></button>
            <span class="title">{open.value?.title ?? ""}</span>
            <span class="model">{card.value?.root ?? ""}</span>
          </header>
          <Thread />
          <Composer />
        </>}
      </main>
      {over && !inspection.value && <div class="dropzone"><p>Drop pictures to ask about them</p></div>}
      {opening.value && <div class="toast" role="status">Looking inside…</div>}
      {notice.value && <div class="toast" role="status"><span>{notice.value}</span><button class="round" aria-label="Close" onClick={() => { notice.value = null; }}><Icon name="close" size={14} /></button></div>}
      {needsKey.value && <KeyDialog />}
      {setting && <SettingsDialog close={() => setSetting(false)} />}
    </div>
  );
}

/** take opens a file that this page saved: conversations or an inspection. */
async function take(f: File) {
  try {
    const head = await f.slice(0, 60).text();
    if (head.includes("pixtral-wgpu inspection")) await openFile(f);
    else {
      const n = await importFile(f);
      notice.value = n === 1 ? "One conversation imported." : `${n} conversations imported.`;
    }
  } catch (e) { notice.value = (e as Error).message; }
}

function Sidebar({ close, settings: openSettings }: { close: () => void; settings: () => void }) {
  const file = useRef<HTMLInputElement>(null);
  const [editing, setEditing] = useState<string | null>(null);
  const dark = settings.value.theme === "dark" || (settings.value.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  return (
    <nav class="sidebar" aria-label="Conversations">
      <div class="brand"><img src="icon.svg" alt="" width={28} height={28} /><b>pixtral-wgpu</b></div>
      <button class="new" onClick={() => { void show(null); leave(); close(); }}><Icon name="plus" />New chat</button>
      <ul class="history">
        {all.value.map((c) => <li key={c.id} class={c.id === openID.value ? "on" : ""}>
          {editing === c.id ? <input value={c.title} aria-label="Title" ref={(e) => e?.focus()} onBlur={(e) => { rename(c.id, (e.target as HTMLInputElement).value.trim() || c.title); setEditing(null); }} onKeyDown={(e) => { if (e.key === "Enter" || e.key === "Escape") (e.target as HTMLInputElement).blur(); }} />
            : <button class="name" aria-current={c.id === openID.value ? "page" : undefined} onDblClick={() => setEditing(c.id)} onClick={() => { void show(c.id); leave(); close(); }}>{c.title}</button>}
          <span class="row">
            <button aria-label={`Rename ${c.title}`} title="Rename" onClick={() => setEditing(c.id)}><Icon name="edit" size={14} /></button>
            <button aria-label={`Save ${c.title} as a file`} title="Save as a file" onClick={() => void exported([c]).then((b) => download(b, "conversation.json"))}><Icon name="down" size={14} /></button>
            <button aria-label={`Delete ${c.title}`} title="Delete" onClick={() => { if (confirm(`Delete "${c.title}"?`)) void removeConversation(c.id); }}><Icon name="trash" size={14} /></button>
          </span>
        </li>)}
      </ul>
      <div class="foot">
        <button onClick={() => void exported(all.value).then((b) => download(b, "conversations.json"))} disabled={!all.value.length}><Icon name="down" size={16} />Export all</button>
        <button onClick={() => file.current!.click()}><Icon name="up" size={16} />Open a file</button>
        <input ref={file} type="file" accept=".json,application/json" hidden aria-label="A file of conversations or an inspection" onChange={(e) => { const f = (e.target as HTMLInputElement).files?.[0]; (e.target as HTMLInputElement).value = ""; if (f) void take(f).then(close); }} />
        <button onClick={() => { settings.value = { ...settings.value, theme: dark ? "light" : "dark" }; }}><Icon name={dark ? "sun" : "moon"} size={16} />{dark ? "Light" : "Dark"}</button>
        <button onClick={openSettings}><Icon name="gear" size={16} />Settings</button>
      </div>
    </nav>
  );
}

/** Dialog is a modal dialog; Escape closes it. */
function Dialog({ title, close, children }: { title: string; close?: () => void; children: preact.ComponentChildren }) {
  const d = useRef<HTMLDialogElement>(null);
  useEffect(() => { d.current!.showModal(); }, []);
  return <dialog ref={d} aria-label={title} onClose={close} onCancel={(e) => { if (!close) e.preventDefault(); }}><h2>{title}</h2>{children}</dialog>;
}

function KeyDialog() {
  const [key, set] = useState("");
  return <Dialog title="This server wants a key">
    <form onSubmit={(e) => { e.preventDefault(); setKey(key.trim()); void start(); }}>
      <p>It was started with <code>--api-keys</code>. The key stays in this browser.</p>
      <input type="password" value={key} autocomplete="off" aria-label="API key" onInput={(e) => set((e.target as HTMLInputElement).value)} />
      <button class="primary" disabled={!key.trim()}>Use it</button>
    </form>
  </Dialog>;
}

function SettingsDialog({ close }: { close: () => void }) {
  const s = settings.value, set = (c: Partial<typeof s>) => { settings.value = { ...settings.value, ...c }; };
  return <Dialog title="Settings" close={close}>
    <label>System prompt<textarea rows={3} value={s.system} placeholder="How the model should behave" onInput={(e) => set({ system: (e.target as HTMLTextAreaElement).value })} /></label>
    <label>Temperature <output>{s.temperature === 0 ? "0, always the likeliest" : s.temperature}</output><input type="range" min={0} max={1.5} step={0.05} value={s.temperature} onInput={(e) => set({ temperature: +(e.target as HTMLInputElement).value })} /></label>
    <label>Longest answer, in tokens<input type="number" min={1} max={card.value?.max_model_len || undefined} value={s.maxTokens} onChange={(e) => set({ maxTokens: Math.max(1, Math.round(+(e.target as HTMLInputElement).value) || 1024) })} /></label>
    <label>Colours<select value={s.theme} onChange={(e) => set({ theme: (e.target as HTMLSelectElement).value as typeof s.theme })}><option value="auto">as the system</option><option value="light">light</option><option value="dark">dark</option></select></label>
    <form method="dialog"><button class="primary">Done</button></form>
  </Dialog>;
}

render(<App />, document.getElementById("app")!);
void start();
