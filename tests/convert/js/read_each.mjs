// SPDX-License-Identifier: BSD-2-Clause
// read_each.mjs ROOT PATH...: as interop's read.mjs, but an array that cannot be read is a text, which says why.
import { createHash } from "node:crypto";
import { FileSystemStore } from "@zarrita/storage";
import * as zarr from "zarrita";

const [root, ...paths] = process.argv.slice(2);
const location = zarr.root(new FileSystemStore(root));
const arrays = {};
for (const path of paths) {
  try {
    const array = await zarr.open(location.resolve(path), { kind: "array" });
    const { data, shape, stride } = await zarr.get(array);
    if (!ArrayBuffer.isView(data)) throw new Error("not numbers");
    // In whatever order it is, and then in C's.
    const plain = new data.constructor(data.length);
    const index = shape.map(() => 0);
    for (let i = 0; i < data.length; i++) {
      plain[i] = data[index.reduce((sum, n, axis) => sum + n * stride[axis], 0)];
      for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
    }
    const bytes = new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength);
    arrays[path] = [shape, array.dtype, createHash("sha256").update(bytes).digest("hex")];
  } catch (error) {
    arrays[path] = String(error);
  }
}
console.log(JSON.stringify(arrays));
