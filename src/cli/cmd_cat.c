/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ozxfs cat: entries to standard output, as they are read. The CRC is known only at the end, so
 * what is wrong is told when it is out already: the exit status says so.
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "archive/glob.h"
#include "base/descriptors.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/remote_options.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "zip/crc.h"

#define PIECE_SIZE (1u << 20)

struct command {
    struct ozx_remote_options remote;
    const char *file;
    char *const *paths;
    int path_count;
    struct ozx_source *source;
    struct ozx_archive *archive;
    char *piece; /* PIECE_SIZE bytes */
    int status;  /* of the first problem */
    bool closed; /* nobody reads standard output: there is nothing more to do */
};

static void fail(struct command *c, int status)
{
    if (!c->status)
        c->status = status;
}

/* A reader that went away (head) has had enough: no message. */
static int put(struct command *c, const char *data, size_t size)
{
    int failure = ozx_descriptors_write(STDOUT_FILENO, data, size, -1);

    if (!failure)
        return 0;
    c->closed = true;
    fail(c, OZX_EXIT_IO);
    if (failure != -EPIPE)
        (void)ozx_report(0, "standard output", "cannot write: %s", strerror(-failure));
    return failure;
}

static int check_crc(struct command *c, uint32_t node, const char *name, uint32_t crc,
                     struct ozx_error *error)
{
    struct ozx_error ignored = OZX_ERROR_INIT;
    uint64_t offset = OZX_OFFSET_NONE;
    struct ozx_node_entry entry;

    ozx_archive_entry(c->archive, node, &entry);
    if (entry.crc32 == crc)
        return 0;
    if (ozx_archive_data_offset(c->archive, node, &offset, &ignored))
        offset = OZX_OFFSET_NONE;
    return ozx_error_set(error, -EIO, OZX_RULE_CRC, offset, "get the archive again",
                         "entry '%s': its CRC-32 is %08x, not %08x: the written data are damaged",
                         name, crc, entry.crc32);
}

/* Streams a file out. -EIO ...: told by the caller, unless standard output is closed. */
static int stream(struct command *c, uint32_t node, const char *name, struct ozx_error *error)
{
    uint64_t offset = 0;
    uint32_t crc = 0;

    for (;;) {
        size_t got = 0;
        int failure = ozx_archive_read(c->archive, node, c->piece, PIECE_SIZE, offset, &got, error);
        if (failure)
            return failure;
        crc = ozx_crc32(crc, c->piece, got);
        if (put(c, c->piece, got))
            return -EPIPE;
        offset += got;
        if (got < PIECE_SIZE)
            return check_crc(c, node, name, crc, error);
    }
}

/* `path` as it was typed, or as it was found. */
static void print_node(struct command *c, uint32_t node, const char *path)
{
    struct ozx_error error = OZX_ERROR_INIT;
    char name[OZX_ESCAPED_SIZE];

    ozx_escape(name, sizeof name, path, strlen(path));
    if (stream(c, node, name, &error) && !c->closed) {
        ozx_report_error(c->file, &error);
        fail(c, ozx_report_exit_status(&error));
    }
}

static bool is_directory(const struct command *c, uint32_t node)
{
    struct ozx_node_stat stat;

    ozx_archive_stat(c->archive, node, &stat);
    return stat.is_directory;
}

/* Of what a pattern matches, the files. */
static void print_matches(struct command *c, const char *pattern)
{
    OZX_AUTO_FREE uint32_t *nodes = NULL;
    char path[OZX_PATH_SIZE];
    uint32_t count = 0, files = 0;
    int status = ozx_input_glob(c->archive, c->file, pattern, &nodes, &count);

    if (status) {
        fail(c, status);
        return;
    }
    for (uint32_t i = 0; i < count && !c->closed; i++) {
        if (is_directory(c, nodes[i]))
            continue;
        files++;
        ozx_archive_path(c->archive, nodes[i], path);
        print_node(c, nodes[i], path);
    }
    if (!files)
        fail(c, ozx_report(OZX_EXIT_NO_INPUT, c->file, "'%s' matches directories only",
                           ozx_escape(path, sizeof path, pattern, strlen(pattern))));
}

static void print_path(struct command *c, const char *path)
{
    char name[OZX_ESCAPED_SIZE];
    uint32_t node;

    if (ozx_archive_is_pattern(c->archive, path)) {
        print_matches(c, path);
        return;
    }
    ozx_escape(name, sizeof name, path, strlen(path));
    if (ozx_archive_find(c->archive, path, &node))
        fail(c, ozx_report(OZX_EXIT_NO_INPUT, c->file,
                           "'%s': there is no such entry in the archive", name));
    else if (is_directory(c, node))
        fail(c, ozx_report(OZX_EXIT_NO_INPUT, c->file, "'%s' is a directory", name));
    else
        print_node(c, node, path);
}

/* In the cage. */
static int run(void *context)
{
    struct command *c = context;
    OZX_AUTO_ARCHIVE struct ozx_archive *archive = NULL;
    OZX_AUTO_FREE char *piece = malloc(PIECE_SIZE);
    int status;

    if (!piece)
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    status = ozx_input_archive(c->file, &c->source, &archive);
    if (status)
        return status;
    c->archive = archive;
    c->piece = piece;
    for (int i = 0; i < c->path_count && !c->closed; i++)
        print_path(c, c->paths[i]);
    return c->status;
}

static const struct ozx_option rows[] = {OZX_REMOTE_OPTION};

static const struct ozx_verb verb = {
    .name = "cat",
    .usage = "[-o KEY,...] FILE PATH...",
    .about =
        "Writes files of an archive to standard output. Checks each file's CRC-32 at its end;\n"
        "on a mismatch it reports that and exits with 74. Of a PATH with *, ? or [ all files\n"
        "that match are written.",
    .after = "Examples:\n"
             "  ozxfs cat image.ozx zarr.json | jq .attributes.ome\n"
             "  ozxfs cat image.ozx '**/zarr.json' | jq .node_type",
    OZX_OPTIONS(rows),
    OZX_REMOTE_KEYS(struct command, remote)};

int ozx_cmd_cat(int argc, char **argv, const struct ozx_remote_urls *urls)
{
    struct command command = {.remote = {.urls = urls}};
    int first, status = ozx_options_parse(&verb, &command, argc, argv, &first);

    if (status >= 0)
        return status;
    if (argc - first < 2)
        return ozx_report_usage("cat", first == argc ? "no file given" : "no path given");
    setlocale(LC_CTYPE, ""); /* what is one character to a pattern */
    command.file = argv[first];
    command.paths = argv + first + 1;
    command.path_count = argc - first - 1;
    return ozx_input_caged(command.file, &command.remote, &command.source, run, &command);
}
