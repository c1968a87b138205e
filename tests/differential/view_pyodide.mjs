// SPDX-License-Identifier: BSD-2-Clause

// view_python.py, run by the CPython that npm's package `pyodide` brings (WebAssembly): the newest one that comes
// from a registry the suite uses anyway. Arguments: the package's folder. With --version: Python's version.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { fileURLToPath, pathToFileURL } from "node:url";

const folder = process.argv[2];
const { loadPyodide } = await import(pathToFileURL(join(folder, "pyodide.mjs")));
const python = await loadPyodide({ indexURL: folder });

if (process.argv[3] === "--version") {
  console.log(python.runPython("import platform; platform.python_version()"));
} else {
  const here = dirname(fileURLToPath(import.meta.url));
  python.FS.writeFile("/view_python.py", readFileSync(join(here, "view_python.py")));
  python.FS.writeFile("/batch", await buffer(process.stdin));
  python.runPython(`
import sys
sys.path.insert(0, "/")
import view_python
with open("/batch", "rb") as stream, open("/answer", "w") as out:
    view_python.main(stream, out)`);
  await new Promise((written) => process.stdout.write(python.FS.readFile("/answer"), written));
}
process.exit(0);
