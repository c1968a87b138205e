/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ozxfs: a table of verbs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/report.h"
#include "cli/suggest.h"
#include "cli/verbs.h"
#include "cli/version.h"
#include "config.h"

struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

static const struct verb verbs[] = {
#ifdef OZX_HAVE_MOUNT
    {"mount", ozx_cmd_mount, "show an archive as a read-only directory tree"},
    {"umount", ozx_cmd_umount, "end a mount and wait until its daemon is gone"},
#endif
    {"info", ozx_cmd_info, "show what is in an archive"},
    {"ls", ozx_cmd_ls, "list the entries of an archive"},
    {"cat", ozx_cmd_cat, "write files of an archive to standard output"},
    {"pack", ozx_cmd_pack, "create an archive from a directory"},
    {"unpack", ozx_cmd_unpack, "extract an archive to a directory"},
    {"repack", ozx_cmd_repack, "rewrite an archive, repaired or recovered"},
    {"verify", ozx_cmd_verify, "check an archive: structure, data, metadata"},
};

#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

/* A descriptor 0, 1 or 2 that is closed would be given to the next file opened, and messages would
 * be written into it. */
static int fill_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

static int help(void)
{
    puts("Usage: ozxfs VERB [OPTIONS] ...\n\n"
         "Zipped OME-Zarr images (.ozx, RFC-9) as plain directories.\n\nVerbs:");
    for (size_t i = 0; i < VERB_COUNT; i++)
        printf("  %-8s %s\n", verbs[i].name, verbs[i].summary);
    puts("\n  ozxfs VERB --help   the options of a verb\n"
         "  ozxfs --version     versions of ozxfs and its libraries\n"
         "\nExample:\n  ozxfs mount image.ozx /mnt/x");
    return ozx_report_stdout(OZX_EXIT_OK);
}

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

/* mount(8) calls the helper of a type by its file's name: `mount.ozxfs SOURCE DIR -o OPTIONS`. */
static const char *verb_of_program(const char *program)
{
    const char *base = strrchr(program, '/');

    base = base ? base + 1 : program;
    return strcmp(base, "mount.ozxfs") == 0 || strcmp(base, "mount.fuse.ozxfs") == 0 ? "mount"
                                                                                     : NULL;
}

int main(int argc, char **argv)
{
    const struct verb *verb;

    if (fill_standard_descriptors() < 0 || argc < 1)
        return OZX_EXIT_SYSTEM;
    if (verb_of_program(argv[0]) && (verb = find_verb("mount")))
        return verb->run(argc, argv);
    if (argc < 2)
        return ozx_report_usage(NULL, "no verb given");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help();
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        return ozx_version();
    verb = find_verb(argv[1]);
    if (!verb) {
        struct ozx_suggestion suggestion = {.typed = argv[1], .typed_size = strlen(argv[1])};
        for (size_t i = 0; i < VERB_COUNT; i++)
            ozx_suggestion_consider(&suggestion, "", verbs[i].name);
        return ozx_report_unknown(NULL, "verb", "", argv[1], &suggestion);
    }
    return verb->run(argc - 1, argv + 1);
}
