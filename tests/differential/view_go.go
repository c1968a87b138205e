// SPDX-License-Identifier: BSD-2-Clause

// How Go's archive/zip sees each archive of a batch (see batch.h for the two formats).
package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strings"
)

const fileMax = 1 << 20

func showFile(f *zip.File) string {
	r, err := f.Open()
	if err != nil {
		return quote(err.Error())
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, fileMax+1))
	switch {
	case err != nil:
		return quote(err.Error())
	case len(data) > fileMax:
		return quote("large")
	}
	return fmt.Sprintf("[%d, %d]", len(data), crc32.ChecksumIEEE(data))
}

func quote(text string) string {
	out, _ := json.Marshal(text)
	return string(out)
}

func view(data []byte) string {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Sprintf("{\"refused\": %s}", quote(err.Error()))
	}
	var parts []string
	for _, f := range r.File {
		if !strings.HasSuffix(f.Name, "/") {
			parts = append(parts, fmt.Sprintf("\"%x\": %s", f.Name, showFile(f)))
		}
	}
	return "{\"files\": {" + strings.Join(parts, ", ") + "}}"
}

func main() {
	in := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for {
		var size uint32
		if binary.Read(in, binary.LittleEndian, &size) != nil {
			return
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(in, data); err != nil {
			return
		}
		fmt.Fprintln(out, view(data))
	}
}
