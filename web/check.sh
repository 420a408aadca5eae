#!/usr/bin/env bash
# Whether what the Python package holds of the browser page is what its sources here make: types and layout, then every built
# file; and whether the module installs and runs as a package of npm's.
set -euo pipefail
cd "$(dirname "$0")"
built=../src/unbraid/explorer/assets
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

npm ci --no-audit --no-fund --ignore-scripts --loglevel error
npm run --silent check
node build.mjs "$scratch"
for file in app.js unbraid.mjs page.html page.css; do
  cmp "$scratch/$file" "$built/$file" ||
    { echo "$file is not what the sources make; run: cd web && npm run build" >&2; exit 1; }
done
# compressors differ between versions, so the content is compared
content() { gzip --decompress --stdout "$1/ort-wasm-simd-threaded.wasm.gz" | sha256sum; }
[ "$(content "$scratch")" = "$(content "$built")" ] ||
  { echo "the runtime is not that of package-lock.json; run: cd web && npm run build" >&2; exit 1; }
version=$(node --print 'require("./node_modules/onnxruntime-web/package.json").version')
grep --quiet "onnxruntime-web $version" "$built/THIRD_PARTY_LICENSES" ||
  { echo "THIRD_PARTY_LICENSES is not of onnxruntime-web $version" >&2; exit 1; }

node package.mjs "$scratch/npm" --check
