// SPDX-License-Identifier: BSD-2-Clause
// zip.mjs neuroglancer|zarrita PACKAGES ARCHIVE: reads every entry of an archive as a viewer in the browser does, and
// prints "NAME SIZE CRC" of each, in the order of names. PACKAGES is the folder node_modules.
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { crc32 } from "node:zlib";

const [reader, packages, path] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(join(packages, file)));
const file = await open(path);
const length = (await file.stat()).size;

async function read(offset, size) {
  if (offset < 0 || offset + size > length) throw new Error(`${size} bytes at ${offset} are not in the file`);
  const bytes = new Uint8Array(size);
  await file.read(bytes, 0, size, offset);
  return bytes;
}

// As the key-value store "zip" of its zarr data source does; no progress is shown. The module is written for a bundler:
// Node would not let it import crc-32 as it does (for names in an extra field, which nothing here has).
async function neuroglancer() {
  const text = await readFile(join(packages, "neuroglancer/lib/kvstore/zip/metadata.js"), "utf8");
  const source = text.replace('{ buf as crc32buf } from "crc-32"', '{ crc32 as crc32buf } from "node:zlib"');
  const zip = await import("data:text/javascript;base64," + Buffer.from(source).toString("base64"));
  const { entries } = await zip.readZipMetadata(read, length, {});
  return entries.map((entry) => [
    entry.fileName,
    async () => read(await zip.readEntryDataHeader(read, entry, {}), entry.compressedSize),
  ]);
}

async function zarrita() {
  const { default: ZipFileStore } = await load("@zarrita/storage/dist/src/zip.js");
  const { unzip } = await load("unzipit/dist/unzipit.module.js");
  const from = { getLength: async () => length, read };
  const store = new ZipFileStore(from);
  return Object.keys((await unzip(from)).entries).map((name) => [name, () => store.get("/" + name)]);
}

const found = await { neuroglancer, zarrita }[reader]();
const lines = [];
for (const [name, data] of found) {
  const bytes = name.endsWith("/") ? new Uint8Array() : await data();
  lines.push(`${name} ${bytes.length} ${crc32(bytes)}\n`);
}
console.log(lines.sort().join("").trimEnd());
await file.close();
