/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A main for compilers without libFuzzer: runs a target over files and the files of folders, once
 * each. Used by `meson test` to replay the seeds and every input that once crashed.
 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define INPUT_MAX (1 << 22) /* larger archives have tests of their own */

static unsigned replayed;

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_MAX);
    size_t size;

    FUZZ_CHECK(file && data);
    size = fread(data, 1, INPUT_MAX, file);
    if (size < INPUT_MAX) {
        uint8_t *exact = malloc(size ? size : 1); /* so that a sanitizer sees one byte too far */
        FUZZ_CHECK(exact);
        memcpy(exact, data, size);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
        replayed++;
    }
    free(data);
    fclose(file);
}

static void replay(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;

    if (!folder) {
        replay_file(path);
        return;
    }
    while ((entry = readdir(folder))) {
        char child[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        replay(child);
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%u inputs replayed\n", replayed);
    return replayed ? EXIT_SUCCESS : EXIT_FAILURE;
}
