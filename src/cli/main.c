/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ozxfs: a table of verbs.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "archive/file_name.h"
#include "cli/remote_urls.h"
#include "cli/report.h"
#include "cli/suggest.h"
#include "cli/verbs.h"
#include "cli/version.h"
#include "config.h"

#ifdef OZX_STATIC
#include <nss.h>
#endif

struct verb {
    const char *name;
    int (*run)(int argc, char **argv, const struct ozx_remote_urls *urls);
    const char *summary;
};

static const struct verb verbs[] = {
#ifdef OZX_HAVE_MOUNT
    {"mount", ozx_cmd_mount, "show an archive as a read-only directory tree"},
    {"mounts", ozx_cmd_mounts, "list mounts and their state"},
    {"run", ozx_cmd_run, "run a command with archives mounted"},
    {"umount", ozx_cmd_umount, "unmount an archive and wait until its daemon has exited"},
#endif
    {"info", ozx_cmd_info, "show what is in an archive"},
    {"ls", ozx_cmd_ls, "list the entries of an archive"},
    {"cat", ozx_cmd_cat, "write files of an archive to standard output"},
    {"thumbnail", ozx_cmd_thumbnail, "write a picture of an image as PNG"},
    {"view", ozx_cmd_view, "show the images of an archive in a web browser"},
    {"pack", ozx_cmd_pack, "create an archive from a directory"},
    {"unpack", ozx_cmd_unpack, "extract an archive to a directory"},
    {"repack", ozx_cmd_repack, "rewrite an archive, repaired or recovered"},
    {"add", ozx_cmd_add, "add a tree (labels, tables) to an archive"},
    {"edit", ozx_cmd_edit, "change the metadata of a node in an archive"},
    {"verify", ozx_cmd_verify, "check an archive: structure, data, metadata"},
};

#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

/* A descriptor 0, 1 or 2 that is closed would be given to the next file opened, and messages would
 * be written into it. Nothing can be read from what takes its place, nor written to it: output that
 * gets lost is an error. */
static int fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return -EBADF;
    return 0;
}

static void print_help(FILE *out)
{
    fputs("Usage: ozxfs VERB [OPTIONS] ...\n\n"
          "Zipped OME-Zarr images (.ozx, RFC-9) as plain directories.\n\nVerbs:\n",
          out);
    for (size_t i = 0; i < VERB_COUNT; i++)
        fprintf(out, "  %-9s %s\n", verbs[i].name, verbs[i].summary);
    fputs("\n  ozxfs help VERB     the options of a verb (or ozxfs VERB --help)\n"
          "  ozxfs --version     versions of ozxfs and its libraries\n"
          "\nExamples:\n"
          "  ozxfs pack image.ome.zarr image.ozx\n"
          "  ozxfs mount image.ozx\n",
          out);
}

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

/* What other programs call it. */
static const struct {
    const char *other, *name;
} others[] = {
    {"check", "verify"}, {"create", "pack"},     {"extract", "unpack"}, {"fix", "repack"},
    {"fsck", "verify"},  {"list", "ls"},         {"repair", "repack"},  {"show", "info"},
    {"stat", "info"},    {"test", "verify"},     {"tree", "ls"},        {"unmount", "umount"},
    {"unzip", "unpack"}, {"validate", "verify"}, {"zip", "pack"},
};

static int unknown_verb(const char *typed)
{
    struct ozx_suggestion suggestion = {.typed = typed, .typed_size = strlen(typed)};
    char name[OZX_ESCAPED_SIZE];

    if (ozx_file_name_is_archive(typed))
        return ozx_report_usage(NULL, "a verb is missing before '%s', like info, mount or unpack",
                                ozx_escape(name, sizeof name, typed, strlen(typed)));

    for (size_t i = 0; i < VERB_COUNT; i++)
        ozx_suggestion_consider(&suggestion, "", verbs[i].name);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(others[i].other, typed) == 0 && find_verb(others[i].name)) {
            suggestion.prefix = "";
            suggestion.name = others[i].name;
        }
    return ozx_report_unknown(NULL, "verb", "", typed, &suggestion);
}

/* `ozxfs help`, `ozxfs help VERB`. */
static int help(const char *verb, const struct ozx_remote_urls *urls)
{
    char option[] = "--help";
    const struct verb *found;

    if (!verb) {
        print_help(stdout);
        return ozx_report_stdout(OZX_EXIT_OK);
    }
    found = find_verb(verb);
    return found ? found->run(2, (char *[]){(char *)(uintptr_t)found->name, option, NULL}, urls)
                 : unknown_verb(verb);
}

/* mount.fuse3(8) runs what stands before the '#' of `ozxfs#SOURCE`: `ozxfs SOURCE DIR -o OPTIONS`.
 */
static bool is_from_mount_fuse(int argc, char **argv)
{
    return argc == 5 && argv[1][0] == '/' && argv[2][0] == '/' && strcmp(argv[3], "-o") == 0;
}

/* mount(8) calls the helper of a type by its file's name: `mount.ozxfs SOURCE DIR -o OPTIONS`. */
static const char *verb_of_program(const char *program)
{
    const char *base = strrchr(program, '/');

    base = base ? base + 1 : program;
    return strcmp(base, "mount.ozxfs") == 0 || strcmp(base, "mount.fuse.ozxfs") == 0 ? "mount"
                                                                                     : NULL;
}

/* The words that are ozxfs's own: what `run` runs is not changed. */
static size_t count_words(int argc, char **argv)
{
    int count = 0;

    while (count < argc &&
           !(argc > 1 && strcmp(argv[1], "run") == 0 && strcmp(argv[count], "--") == 0))
        count++;
    return (size_t)count;
}

/* Users and groups are those of /etc/passwd and /etc/group alone to a program that has its C
 * library in it: the machine's modules for others (nsswitch.conf(5)) want the machine's C library.
 */
static void load_no_modules(void)
{
#ifdef OZX_STATIC
    __nss_configure_lookup("passwd", "files");
    __nss_configure_lookup("group", "files");
#endif
}

int main(int argc, char **argv)
{
    struct ozx_remote_urls urls = {.count = 0};
    const struct verb *verb;

    load_no_modules();
    signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit (ulimit -f) fails, and that is told */
    if (fill_standard_descriptors() < 0 || argc < 1)
        return OZX_EXIT_SYSTEM;
    if (ozx_remote_urls_hide(&urls, argv, count_words(argc, argv)))
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    if (verb_of_program(argv[0]) && (verb = find_verb("mount")))
        return verb->run(argc, argv, &urls);
    if (argc < 2) {
        print_help(stderr);
        return OZX_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(NULL, &urls);
    if (strcmp(argv[1], "help") == 0)
        return argc > 3 ? ozx_report_usage(NULL, "more than one verb given") : help(argv[2], &urls);
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        return ozx_version();
    if (is_from_mount_fuse(argc, argv) && (verb = find_verb("mount"))) {
        char helper[] = "mount.fuse.ozxfs";
        argv[0] = helper;
        return verb->run(argc, argv, &urls);
    }
    verb = find_verb(argv[1]);
    return verb ? verb->run(argc - 1, argv + 1, &urls) : unknown_verb(argv[1]);
}
