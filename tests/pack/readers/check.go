// SPDX-License-Identifier: BSD-2-Clause
// Reads every entry of an archive with Go's archive/zip (which checks CRCs) and prints
// "NAME SIZE CRC" of each in the archive's order.
package main

import (
	"archive/zip"
	"bufio"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

func main() {
	file, err := zip.OpenReader(os.Args[1])
	if err != nil {
		panic(err)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, entry := range file.File {
		in, err := entry.Open()
		if err != nil {
			panic(err)
		}
		sum := crc32.NewIEEE()
		size, err := io.Copy(sum, in)
		if err != nil {
			panic(err)
		}
		if mode := entry.Mode(); mode.IsDir() && mode.Perm() != 0o755 || !mode.IsDir() && mode != 0o644 {
			panic(fmt.Sprint("mode of ", entry.Name, ": ", mode))
		}
		fmt.Fprintln(out, entry.Name, size, sum.Sum32())
	}
}
