// The chat: asking, pictures, branches, history, and who uses it how.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { example, launch, serve, visit } from "./help.mjs";

let server, browser, p, page;

before(async () => {
  [server, browser] = await Promise.all([serve(), launch()]);
  p = await visit(browser, server.base);
  page = p.page;
});

after(async () => {
  await browser?.close();
  server?.end();
});

// A file as a paste or a drop brings it.
const given = async (kind, target, name, type, file = example("red-circle.png")) => {
  const data = (await readFile(file)).toString("base64");
  await page.evaluate(([kind, target, name, type, data]) => {
    const files = new DataTransfer();
    files.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name, { type }));
    const event = kind === "paste" ? new ClipboardEvent("paste", { clipboardData: files, bubbles: true, cancelable: true }) : new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true });
    document.querySelector(target).dispatchEvent(event);
  }, [kind, target, name, type, data]);
};
const thumbs = (n) => page.waitForFunction((n) => document.querySelectorAll(".thumb").length === n, n);
const versions = (of) => page.locator(of + " .branches").last().textContent();

test("a picture is shown as the model will see it, and answered", async () => {
  await page.waitForSelector(".examples");
  await p.axe("the beginning");
  await p.attach(example("red-circle.png"));
  assert.match(await page.textContent(".preview .facts"), /8 × 6 of 16 px.*54/);
  assert.equal(await page.locator(".preview .grid path").count(), 7 + 5);
  await p.axe("a picture before it is sent");
  await p.send("What is this?");
  assert.match(await p.answer(), /\w/);
  await p.axe("the chat");
  await p.attach(example("bars.png"));
  await p.shot("chat.png");
});

test("an example is asked by a click", async () => {
  await page.click(".new");
  await page.locator(".examples button").nth(2).click();
  await p.answered();
  assert.equal(await page.locator(".question .shots img").count(), 1);
  assert.match(await p.answer(), /\w/);
});

test("pictures come by paste, drop and URL; other files are refused", async () => {
  await page.click(".new");
  await given("paste", "textarea", "pasted.png", "image/png");
  await thumbs(1);
  await given("drop", "main", "notes.txt", "text/plain");
  await page.waitForSelector('.toast:has-text("Only pictures")');
  await page.click('.attached button[aria-label^="Remove"]');
  await thumbs(0);
  await given("dragover", "main", "dropped.png", "image/png");
  await page.waitForSelector(".dropzone");
  await given("drop", "main", "dropped.png", "image/png");
  await thumbs(1);
  assert.equal(await page.locator(".dropzone").count(), 0);

  // The server fetches, if it may; this one may not.
  const byURL = async (url) => {
    await page.click('button[aria-label="Attach a picture by its URL"]');
    await page.fill('input[aria-label="Address of a picture"]', url);
    await page.keyboard.press("Enter");
  };
  const faults = p.faults.length;
  await byURL("https://example.com/cat.jpg");
  await page.waitForSelector('.toast:has-text("--allow-image-hosts")');
  p.faults.splice(faults); // the console's word on the refusal
  await page.click('.toast button[aria-label="Close"]');
  await byURL("data:image/png;base64," + (await readFile(example("bars.png"))).toString("base64"));
  await thumbs(2);
  const seen = await (await fetch(server.base + "/inspect/image", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ image: (await readFile(example("sign.png"))).toString("base64") }) })).json();
  await page.route("**/inspect/image", async (route) => (route.request().postData().includes("example.com") ? route.fulfill({ json: seen }) : route.continue()));
  await byURL("https://example.com/sign.png");
  await thumbs(3);
  await page.unroute("**/inspect/image");
});

test("several pictures go with one question", async () => {
  await page.click(".new");
  await p.attach(example("red-circle.png"), example("bars.png"), example("sign.png"));
  const tokens = (await page.locator(".thumb span").allTextContents()).map((t) => parseInt(t));
  assert.match(await page.textContent(".cost"), new RegExp(`^${tokens.reduce((a, b) => a + b)} tokens of pictures`));
  await page.locator('.thumbs button[aria-label^="Remove"]').last().click();
  await page.locator(".thumb").first().click();
  assert.match(await page.textContent(".preview .facts"), /8 × 6/);
  await p.send("What is this?");
  assert.equal(await page.locator(".question .shots img").count(), 2);
});

test("a stream is stopped halfway, here and in the server", async () => {
  await page.click(".new");
  // The embedded model's answers are short: it may not end this one.
  await page.route("**/v1/chat/completions", (route) => route.continue({ postData: JSON.stringify({ ...route.request().postDataJSON(), max_tokens: 6000, logit_bias: { 2: -100 } }) }));
  await page.fill("textarea", "What is this?");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector(".answer .prose")?.textContent.length > 60);
  await page.click('button[aria-label="Stop"]');
  await p.answered();
  assert.match(await page.locator(".numbers").last().textContent(), /stopped/);
  const text = await p.answer();
  assert.ok(text.length > 60);
  const running = async () => +/^pixtral_\w*running\w* (\d+)/m.exec(await (await fetch(server.base + "/metrics")).text())[1];
  for (const end = Date.now() + 10_000; await running(); ) assert.ok(Date.now() < end, "the server goes on");
  assert.equal(await p.answer(), text);

  await page.fill("textarea", "Again?");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => [...document.querySelectorAll(".answer .prose")].at(-1).textContent.length > 30);
  await page.keyboard.press("Escape");
  await p.answered();
  assert.match(await page.locator(".numbers").last().textContent(), /stopped/);
  await page.unroute("**/v1/chat/completions");
});

test("what fails is told, and asked again", async () => {
  const faults = p.faults.length;
  await page.route("**/v1/chat/completions", (route) => route.fulfill({ status: 429, json: { error: { message: "The queue is full.", code: "queue_full" } } }));
  await page.click(".new");
  await p.send("What is this?");
  assert.match(await page.textContent(".answer .error"), /queue is full/);
  p.faults.splice(faults); // the console's word on the refusal
  await page.unroute("**/v1/chat/completions");
  await page.click('button[aria-label="Answer again"]');
  await page.waitForFunction(() => document.querySelector(".answer .prose")?.textContent.length > 3);
  await p.answered();
});

test("edited questions and other answers are branches", async () => {
  await p.ask("What is this?", example("red-circle.png"));
  await page.click('button[aria-label="Answer again"]');
  await page.waitForSelector(".answer .branches");
  await p.answered();
  assert.match(await versions(".answer"), /2 \/ 2/);
  await page.click('.answer button[aria-label="The version before"]');
  assert.match(await versions(".answer"), /1 \/ 2/);
  await page.click('button[aria-label="Edit the question"]');
  assert.equal(await page.inputValue("textarea"), "What is this?");
  assert.equal(await page.locator(".thumb").count(), 1);
  await p.send("Describe the picture.");
  assert.match(await versions(".question"), /2 \/ 2/);
  await page.click('.question button[aria-label="The version before"]');
  assert.equal(await page.textContent(".bubble"), "What is this?");
  assert.match(await versions(".answer"), /1 \/ 2/); // as it was left
  await p.send("And what colour is it?"); // goes on from there
  assert.equal(await page.locator(".answer").count(), 2);
});

test("conversations are kept, renamed, exported, deleted and imported", async () => {
  const names = () => page.locator(".history .name").allTextContents();
  const had = await names();
  await page.locator(".history li").first().hover();
  await page.locator('.history button[aria-label^="Rename"]').first().click();
  await page.fill('.history input[aria-label="Title"]', "Circles");
  await page.keyboard.press("Enter");
  const one = await p.saved(() => page.click('button[aria-label="Save Circles as a file"]'));
  assert.equal(one.json.conversations.length, 1);
  assert.equal(one.json.pictures.length, 1);
  const all = await p.saved(() => page.click('.foot button:has-text("Export all")'));
  assert.equal(all.json.conversations.length, had.length);

  page.once("dialog", (d) => d.accept());
  await page.locator(".history li").first().hover();
  await page.click('button[aria-label="Delete Circles"]');
  await page.waitForFunction((n) => document.querySelectorAll(".history li").length === n, had.length - 1);
  await page.reload();
  await page.waitForFunction((n) => document.querySelectorAll(".history li").length === n, had.length - 1);
  assert.ok(!(await names()).includes("Circles"));

  await page.setInputFiles('.foot input[type="file"]', one.path);
  await page.waitForSelector('.history .name:text-is("Circles")');
  await page.click('.history .name:text-is("Circles")');
  await page.waitForFunction(() => document.querySelector(".question .shots img")?.naturalWidth > 0);
  assert.match(await versions(".question"), /1 \/ 2/);
  assert.equal(await page.locator(".answer").count(), 2);
  await page.setInputFiles('.foot input[type="file"]', { name: "other.json", mimeType: "application/json", buffer: Buffer.from('{"a": 1}') });
  await page.waitForSelector('.toast:has-text("holds no conversations")');
  await given("drop", "main", "conversations.json", "application/json", all.path);
  await page.waitForSelector(`.toast:has-text("${had.length} conversations imported")`);
  await page.click('.toast button[aria-label="Close"]');
});

test("markdown, code and mathematics are set; what is dangerous is not", async () => {
  const text = "# Heading\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```go\nfunc main() {}\n```\n\nEuler: $e^{i\\pi} = -1$ and \\[ x^2 \\]\n\n![a picture](https://example.com/x.png) <img src=x onerror=\"document.title='taken'\"> [link](https://example.com)";
  const chunk = (delta, finish_reason = null) => "data: " + JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] }) + "\n\n";
  await page.route("**/v1/chat/completions", (route) => route.fulfill({ contentType: "text/event-stream", body: chunk({ content: text.slice(0, 50) }) + chunk({ content: text.slice(50) }) + chunk({}, "stop") + "data: [DONE]\n\n" }));
  await page.click(".new");
  await p.send("Write.");
  await page.unroute("**/v1/chat/completions");
  const prose = page.locator(".answer .prose");
  assert.equal(await prose.locator("table td").count(), 2);
  assert.equal(await prose.locator("pre .hljs-keyword").count(), 1);
  assert.equal(await prose.locator(".katex").count(), 2);
  assert.equal(await prose.locator("img").count(), 0);
  assert.notEqual(await page.title(), "taken");
  await p.axe("an answer with everything");
});

test("dark and light", async () => {
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.click('.foot button:has-text("Dark")');
  const dark = await ground();
  assert.notEqual(light, dark);
  await p.axe("the chat in the dark");
  await p.shot("chat-dark.png");
  await page.reload();
  await page.waitForSelector('.foot button:has-text("Light")');
  assert.equal(await ground(), dark);
  await page.click('.foot button:has-text("Settings")');
  await p.axe("the settings in the dark");
  await page.selectOption("dialog select", "auto");
  await page.emulateMedia({ colorScheme: "light" });
  assert.equal(await ground(), light);
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { state: "detached" });
  await page.emulateMedia({ colorScheme: null });
});

test("with the keyboard alone", async () => {
  await page.click(".new");
  await page.reload();
  await page.waitForFunction(() => document.activeElement?.tagName === "TEXTAREA");
  await page.keyboard.type("What is this?");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("Say it.");
  assert.equal(await page.inputValue("textarea"), "What is this?\nSay it.");
  await page.keyboard.press("Enter");
  await p.answered();
  const focused = () => page.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.getAttribute("aria-label"));
  const seen = [];
  for (let n = 0; n < 80 && !seen.at(-1)?.includes("Look inside"); n++) {
    await page.keyboard.press("Shift+Tab");
    seen.push(await focused());
    const shown = await page.evaluate(() => { const a = document.activeElement; return a === document.body || a.matches("main") || getComputedStyle(a).outlineStyle !== "none" || a.matches("textarea"); });
    assert.ok(shown, `the focus on ${seen.at(-1)} is not seen`);
  }
  assert.match(seen.at(-1), /Look inside/);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".debugger");
  await page.keyboard.press("Escape");
  await page.waitForSelector(".debugger", { state: "detached" });
  await page.keyboard.press("Control+Shift+O");
  await page.waitForSelector(".welcome");
});

test("on a phone", async () => {
  const phone = await visit(browser, server.base, { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
  await phone.fits("the beginning");
  await phone.page.locator(".examples button").first().tap();
  await phone.answered();
  await phone.fits("the chat");
  await phone.axe("the chat on a phone");
  await phone.shot("phone-chat.png");
  await phone.page.tap('button[aria-label="Conversations"]');
  await phone.page.waitForFunction(() => document.querySelector(".sidebar").getBoundingClientRect().left === 0);
  await phone.shot("phone-menu.png");
  await phone.page.keyboard.press("Escape");
  await phone.page.waitForFunction(() => document.querySelector(".sidebar").getBoundingClientRect().right <= 0);
  await phone.page.tap(".inside");
  await phone.page.waitForSelector("canvas.heat");
  await phone.fits("the debugger");
  await phone.axe("the debugger on a phone");
  await phone.shot("phone-debugger.png");
  phone.fine();
});

test("an engine elsewhere answers too, and is not looked into", async () => {
  const relay = await serve("--endpoint", server.base);
  try {
    const far = await visit(browser, relay.base);
    const faults = far.faults.length;
    await far.page.setInputFiles('input[aria-label="Picture files"]', example("red-circle.png"));
    await far.page.waitForSelector('.thumb:has-text("red-circle.png")');
    await far.page.waitForTimeout(300);
    far.faults.splice(faults); // the console's word on what only our engine tells
    await far.send("What is this?");
    assert.match(await far.answer(), /\w/);
    await far.page.click(".inside");
    await far.page.waitForSelector('.toast:has-text("own engine")');
    far.fine();
  } finally {
    relay.end();
  }
});

test("nothing went wrong, and nobody else was asked", () => p.fine());
