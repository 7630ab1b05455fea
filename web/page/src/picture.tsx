// A picture with its patches: the grid that the model sees it in, heat on it, and
// a region that is hidden. All of it is laid over the picture as it came, so
// that it is true to its aspect ratio.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Region, Sight } from "./types";

// The ramp runs from a veil over what is not looked at to light on what is.
const ramp = [[18, 14, 34], [84, 28, 110], [205, 58, 78], [252, 146, 42], [255, 238, 140]];

/** colour of a heat from 0 to 1: red, green, blue and opacity, 0 to 255. */
export function colour(v: number): [number, number, number, number] {
  const t = Math.sqrt(Math.min(1, Math.max(0, v))) * (ramp.length - 1);
  const i = Math.min(ramp.length - 2, Math.floor(t)), f = t - i;
  const mix = (c: number) => Math.round(ramp[i][c] + f * (ramp[i + 1][c] - ramp[i][c]));
  return [mix(0), mix(1), mix(2), Math.round(255 * (0.68 - 0.06 * (t / (ramp.length - 1))))];
}

interface Props {
  src: string;
  alt: string;
  sight: Sight;
  heat?: Float32Array | null; // a number a patch
  grid?: boolean;
  smooth?: boolean;
  selected?: number | null;
  labels?: string[] | null;
  hidden?: Region | null;
  hiding?: boolean;
  onPatch?: (patch: number, pinned: boolean) => void;
  onLeave?: () => void;
  onRegion?: (x: number, y: number, width: number, height: number) => void;
}

export function PatchPicture(p: Props) {
  const { cols, rows, width, height } = p.sight;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [drag, setDrag] = useState<{ x0: number; y0: number; x1: number; y1: number } | null>(null);
  useEffect(() => {
    const at = canvas.current?.getContext("2d");
    if (!at || !p.heat) return;
    const pixels = at.createImageData(cols, rows);
    const top = p.heat.reduce((a, b) => Math.max(a, b), 0);
    for (let i = 0; i < cols * rows; i++) pixels.data.set(colour(top > 0 ? p.heat[i] / top : 0), 4 * i);
    at.putImageData(pixels, 0, 0);
  }, [p.heat, cols, rows, p.smooth]);

  const where = (e: PointerEvent) => {
    const box = (e.currentTarget as HTMLElement).getBoundingClientRect();
    const clamp = (v: number) => Math.min(1, Math.max(0, v));
    return { x: clamp((e.clientX - box.left) / box.width), y: clamp((e.clientY - box.top) / box.height) };
  };
  const patchAt = (e: PointerEvent) => {
    const { x, y } = where(e);
    return Math.min(rows - 1, Math.floor(y * rows)) * cols + Math.min(cols - 1, Math.floor(x * cols));
  };
  const key = (e: KeyboardEvent) => {
    const move = ({ ArrowLeft: -1, ArrowRight: 1, ArrowUp: -cols, ArrowDown: cols } as Record<string, number>)[e.key];
    if (!p.onPatch || move === undefined) return;
    e.preventDefault();
    const from = p.selected ?? 0, to = p.selected == null ? 0 : from + move;
    if (to < 0 || to >= cols * rows || (Math.abs(move) === 1 && Math.floor(to / cols) !== Math.floor(from / cols))) return;
    p.onPatch(to, true);
  };
  const box = (r: { x: number; y: number; width: number; height: number }) => ({ left: `${100 * r.x}%`, top: `${100 * r.y}%`, width: `${100 * r.width}%`, height: `${100 * r.height}%` });
  const region = drag && { x: Math.min(drag.x0, drag.x1), y: Math.min(drag.y0, drag.y1), width: Math.abs(drag.x1 - drag.x0), height: Math.abs(drag.y1 - drag.y0) };
  const interactive = !!p.onPatch;
  return (
    <div class={"patches" + (p.hiding ? " hiding" : "") + (p.heat ? " warm" : "")} style={{ aspectRatio: `${width} / ${height}`, "--wide": width / height }}
      {...(interactive ? { tabIndex: 0, role: "application", "aria-roledescription": "patch grid", "aria-label": `${p.alt}: ${cols} by ${rows} patches; the arrow keys choose one` } : {})}
      onKeyDown={key}
      onPointerDown={(e) => {
        if (!p.hiding) return;
        e.preventDefault();
        (e.currentTarget as HTMLElement).setPointerCapture(e.pointerId);
        const { x, y } = where(e);
        setDrag({ x0: x, y0: y, x1: x, y1: y });
      }}
      onPointerMove={(e) => {
        if (drag) {
          const { x, y } = where(e);
          setDrag({ ...drag, x1: x, y1: y });
        } else if (!p.hiding && e.pointerType === "mouse") p.onPatch?.(patchAt(e), false);
      }}
      onPointerUp={(e) => {
        if (!drag) return;
        setDrag(null);
        if (region && region.width * width >= 1 && region.height * height >= 1) {
          const x = Math.floor(region.x * width), y = Math.floor(region.y * height);
          p.onRegion?.(x, y, Math.min(width - x, Math.ceil(region.width * width)), Math.min(height - y, Math.ceil(region.height * height)));
        }
        e.preventDefault();
      }}
      onClick={(e) => { if (!p.hiding) p.onPatch?.(patchAt(e as unknown as PointerEvent), true); }}
      onPointerLeave={() => { if (!drag) p.onLeave?.(); }}>
      <img src={p.src} alt={p.alt} draggable={false} />
      {p.hidden && <div class="hidden-region" style={box({ x: p.hidden.x / width, y: p.hidden.y / height, width: p.hidden.width / width, height: p.hidden.height / height })} />}
      {p.heat && <canvas class={"heat" + (p.smooth ? " smooth" : "")} ref={canvas} width={cols} height={rows} />}
      {p.grid && <svg class="grid" viewBox={`0 0 ${cols} ${rows}`} preserveAspectRatio="none" aria-hidden="true">
        {Array.from({ length: cols - 1 }, (_, i) => <path key={"c" + i} d={`M${i + 1} 0V${rows}`} />)}
        {Array.from({ length: rows - 1 }, (_, i) => <path key={"r" + i} d={`M0 ${i + 1}H${cols}`} />)}
      </svg>}
      {p.labels && <div class="labels" style={{ gridTemplateColumns: `repeat(${cols}, 1fr)`, gridTemplateRows: `repeat(${rows}, 1fr)`, "--cols": cols }} aria-hidden="true">{p.labels.map((l, i) => <span key={i}>{l}</span>)}</div>}
      {p.selected != null && <div class="chosen-patch" style={box({ x: (p.selected % cols) / cols, y: Math.floor(p.selected / cols) / rows, width: 1 / cols, height: 1 / rows })} />}
      {region && <div class="region" style={box(region)} />}
    </div>
  );
}

/** Facts says what a picture costs. */
export function Facts({ sight }: { sight: Sight }) {
  const resized = sight.width !== sight.seen_width || sight.height !== sight.seen_height;
  const share = 100 * sight.context_share;
  return (
    <dl class="facts">
      <div><dt>picture</dt><dd>{sight.width} × {sight.height}</dd></div>
      <div><dt>{resized ? "resized to" : "seen as it is"}</dt><dd>{sight.seen_width} × {sight.seen_height}</dd></div>
      <div><dt>patches</dt><dd>{sight.cols} × {sight.rows} of {sight.patch} px</dd></div>
      <div><dt>tokens</dt><dd>{sight.tokens}</dd></div>
      <div><dt>of the context</dt><dd><span class="meter" aria-hidden="true"><i style={{ width: `${Math.min(100, Math.max(2, share))}%` }} /></span>{share < 10 ? share.toFixed(1) : Math.round(share)} %</dd></div>
    </dl>
  );
}
