// SPDX-License-Identifier: BSD-2-Clause
// read.mjs ROOT PATH...: reads arrays with zarrita.js from a directory and prints, as JSON, shape,
// type and SHA-256 (C order, little-endian) of each.
import { createHash } from "node:crypto";
import { FileSystemStore } from "@zarrita/storage";
import * as zarr from "zarrita";

const [root, ...paths] = process.argv.slice(2);
const location = zarr.root(new FileSystemStore(root));
const arrays = {};
for (const path of paths) {
  const array = await zarr.open(location.resolve(path), { kind: "array" });
  const { data, shape } = await zarr.get(array);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  arrays[path] = [shape, array.dtype, createHash("sha256").update(bytes).digest("hex")];
}
console.log(JSON.stringify(arrays));
