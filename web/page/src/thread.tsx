// The conversation: questions, answers as they come, and what can be done with them.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { answering, card, choose, composer, notice, open, path, regenerate, send, siblings } from "./chat";
import { attach } from "./composer";
import { inspect } from "./debugger";
import { Icon } from "./icons";
import { render } from "./markdown";
import { fromPage, pictures } from "./pictures";
import type { Turn } from "./types";

export function Thread() {
  const end = useRef<HTMLDivElement>(null);
  const turns = path.value, last = turns.at(-1);
  useEffect(() => {
    const box = end.current?.closest("main");
    if (box && box.scrollHeight - box.scrollTop - box.clientHeight < 240) end.current!.scrollIntoView({ block: "end" });
  }, [last?.text, turns.length]);
  if (!turns.length) return <Welcome />;
  return (
    <div class="thread" role="log" aria-label="Conversation" aria-live="off">
      {turns.map((t) => t.role === "user" ? <Question key={t.id} turn={t} /> : <Answer key={t.id} turn={t} last={t === last} />)}
      <div class="sr" aria-live="polite">{answering.value ? "" : last?.role === "assistant" ? last.text : ""}</div>
      <div ref={end} />
    </div>
  );
}

function Branches({ turn }: { turn: Turn }) {
  const all = siblings(open.value!, turn);
  if (all.length < 2) return null;
  const at = all.findIndex((t) => t.id === turn.id);
  return <span class="branches">
    <button aria-label="The version before" disabled={at === 0} onClick={() => choose(all[at - 1])}><Icon name="left" size={14} /></button>
    <span aria-label={`Version ${at + 1} of ${all.length}`}>{at + 1} / {all.length}</span>
    <button aria-label="The version after" disabled={at === all.length - 1} onClick={() => choose(all[at + 1])}><Icon name="right" size={14} /></button>
  </span>;
}

function Question({ turn }: { turn: Turn }) {
  return (
    <article class="question" aria-label="You">
      {turn.images.length > 0 && <div class="shots">{turn.images.map((k) => pictures.value[k] && <img key={k} src={pictures.value[k].data} alt={pictures.value[k].name} />)}</div>}
      {turn.text && <div class="bubble">{turn.text}</div>}
      <div class="actions">
        <Branches turn={turn} />
        <button title="Edit" aria-label="Edit the question" disabled={!!answering.value} onClick={() => { composer.value = { text: turn.text, images: turn.images, edits: turn.id }; }}><Icon name="edit" size={15} /></button>
      </div>
    </article>
  );
}

function Answer({ turn, last }: { turn: Turn; last: boolean }) {
  const streaming = answering.value?.turn === turn.id;
  const html = useMemo(() => render(turn.text), [turn.text]);
  return (
    <article class={"answer" + (streaming ? " streaming" : "")} aria-label="The model" aria-busy={streaming}>
      {streaming && !turn.text && <p class="reading"><i /><i /><i /><span>{answering.value!.reading ? "reading" : ""}</span></p>}
      <div class="prose" dangerouslySetInnerHTML={{ __html: html }} onClick={copyCode} />
      {turn.error && <p class="error" role="alert">{turn.error}</p>}
      {!streaming && <div class="actions">
        <Branches turn={turn} />
        <button class="inside" onClick={() => inspect(open.value!, turn)} disabled={!!answering.value}><Icon name="eye" size={15} />Look inside</button>
        <button title="Copy" aria-label="Copy the answer" onClick={() => void navigator.clipboard?.writeText(turn.text).then(() => { notice.value = "Copied."; })}><Icon name="copy" size={15} /></button>
        <button title="Answer again" aria-label="Answer again" disabled={!!answering.value} onClick={() => void regenerate(turn)}><Icon name="again" size={15} /></button>
        <span class="numbers">
          {turn.finish === "length" && "cut at its longest · "}{turn.finish === "stopped" && "stopped · "}
          {turn.tokens ? `${turn.tokens} tokens` : ""}{turn.first ? ` · first after ${turn.first < 10 ? turn.first.toFixed(1) : Math.round(turn.first)} s` : ""}{turn.rate ? ` · ${turn.rate < 10 ? turn.rate.toFixed(1) : Math.round(turn.rate)} tokens/s` : ""}
        </span>
      </div>}
      {last && streaming && <span class="sr" role="status">The model is answering.</span>}
    </article>
  );
}

// Code blocks are copied by a click on their corner.
function copyCode(e: MouseEvent) {
  const pre = (e.target as HTMLElement).closest("pre");
  if (!pre) return;
  const box = pre.getBoundingClientRect();
  if (e.clientX > box.right - 64 && e.clientY < box.top + 36) void navigator.clipboard?.writeText(pre.textContent ?? "").then(() => { notice.value = "Copied."; });
}

const examples = [
  { image: "red-circle.png", ask: "What is this?" },
  { image: "square-and-star.png", ask: "Describe the picture." },
  { image: "three-triangles.png", ask: "How many triangles are there?" },
  { image: "bars.png", ask: "Which bar is tallest?" },
  { image: "sign.png", ask: "What does the text say?" },
];

function Welcome() {
  const pocket = card.value?.root === "pocket";
  return (
    <div class="welcome">
      <h1>Ask about a picture.<br /><em>Then look inside the answer.</em></h1>
      {composer.value.images.length > 0 ? null : pocket ? <section class="pocket" aria-labelledby="pocket">
        <h2 id="pocket">This is the pocket model</h2>
        <p>A Pixtral of a few million weights, inside this program so that everything can be tried at once. Its world is small: coloured shapes, how many there are and where, bars, and single words on signs. It knows nothing else. Start the server with a model of your own for real pictures.</p>
        <ul class="examples">
          {examples.map((e) => <li key={e.image}><button onClick={() => void ask(e)} disabled={!!answering.value}>
            <img src={"examples/" + e.image} alt="" /><span>{e.ask}</span>
          </button></li>)}
        </ul>
      </section> : <p class="lead">Drop a picture anywhere, paste one, or choose a file. Before it is sent you see what the model will see of it; after the answer you see where it looked.</p>}
    </div>
  );
}

async function ask(e: { image: string; ask: string }) {
  await attach([fromPage("examples/" + e.image)]);
  composer.value = { ...composer.value, text: e.ask };
  await send();
}

