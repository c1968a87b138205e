/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ozxfs ls: the entries of an archive, as a mount would show them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/input.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "info/listing.h"

struct command {
    const char *file, *path;
    struct ozx_source *source;
    struct ozx_archive *archive;
    bool is_long, recursive, null, json;
    bool escape;     /* names go to a terminal */
    bool compressed; /* the long form has the columns of compression */
    size_t skip;     /* bytes of a path that are PATH's own */
    uint64_t told;
    bool no_memory;
};

/* --- one entry -------------------------------------------------------------------------------- */

static void print_long(const struct command *c, uint32_t node)
{
    char time[OZX_TIME_SIZE], buffer[OZX_METHOD_NAME_SIZE];
    struct ozx_node_stat stat;
    struct ozx_node_entry entry = {.method = 0};

    ozx_archive_stat(c->archive, node, &stat);
    if (!stat.is_directory)
        ozx_archive_entry(c->archive, node, &entry);
    printf("%s %12" PRIu64 " ", stat.is_directory ? "dr-xr-xr-x" : "-r--r--r--", stat.size_bytes);
    if (c->compressed && stat.is_directory)
        printf("%12s %-10s ", "", "");
    else if (c->compressed)
        printf("%12" PRIu64 " %-10s ", entry.compressed_size_bytes,
               entry.eio_rule ? ozx_rule_id(entry.eio_rule)
                              : ozx_method_name(entry.method, buffer));
    printf("%s ", ozx_time_utc(stat.mtime_s, time));
}

static void print_name(const struct command *c, const char *name)
{
    ozx_terminal_put_name(c->escape, name);
    putchar(c->null ? '\0' : '\n');
}

static void print_node(struct command *c, uint32_t node)
{
    char path[OZX_PATH_SIZE];

    if (c->json) {
        OZX_AUTO_FREE char *text = NULL;
        if (ozx_listing_json(c->archive, node, &text))
            c->no_memory = true;
        else
            printf("%s\n%s", c->told ? "," : "", text);
    } else {
        if (c->is_long)
            print_long(c, node);
        ozx_archive_path(c->archive, node, path);
        print_name(c, path + c->skip);
    }
    c->told++;
}

/* Directories before what is in them. Paths are bounded, so the depth is. */
static void print_children(struct command *c, uint32_t directory)
{
    uint32_t first, count;

    ozx_archive_children(c->archive, directory, &first, &count);
    for (uint32_t i = first; i < first + count && !c->no_memory && !ferror(stdout); i++) {
        print_node(c, i);
        if (c->recursive)
            print_children(c, i);
    }
}

/* --- the verb --------------------------------------------------------------------------------- */

static bool has_compressed(const struct ozx_archive *archive)
{
    for (uint32_t i = 0; i < ozx_archive_node_count(archive); i++) {
        struct ozx_node_stat stat;
        struct ozx_node_entry entry;
        ozx_archive_stat(archive, i, &stat);
        if (stat.is_directory)
            continue;
        ozx_archive_entry(archive, i, &entry);
        if (entry.method || entry.eio_rule)
            return true;
    }
    return false;
}

static int find(struct command *c, uint32_t *node)
{
    struct ozx_node_stat stat;
    char path[OZX_PATH_SIZE], escaped[OZX_ESCAPED_SIZE];
    size_t size;
    int failure = ozx_archive_find(c->archive, c->path, node);

    if (failure)
        return ozx_report(OZX_EXIT_NO_INPUT, c->file, "'%s': %s",
                          ozx_escape(escaped, sizeof escaped, c->path, strlen(c->path)),
                          failure == -ENOTDIR ? "a component of this path is a file"
                                              : "there is no such entry in the archive");
    size = ozx_archive_path(c->archive, *node, path);
    ozx_archive_stat(c->archive, *node, &stat);
    if (stat.is_directory)
        c->skip = size ? size + 1 : 0;
    return 0;
}

static int print_listing(struct command *c, uint32_t node)
{
    OZX_AUTO_FREE char *file = NULL, *path = NULL;
    struct ozx_node_stat stat;

    if (c->json) {
        if (ozx_json_quote(c->file, &file) || ozx_json_quote(c->path, &path))
            return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
        printf("{\"schema\": 1, \"file\": %s, \"path\": %s, \"entries\": [", file, path);
    }
    ozx_archive_stat(c->archive, node, &stat);
    if (stat.is_directory)
        print_children(c, node);
    else
        print_node(c, node);
    if (c->json)
        printf("%s]}\n", c->told ? "\n" : "");
    if (c->no_memory)
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    return ozx_report_stdout(OZX_EXIT_OK);
}

/* In the cage. */
static int run(void *context)
{
    struct command *c = context;
    OZX_AUTO_ARCHIVE struct ozx_archive *archive = NULL;
    uint32_t node;
    int status = ozx_input_archive(c->file, &c->source, &archive);

    if (status)
        return status;
    c->archive = archive;
    status = find(c, &node);
    if (status)
        return status;
    c->compressed = c->is_long && has_compressed(archive);
    return print_listing(c, node);
}

static const struct ozx_option rows[] = {
    {.name = "long",
     .letter = 'l',
     .help = "type and permissions, size, compression (if there is any), time",
     .field = offsetof(struct command, is_long)},
    {.name = "recursive",
     .letter = 'R',
     .help = "list recursively, as paths from PATH",
     .field = offsetof(struct command, recursive)},
    {.name = "null",
     .letter = '0',
     .help = "names unescaped, each followed by a NUL instead of a newline",
     .field = offsetof(struct command, null)},
    {.name = "json",
     .help = "print JSON; see ozxfs-ls(1)",
     .field = offsetof(struct command, json)},
};

static const struct ozx_verb verb = {
    .name = "ls",
    .usage = "[OPTIONS] FILE [PATH]",
    .about =
        "Lists a directory of an archive (default: its root) as a mount would show it, or one\n"
        "file. Names are in the order of their bytes; times are UTC.",
    .after =
        "On a terminal, invisible characters in names are escaped; elsewhere names are unchanged.\n"
        "\n"
        "Example:\n"
        "  ozxfs ls -lR image.ozx labels",
    OZX_OPTIONS(rows)};

int ozx_cmd_ls(int argc, char **argv)
{
    struct command command = {.path = ""};
    struct ozx_terminal terminal;
    int first, status = ozx_options_parse(&verb, &command, argc, argv, &first);

    if (status >= 0)
        return status;
    if (command.json && (command.is_long || command.null))
        return ozx_report_usage("ls", "--json cannot be combined with -l or -0");
    if (first == argc)
        return ozx_report_usage("ls", "no file given");
    if (argc - first > 2)
        return ozx_report_usage("ls", "more than a file and a path given");
    command.file = argv[first];
    if (argc - first == 2)
        command.path = argv[first + 1];
    ozx_terminal_of_stdout(&terminal);
    command.escape = terminal.is_terminal && !command.null;
    return ozx_input_caged(command.file, &command.source, run, &command);
}
