// Makes the module a package in npm's format, and with --check tries it as its users would: node package.mjs FOLDER [--check]
// Nothing is published.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const assets = join(here, "..", "src", "unbraid", "explorer", "assets");
const own = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const tsc = join(here, "node_modules", ".bin", "tsc");
const strict = ["--ignoreConfig", "--strict", "--target", "es2022", "--lib", "es2022,dom,dom.iterable"];

function make(folder) {
  const dist = join(folder, "dist");
  mkdirSync(dist, { recursive: true });
  const types = ["--declaration", "--emitDeclarationOnly", "--outDir", dist, "--module", "esnext", "--skipLibCheck"];
  execFileSync(tsc, [...strict, ...types, "--moduleResolution", "bundler", join(here, "src", "lib", "index.ts")], {
    stdio: "inherit",
  });
  for (const name of readdirSync(dist)) {
    const path = join(dist, name); // Node's way of finding modules wants their endings
    writeFileSync(path, readFileSync(path, "utf8").replaceAll(/from "(\.\/\w+)"/g, 'from "$1.js"'));
  }
  copyFileSync(join(assets, "unbraid.mjs"), join(dist, "index.js"));
  copyFileSync(join(assets, "ort-wasm-simd-threaded.wasm.gz"), join(dist, "runtime.wasm.gz"));
  copyFileSync(join(assets, "page.css"), join(dist, "style.css"));
  copyFileSync(join(assets, "THIRD_PARTY_LICENSES"), join(folder, "THIRD_PARTY_LICENSES"));
  copyFileSync(join(here, "..", "LICENSE"), join(folder, "LICENSE"));
  copyFileSync(join(here, "package", "README.md"), join(folder, "README.md"));
  const described = {
    name: own.name,
    version: own.version,
    description: "Decoders and encoders of variational autoencoders in the browser, with sliders for their latents",
    keywords: ["variational autoencoder", "onnx", "webassembly", "disentanglement"],
    license: "Apache-2.0 AND MIT",
    type: "module",
    sideEffects: false,
    files: ["dist", "THIRD_PARTY_LICENSES"],
    exports: {
      ".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
      "./runtime.wasm.gz": "./dist/runtime.wasm.gz",
      "./style.css": "./dist/style.css",
    },
    engines: { node: ">=20" },
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(described, null, 2)}\n`);
}

// A decoder of two latents: sigmoid(codes W) as images of 2 x 2, with W = [[1, -1, 0, 0], [0, 0, 1, -1]].
const DECODER =
  "CAg62QEKFQoFY29kZXMKAXcSAWEiBk1hdE11bAoPCgFhEgFiIgdTaWdtb2lkChcKAWIKAXMSBmltYWdlcyIHUmVzaGFwZRIBZCorCAIIBBABQgF3SiAAAIA/AACAvwAAAAAAAAAAAAAAAAAAAAAAAIA/AACAvyopCAQQB0IBc0og//////////8BAAAAAAAAAAIAAAAAAAAAAgAAAAAAAABaGAoFY29kZXMSDwoNCAESCQoDEgFuCgIIAmIhCgZpbWFnZXMSFwoVCAESEQoDEgFuCgIIAQoCCAIKAggCQgQKABAR";

const TYPES = `import { Decoder, type Images, type LatentRange, unsupported } from "unbraid-explorer";
const why: string | null = unsupported();
const images: Promise<Images> = Decoder.open(new Uint8Array()).then((decoder) => decoder.decode(new Float32Array(2), 2));
const range: LatentRange = { name: "z0", low: -3, high: 3 };
// @ts-expect-error a code is numbers
void Decoder.open(new Uint8Array()).then((decoder) => decoder.decode("0, 0", 2));
export { images, range, why };
`;

function check(folder) {
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--pack-destination", folder, folder], { encoding: "utf8" }),
  );
  const names = packed.files.map((file) => file.path);
  for (const name of [
    "LICENSE",
    "THIRD_PARTY_LICENSES",
    "README.md",
    "dist/index.js",
    "dist/index.d.ts",
    "dist/runtime.wasm.gz",
  ]) {
    if (!names.includes(name)) throw new Error(`the package lacks ${name}`);
  }
  const empty = join(folder, "user");
  mkdirSync(empty);
  writeFileSync(join(empty, "package.json"), '{"type": "module"}\n');
  const within = { cwd: empty, encoding: "utf8" };
  execFileSync("npm", ["install", "--offline", "--no-audit", "--no-fund", "--silent", join(folder, packed.filename)], within);
  writeFileSync(join(empty, "decoder.onnx"), Buffer.from(DECODER, "base64"));
  const [example] = /(?<=```js\n)[^]*?(?=```)/.exec(readFileSync(join(folder, "README.md"), "utf8"));
  writeFileSync(join(empty, "example.js"), example);
  const said = execFileSync(process.execPath, ["example.js"], within).replaceAll(/\s+/g, " ").trim();
  const expected = "2 [ 1, 2, 2 ] Float32Array(8) [ 0.5, 0.5, 0.5, 0.5, 1, 0, 0.5, 0.5 ]";
  if (said !== expected) throw new Error(`the README's example printed ${said}, not ${expected}`);
  writeFileSync(join(empty, "types.ts"), TYPES);
  execFileSync(tsc, [...strict, "--noEmit", "--module", "nodenext", "types.ts"], { ...within, stdio: "inherit" });
  console.log(
    `${packed.filename}: ${names.length} files, ${(packed.size / 2 ** 20).toFixed(1)} MB; installs, runs, and its types hold`,
  );
}

const folder = process.argv[2] && resolve(process.argv[2]);
if (!folder) throw new Error("say where: node package.mjs FOLDER [--check]");
make(folder);
if (process.argv.includes("--check")) check(folder);
