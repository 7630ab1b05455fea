// The debugger: what is shown is what the server's own numbers say.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { example, launch, serve, visit } from "./help.mjs";

let server, browser, p, page;
let meta; // of the inspection that was opened last

before(async () => {
  [server, browser] = await Promise.all([serve(), launch()]);
  p = await visit(browser, server.base);
  page = p.page;
  page.on("response", async (r) => { if (new URL(r.url()).pathname === "/inspect" && r.ok()) meta = await r.json(); });
});

after(async () => {
  await browser?.close();
  server?.end();
});

const get = async (path) => (await fetch(`${server.base}/inspect/${meta.id}/${path}`)).json();
const floats = (base64) => { const b = Buffer.from(base64, "base64"); return new Float32Array(b.buffer, b.byteOffset, b.length / 4); };
const word = (n) => page.locator(".said .word").nth(n);

// What the API says each patch gets of a position's attention, in the mean.
async function attention(position, image, layer) {
  const row = (await get(`attention?positions=${position}&heads=mean`)).rows[0], data = floats(row.data);
  const [layers, , keys] = row.shape, s = meta.images[image];
  return Array.from({ length: s.cols * s.rows }, (_, i) => {
    const at = s.first + Math.floor(i / s.cols) * (s.cols + 1) + (i % s.cols);
    const all = Array.from({ length: layers }, (_, l) => data[l * keys + at]);
    return layer === undefined ? all.reduce((a, b) => a + b) / layers : all[layer];
  });
}

// The order of the pixels must be that of the numbers: red + green grow with heat.
function follows(heat, numbers, what) {
  const top = Math.max(...numbers);
  assert.equal(heat.length, numbers.length, what);
  for (let i = 0; i < numbers.length; i++) for (let k = 0; k < numbers.length; k++) {
    if (numbers[i] - numbers[k] > 0.1 * top) assert.ok(heat[i] > heat[k], `${what}: patch ${i} has more attention than ${k} and less heat`);
  }
}

for (const [name, question] of [["red-circle.png", "What is this?"], ["square-and-star.png", "Describe the picture."], ["bars.png", "Which bar is tallest?"]]) {
  test(`hovering a word heats ${name} as the API says, true to its shape`, async () => {
    await p.ask(question, example(name));
    await p.inside();
    const n = Math.min(1, (await page.locator(".said .word").count()) - 1);
    await page.mouse.move(2, 2);
    await word(n).hover();
    const position = +(await word(n).getAttribute("data-position"));
    await page.waitForFunction((text) => document.querySelector(".caption q")?.textContent.includes(text), (await word(n).textContent()).trim());
    await page.waitForTimeout(100); // the canvas is drawn behind the text
    const { cols, rows, heat } = await p.heat();
    assert.deepEqual([cols, rows], [meta.images[0].cols, meta.images[0].rows]);
    follows(heat, await attention(position - 1, 0), name);
    const shape = await page.$eval(".frame .patches > img", (i) => i.naturalWidth / i.naturalHeight);
    const over = await page.locator("canvas.heat").boundingBox(), under = await page.locator(".frame .patches > img").boundingBox();
    for (const side of ["x", "y", "width", "height"]) assert.ok(Math.abs(over[side] - under[side]) < 1, `${name}: the heat lies beside the picture`);
    assert.ok(Math.abs(over.width / over.height - shape) < 0.02 * shape, `${name}: heat of ${over.width} by ${over.height}`);
    if (name === "red-circle.png") {
      // What is red in the picture is where "red" comes from: the circle reaches from 28, 20 to 89, 81.
      assert.equal((await word(n).textContent()).trim(), "red");
      const best = heat.indexOf(Math.max(...heat)), x = 16 * (best % cols), y = 16 * Math.floor(best / cols);
      assert.ok(x < 89 && x + 16 > 28 && y < 81 && y + 16 > 20, "the brightest patch is off the circle");
      await page.waitForSelector(".bars button");
      await p.axe("the debugger");
      await p.shot("debugger.png");
    }
    await p.leave();
  });
}

test("layers, heads and rollout change the heat", async () => {
  await p.ask("What is this?", example("red-circle.png"));
  await p.inside();
  await word(1).click();
  const position = +(await word(1).getAttribute("data-position"));
  await page.mouse.move(2, 2);
  const all = await p.heat();
  const slider = page.locator(".slider input");
  await slider.first().focus();
  await page.keyboard.press("ArrowRight");
  follows((await p.changes(all)).heat, await attention(position - 1, 0, 0), "layer 1");
  const first = await p.heat();
  await page.locator(".bars button").last().click();
  await p.changes(first);
  assert.equal(await slider.first().inputValue(), String(meta.model.layers));
  const last = await p.heat();
  await slider.last().fill("2");
  const head = await p.changes(last);
  assert.equal(await page.locator('.segments button[aria-pressed="true"]').first().textContent(), "one head");
  await page.click('.segments button:has-text("max")');
  const max = await p.changes(head);
  await page.click('.segments button:has-text("rollout")');
  const rolled = await p.changes(max);
  await page.click('.segments button:has-text("mean")');
  const mean = await p.changes(rolled);
  await page.click('.segments button:has-text("having read it")');
  await p.changes(mean);
  await page.click('.segments button:has-text("while choosing it")');
  await slider.first().fill("0");
});

test("a patch shows the words that used it; the arrow keys choose others", async () => {
  const b = await page.locator(".frame .patches").boundingBox();
  await page.mouse.click(b.x + b.width / 16, b.y + b.height / 12);
  await page.waitForFunction(() => document.querySelector(".caption")?.textContent.startsWith("Patch at row 1, column 1"));
  await page.waitForFunction(() => [...document.querySelectorAll(".said .word")].some((w) => +w.style.getPropertyValue("--w") === 1));
  await page.focus(".frame .patches");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.querySelector(".caption")?.textContent.startsWith("Patch at row 2, column 2"));
  await p.axe("a patch");
  await page.click('.link:has-text("Back to words")');
  await page.click('.tools button:has-text("Words on patches")');
  await page.waitForSelector(".labels span");
  assert.equal(await page.locator(".labels span").count(), 48);
  await page.click('.tools button:has-text("Words on patches")');
});

test("the logit lens and the kernels", async () => {
  await page.click("#tab-lens");
  await page.waitForSelector(".lens tbody tr");
  assert.equal(await page.locator(".lens tbody tr").count(), meta.model.layers + 1);
  const chosen = meta.answer.find((a) => a.top.length)?.text;
  await word(0).click();
  await page.waitForFunction((t) => document.querySelector(".lens tbody tr td")?.textContent.replace("·", "").includes(t), chosen.trim());
  await p.axe("the lens");
  await page.click("#tab-kernels");
  await page.waitForSelector(".kernels tbody tr");
  assert.ok((await page.locator(".timeline g").count()) > 20);
  await p.axe("the kernels");
  await p.shot("kernels.png");
  await page.click("#tab-layers");
});

test("a hidden circle makes the answer less likely", async () => {
  await page.click('.tools button:has-text("Hide a region")');
  const b = await page.locator(".frame .patches").boundingBox();
  await page.mouse.move(b.x + b.width * 0.2, b.y + b.height * 0.18);
  await page.mouse.down();
  await page.mouse.move(b.x + b.width * 0.72, b.y + b.height * 0.88, { steps: 4 });
  await page.mouse.up();
  await page.waitForSelector(".verdict");
  assert.match(await page.textContent(".verdict"), /less likely/);
  await p.axe("what if");
  await p.shot("hidden.png");
  await page.click('.tools button:has-text("Hide a region")');
});

test("an inspection is saved, and opened without a model", async () => {
  await word(1).click();
  await page.mouse.move(2, 2);
  await page.waitForTimeout(200);
  const before = await p.heat();
  const file = await p.saved(() => page.click('.debugger .quiet:has-text("Save")'));
  assert.equal(file.json.format, "pixtral-wgpu inspection");
  await p.leave();
  await page.setInputFiles('.foot input[type="file"]', file.path);
  await page.waitForSelector('.debugger h1:has-text("saved file")');
  await page.waitForSelector("canvas.heat");
  let asked = 0;
  page.on("request", (r) => { if (new URL(r.url()).pathname.startsWith("/inspect")) asked++; });
  await word(1).click();
  await page.mouse.move(2, 2);
  await page.waitForTimeout(200);
  assert.deepEqual((await p.heat()).heat, before.heat);
  await page.click("#tab-lens");
  await page.waitForSelector(".lens tbody tr");
  await page.click("#tab-layers");
  await page.waitForSelector(".bars button");
  assert.ok(await page.locator('.tools button:has-text("Hide a region")').isDisabled());
  assert.equal(asked, 0, "a saved inspection asked the server");
  await p.leave();
});

test("one token at a time, and another way", async () => {
  await page.click('.foot button:has-text("Settings")');
  await page.fill('dialog input[type="number"]', "2");
  await page.keyboard.press("Tab");
  await page.click("dialog .primary");
  await p.ask("What is this?", example("red-circle.png"));
  assert.match(await page.locator(".numbers").last().textContent(), /cut at its longest/);
  await p.inside();
  const count = () => page.locator(".said .word").count();
  const had = await count();
  await page.click('.next:has-text("next token")');
  await page.waitForFunction((n) => document.querySelectorAll(".said .word").length > n, had);
  assert.equal(await page.locator(".said .word.on").count(), 1); // the new one
  await word(0).click();
  const text = await page.textContent(".said");
  await page.locator(".candidates button:enabled:not(.more)").first().click();
  await page.waitForFunction((t) => document.querySelector(".said").textContent !== t, text);
  await page.waitForSelector("canvas.heat");
});

test("an inspection that the server has put away is opened again", async () => {
  const faults = p.faults.length;
  await fetch(`${server.base}/inspect/${meta.id}`, { method: "DELETE" });
  const now = await p.heat();
  await page.click('.segments button:has-text("rollout")');
  await p.changes(now);
  p.faults.splice(faults); // the console's word on the 404
  assert.equal(await page.locator(".debugger .error").count(), 0);
  await page.click('.segments button:has-text("mean")');
});

test("in the dark, and narrow", async () => {
  await p.leave();
  await page.click('.foot button:has-text("Dark")');
  await p.inside();
  await page.waitForSelector(".bars button");
  await p.axe("the debugger in the dark");
  await p.shot("debugger-dark.png");
  await page.setViewportSize({ width: 820, height: 1100 });
  await p.fits("the narrow debugger");
  await p.shot("debugger-narrow.png");
});

test("nothing went wrong, and nobody else was asked", () => p.fine());
