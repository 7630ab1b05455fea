// Bundles src into dist. "node build.mjs --check" builds elsewhere and compares:
// dist is committed, and must be what the sources make.
import { build } from "esbuild";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const check = process.argv.includes("--check");
const out = check ? await mkdtemp(join(tmpdir(), "page-")) : join(here, "dist");
if (!check) await rm(out, { recursive: true, force: true });

const { metafile } = await build({
  absWorkingDir: here,
  metafile: true,
  entryPoints: [{ in: "src/main.tsx", out: "app" }],
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "eof",
  loader: { ".woff2": "file", ".woff": "empty", ".ttf": "empty" },
  assetNames: "fonts/[name]",
  logLevel: "warning",
});
await writeFile(join(out, "licences.txt"), await licences(Object.keys(metafile.inputs)));
await cp(join(here, "src/index.html"), join(out, "index.html"));
await cp(join(here, "src/icon.svg"), join(out, "icon.svg"));
const examples = join(here, "../../model/pocket/examples");
for (const name of await readdir(examples)) await cp(join(examples, name), join(out, "examples", name));

if (check) {
  const differ = await differences(join(here, "dist"), out);
  await rm(out, { recursive: true, force: true });
  if (differ.length) {
    console.error("web/page/dist is not what the sources make; run \"make page\" and commit it:\n  " + differ.join("\n  "));
    process.exit(1);
  }
  console.log("web/page/dist is what the sources make");
}

// licences returns the licences of the packages that the inputs are of.
async function licences(inputs) {
  const names = new Set(inputs.map((i) => i.match(/^.*node_modules\/((@[^/]+\/)?[^/]+)\//)?.[0]).filter(Boolean));
  const texts = [];
  for (const dir of [...names].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(here, dir, "package.json"), "utf8"));
    const files = (await readdir(join(here, dir))).filter((f) => /^licen[cs]e/i.test(f));
    if (!files.length) throw new Error(`${name} has no licence`);
    for (const file of files) texts.push(`${name} ${version}, ${license}\n\n${(await readFile(join(here, dir, file), "utf8")).trim()}\n`);
  }
  return texts.join(`\n${"-".repeat(78)}\n`);
}

// differences lists the files that two directories do not share byte for byte.
async function differences(a, b) {
  const list = async (d) => (await readdir(d, { recursive: true, withFileTypes: true })).filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name).slice(d.length + 1));
  const names = new Set([...(await list(a)), ...(await list(b))]);
  const found = [];
  for (const name of [...names].sort()) {
    const [x, y] = await Promise.all([a, b].map((d) => readFile(join(d, name)).catch(() => null)));
    if (!x || !y || !x.equals(y)) found.push(name);
  }
  return found;
}
