// Builds the page's parts into the Python package: node build.mjs [FOLDER]

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const to = process.argv[2] ?? join(here, "..", "src", "unbraid", "explorer", "assets");
const runtime = "ort-wasm-simd-threaded.wasm";
mkdirSync(to, { recursive: true });

const options = {
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  charset: "utf8",
  legalComments: "none", // THIRD_PARTY_LICENSES has them
  absWorkingDir: here,
  logLevel: "warning",
};
// the runtime looks for files beside itself, which the page has inside; in a frame, as in a notebook, looking would fail
const address = { "import.meta.url": '"about:blank"' };
// no module, since browsers load modules of a folder on disk not even to say why models cannot be loaded there
await build({ ...options, format: "iife", define: address, entryPoints: ["src/page/main.ts"], outfile: join(to, "app.js") });
await build({ ...options, entryPoints: ["src/lib/index.ts"], outfile: join(to, "unbraid.mjs") });
for (const name of ["page.html", "page.css"]) writeFileSync(join(to, name), readFileSync(join(here, "src", "page", name)));

// compressors differ between versions, so that a file whose content is right stays as it is
const wasm = readFileSync(join(here, "node_modules", "onnxruntime-web", "dist", runtime));
const sum = (bytes) => createHash("sha256").update(bytes).digest("hex");
const packed = join(to, `${runtime}.gz`);
const same = (() => {
  try {
    return sum(gunzipSync(readFileSync(packed))) === sum(wasm);
  } catch {
    return false;
  }
})();
if (!same) writeFileSync(packed, gzipSync(wasm, { level: 9 }));
