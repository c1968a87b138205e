// SPDX-License-Identifier: BSD-2-Clause

// How Java's java.util.zip.ZipFile (argument: ZipFile), which `jar` and the class loader use, or its zip file system
// (zipfs), a reader of its own, sees each archive of a batch (see batch.h for the two formats).
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

public class ViewZip {
    private static final int FILE_MAX = 1 << 20;

    private interface Opener {
        InputStream open() throws IOException;
    }

    private static String quote(Object text) {
        return "\"" + String.valueOf(text).replaceAll("[^ !#-\\[\\]-~]", "_") + "\"";
    }

    private static String show(String name, Opener opener) {
        StringBuilder out = new StringBuilder("\"");
        for (byte b : name.getBytes(StandardCharsets.UTF_8)) out.append(String.format("%02x", b));
        out.append("\": ");
        try (InputStream in = opener.open()) {
            byte[] data = in.readNBytes(FILE_MAX + 1);
            CRC32 crc = new CRC32();
            crc.update(data);
            out.append(data.length > FILE_MAX ? "\"large\"" : "[" + data.length + ", " + crc.getValue() + "]");
        } catch (Exception error) {
            out.append(quote(error));
        }
        return out.toString();
    }

    private static List<String> zipFile(Path path) throws IOException {
        List<String> out = new ArrayList<>();
        try (ZipFile zip = new ZipFile(path.toFile())) {
            for (ZipEntry entry : listed(zip))
                if (!entry.isDirectory()) out.add(show(entry.getName(), () -> zip.getInputStream(entry)));
        }
        return out;
    }

    private static List<ZipEntry> listed(ZipFile zip) {
        List<ZipEntry> entries = new ArrayList<>();
        zip.entries().asIterator().forEachRemaining(entries::add);
        return entries;
    }

    private static List<String> zipfs(Path path) throws IOException {
        List<String> out = new ArrayList<>();
        try (FileSystem zip = FileSystems.newFileSystem(path, Map.of());
             Stream<Path> all = Files.walk(zip.getPath("/"))) {
            for (Path file : (Iterable<Path>) all::iterator)
                if (!Files.isDirectory(file)) out.add(show(file.toString().substring(1), () -> Files.newInputStream(file)));
        }
        return out;
    }

    public static void main(String[] arguments) throws IOException {
        DataInputStream in = new DataInputStream(System.in);
        PrintStream out = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false);
        Path path = Files.createTempFile("view", ".zip");
        for (byte[] head; (head = in.readNBytes(4)).length == 4;) {
            int size = head[0] & 0xFF | (head[1] & 0xFF) << 8 | (head[2] & 0xFF) << 16 | (head[3] & 0xFF) << 24;
            Files.write(path, in.readNBytes(size));
            try {
                List<String> files = arguments[0].equals("zipfs") ? zipfs(path) : zipFile(path);
                out.print("{\"files\": {" + String.join(", ", files) + "}}\n");
            } catch (Exception error) {
                out.print("{\"refused\": " + quote(error) + "}\n");
            }
        }
        out.flush();
        Files.delete(path);
    }
}
