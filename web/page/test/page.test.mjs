// The page in a real browser against the embedded model: node --test test, with
// bin/pixtral-wgpu built and Debian's chromium (CHROMIUM to name another).
// SHOTS=directory writes the README's screenshots there.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const top = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const examples = join(top, "model/pocket/examples");
let server, base, browser, page;
const faults = []; // on the console, and requests to any other host

before(async () => {
  server = spawn(process.env.PIXTRAL_WGPU ?? join(top, "bin/pixtral-wgpu"), ["serve", "--port", "0", "--log", "off"]);
  base = await new Promise((resolve, reject) => {
    let said = "";
    server.stderr.on("data", (d) => {
      said += d;
      const at = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
      if (at) resolve(at[0]);
    });
    server.on("exit", () => reject(new Error("the server ended: " + said)));
  });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.on("console", (m) => { if (["error", "warning"].includes(m.type()) && !m.text().startsWith("Canvas2D: Multiple readback")) faults.push(m.text()); });
  page.on("pageerror", (e) => faults.push(String(e)));
  page.on("request", (r) => { if (!r.url().startsWith(base) && !/^(data|blob):/.test(r.url())) faults.push("a request to " + r.url()); });
  await page.goto(base);
});

after(async () => {
  await browser?.close();
  server?.kill();
});

async function shot(name) {
  if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, name) });
}

async function ask(image, question) {
  await page.click(".new");
  await page.setInputFiles('input[aria-label="Picture files"]', image);
  await page.waitForSelector(".preview .facts");
  await page.fill("textarea", question);
  await page.click('button[aria-label="Send"]');
  await page.waitForSelector(".answer .inside");
}

// Where the heat is: the brightness of each patch of the overlay, as drawn.
const heat = () => page.$eval("canvas.heat", (c) => {
  const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
  return { cols: c.width, rows: c.height, heat: Array.from({ length: c.width * c.height }, (_, i) => d[4 * i] + d[4 * i + 1]) };
});

async function axe(where) {
  await page.evaluate(await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
  const found = await page.evaluate(async () => (await globalThis.axe.run()).violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join(", ")}`));
  assert.deepEqual(found, [], where);
}

test("a picture is shown as the model will see it, and answered", async () => {
  await page.waitForSelector(".examples");
  await axe("the beginning");
  await page.setInputFiles('input[aria-label="Picture files"]', join(examples, "red-circle.png"));
  await page.waitForSelector(".preview .facts");
  assert.match(await page.textContent(".preview .facts"), /8 × 6 of 16 px.*54/);
  assert.equal(await page.locator(".preview .grid path").count(), 7 + 5);
  await page.fill("textarea", "What is this?");
  await page.click('button[aria-label="Send"]');
  await page.waitForSelector(".answer .inside");
  assert.match(await page.textContent(".answer .prose"), /red circle/);
  await axe("the chat");
  await shot("chat.png");
});

test("the heat of red lies on the red circle", async () => {
  await page.click(".inside");
  await page.waitForSelector("canvas.heat");
  await page.hover('.said .word:text-is("red")');
  await page.waitForFunction(() => document.querySelector(".caption")?.textContent.includes("red"));
  const { cols, heat: h } = await heat();
  const on = (i) => { const x = 16 * (i % cols), y = 16 * Math.floor(i / cols); return x < 89 && x + 16 > 28 && y < 81 && y + 16 > 20; };
  assert.ok(on(h.indexOf(Math.max(...h))), "the brightest patch is off the circle");
  await page.waitForSelector(".bars button");
  await axe("the debugger");
  await shot("debugger.png");
});

test("the layer slider changes the heat; lens, patch and step", async () => {
  await page.click('.said .word:text-is("red")');
  const all = (await heat()).heat.join();
  await page.locator(".slider input").first().fill("1");
  await page.waitForFunction((old) => { const c = document.querySelector("canvas.heat"), d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data; return Array.from({ length: c.width * c.height }, (_, i) => d[4 * i] + d[4 * i + 1]).join() !== old; }, all);
  await page.locator(".slider input").first().fill("0");
  await page.click("#tab-lens");
  await page.waitForSelector(".lens tbody tr");
  assert.match(await page.locator(".lens tbody tr").first().textContent(), /red/);
  await page.locator(".frame .patches").click({ position: { x: 150, y: 150 } });
  await page.waitForSelector(".chosen-patch");
  await page.waitForFunction(() => document.querySelector(".caption")?.textContent.includes("image encoder"));
  await page.click(".hint .link");
});

test("a hidden circle is not answered", async () => {
  await page.click('.tools button:has-text("Hide a region")');
  const b = await page.locator(".frame .patches").boundingBox();
  await page.mouse.move(b.x + b.width * 0.2, b.y + b.height * 0.18);
  await page.mouse.down();
  await page.mouse.move(b.x + b.width * 0.72, b.y + b.height * 0.88, { steps: 4 });
  await page.mouse.up();
  await page.waitForSelector(".verdict");
  assert.match(await page.textContent(".verdict"), /less likely/);
  await page.click(".debugger .quiet >> nth=0");
});

test("heat keeps to the grid of other aspect ratios", async () => {
  for (const [name, question] of [["square-and-star.png", "Describe the picture."], ["bars.png", "Which bar is tallest?"]]) {
    await ask(join(examples, name), question);
    await page.click(".inside");
    await page.waitForSelector("canvas.heat");
    const { cols, rows, heat: h } = await heat();
    const box = await page.locator("canvas.heat").boundingBox();
    const size = await page.$eval(".frame .patches > img", (i) => i.naturalWidth / i.naturalHeight);
    assert.ok(Math.abs(box.width / box.height - size) < 0.02 * size, `${name}: heat of ${box.width} by ${box.height}`);
    assert.ok(Math.abs(cols / rows - size) < 0.15 * size && Math.max(...h) > Math.min(...h), name);
    await page.click(".debugger .quiet >> nth=0");
  }
});

test("an answer can be stopped", async () => {
  let open;
  await page.route("**/v1/chat/completions", async (route) => { await new Promise((r) => { open = r; }); await route.abort().catch(() => {}); });
  await page.fill("textarea", "And now?");
  await page.click('button[aria-label="Send"]');
  await page.click('button[aria-label="Stop"]');
  await page.waitForFunction(() => [...document.querySelectorAll(".numbers")].at(-1)?.textContent.includes("stopped"));
  open?.();
  await page.unroute("**/v1/chat/completions");
});

test("conversations outlive a reload, and nothing went wrong", async () => {
  await page.reload();
  await page.waitForSelector(".history li");
  assert.equal(await page.locator(".history li").count(), 3);
  await page.setViewportSize({ width: 390, height: 800 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 390), "the phone's page is wider than the phone");
  assert.deepEqual(faults, []);
});
