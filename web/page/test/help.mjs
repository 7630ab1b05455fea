// A real browser on a real server with the embedded model: bin/pixtral-wgpu
// built, and Debian's chromium (CHROMIUM to name another). SHOTS=directory
// writes the README's screenshots there.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const top = join(dirname(fileURLToPath(import.meta.url)), "../../..");
export const example = (name) => join(top, "model/pocket/examples", name);

/** serve starts a server on a free port and returns its address and its end. */
export async function serve(...flags) {
  const server = spawn(process.env.PIXTRAL_WGPU ?? join(top, "bin/pixtral-wgpu"), ["serve", "--port", "0", "--log", "off", ...flags]);
  const base = await new Promise((resolve, reject) => {
    let said = "";
    server.stderr.on("data", (d) => {
      said += d;
      const at = /page +(http:\/\/127\.0\.0\.1:\d+)/.exec(said);
      if (at) resolve(at[1]);
    });
    server.on("exit", () => reject(new Error("the server ended: " + said)));
  });
  return { base, end: () => server.kill() };
}

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });

/** visit opens the page in a browser that knows nothing, with what tests do on it. */
export async function visit(browser, base, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000); // software rendering and a software GPU share the processor
  const faults = []; // on the console, and requests to any other host
  page.on("console", (m) => { if (["error", "warning"].includes(m.type()) && !m.text().startsWith("Canvas2D: Multiple readback")) faults.push(m.text()); });
  page.on("pageerror", (e) => faults.push(String(e)));
  page.on("request", (r) => { if (!r.url().startsWith(base) && !/^(data|blob):/.test(r.url())) faults.push("a request to " + r.url()); });
  await page.goto(base);
  await page.waitForFunction(() => document.querySelector(".bar .model")?.textContent);

  const p = {
    page, faults, base,
    shot: async (name) => { if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, name) }); },
    attach: async (...files) => {
      const had = await page.locator(".thumb").count();
      await page.setInputFiles('input[aria-label="Picture files"]', files);
      await page.waitForFunction((n) => [...document.querySelectorAll(".thumb span")].filter((s) => /tokens$/.test(s.textContent)).length === n, had + files.length);
    },
    send: async (text) => {
      const had = await page.locator(".answer").count();
      await page.fill("textarea", text);
      await page.click('button[aria-label="Send"]');
      await page.waitForFunction((n) => document.querySelectorAll(".answer").length >= n, Math.max(1, had));
      await p.answered();
    },
    /** answered waits until nothing is being answered. */
    answered: async () => {
      await page.waitForSelector('button[aria-label="Send"]');
      await page.waitForSelector(".answer:last-of-type .inside");
    },
    answer: () => page.locator(".answer .prose").last().textContent(),
    ask: async (text, ...files) => {
      await page.click(".new");
      await p.attach(...files);
      await p.send(text);
    },
    inside: async () => {
      await page.locator(".inside").last().click();
      await page.waitForSelector("canvas.heat");
    },
    leave: () => page.click(".debugger .bar .quiet >> nth=0"),
    // Where the heat is: red and green of each patch of the overlay, as drawn;
    // null while it is not known.
    heat: () => page.evaluate(() => {
      const c = document.querySelector("canvas.heat");
      if (!c) return null;
      const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
      return { cols: c.width, rows: c.height, heat: Array.from({ length: c.width * c.height }, (_, i) => d[4 * i] + d[4 * i + 1]) };
    }),
    /** changes waits until the heat is another than a given one. */
    changes: async (old) => {
      for (const end = Date.now() + 60_000; Date.now() < end; await page.waitForTimeout(50)) {
        const now = await p.heat();
        if (now && now.heat.join() !== old.heat.join()) return now;
      }
      assert.fail("the heat stayed as it was");
    },
    axe: async (where) => {
      await page.evaluate(await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
      const found = await page.evaluate(async () => (await globalThis.axe.run()).violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join(", ")}`));
      assert.deepEqual(found, [], where);
    },
    /** fits checks that nothing is wider than the screen. */
    fits: async (where) => {
      const { wide, screen } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth, screen: innerWidth }));
      assert.ok(wide <= screen, `${where} is ${wide} wide on a screen of ${screen}`);
    },
    /** saved returns the JSON of what a click lets one download. */
    saved: async (click) => {
      const coming = page.waitForEvent("download");
      await click();
      const path = await (await coming).path();
      return { path, json: JSON.parse(await readFile(path, "utf8")) };
    },
    fine: () => assert.deepEqual(faults, []),
  };
  return p;
}
