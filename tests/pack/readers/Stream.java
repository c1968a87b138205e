// SPDX-License-Identifier: BSD-2-Clause
// Prints the names that a reader of streams meets: java Stream.java FILE
import java.io.FileInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

public class Stream {
    public static void main(String[] args) throws Exception {
        try (ZipInputStream in = new ZipInputStream(new FileInputStream(args[0]))) {
            for (ZipEntry entry; (entry = in.getNextEntry()) != null; in.readAllBytes())
                System.out.println(entry.getName());
        }
    }
}
