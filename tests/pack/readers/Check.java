// SPDX-License-Identifier: BSD-2-Clause
// Reads every entry of an archive with java.util.zip, by its directory and as a stream, and prints
// "NAME SIZE CRC" of each in the archive's order. Both ways must give the same.
import java.io.BufferedInputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.util.Enumeration;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;

class Check {
    static String read(ZipEntry entry, InputStream in) throws Exception {
        CRC32 crc = new CRC32();
        byte[] buffer = new byte[1 << 16];
        long size = 0;
        int got;
        while ((got = in.read(buffer)) > 0) {
            crc.update(buffer, 0, got);
            size += got;
        }
        return entry.getName() + " " + size + " " + crc.getValue() + "\n";
    }

    public static void main(String[] args) throws Exception {
        StringBuilder directory = new StringBuilder(), stream = new StringBuilder();
        try (ZipFile file = new ZipFile(args[0])) {
            for (Enumeration<? extends ZipEntry> e = file.entries(); e.hasMoreElements();) {
                ZipEntry entry = e.nextElement();
                String line = read(entry, file.getInputStream(entry));
                if (!entry.isDirectory() && !line.endsWith(" " + entry.getSize() + " " + entry.getCrc() + "\n"))
                    throw new Exception("size or CRC of " + entry.getName());
                directory.append(line);
            }
        }
        try (ZipInputStream in = new ZipInputStream(new BufferedInputStream(new FileInputStream(args[0])))) {
            for (ZipEntry entry; (entry = in.getNextEntry()) != null;)
                stream.append(read(entry, in));
        }
        if (!directory.toString().equals(stream.toString()))
            throw new Exception("the stream shows something else than the directory");
        System.out.write(directory.toString().getBytes("UTF-8"));
        System.out.flush();
    }
}
