// Bundles src into dist. "node build.mjs --check" builds elsewhere and compares:
// dist is committed, and must be what the sources make.
import { build } from "esbuild";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const check = process.argv.includes("--check");
const out = check ? await mkdtemp(join(tmpdir(), "page-")) : join(here, "dist");
if (!check) await rm(out, { recursive: true, force: true });

await build({
  absWorkingDir: here,
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
