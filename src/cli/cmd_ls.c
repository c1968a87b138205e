/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ozxfs ls: the entries of an archive, as a mount would show them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "archive/glob.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/remote_options.h"
#include "cli/report.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "info/listing.h"

struct command {
    struct ozx_remote_options remote;
    char *const *files;
    size_t file_count, number; /* of the file that is listed */
    const char *file, *path;
    struct ozx_source *source;
    struct ozx_archive *archive;
    bool is_long, human, recursive, null, json, single_column;
    bool escape;     /* names go to a terminal */
    bool compressed; /* the long form has the columns of compression */
    size_t skip;     /* bytes of a path that are PATH's own */
    uint64_t told;
    bool no_memory;
};

/* --- one entry -------------------------------------------------------------------------------- */

static const char *size_text(const struct command *c, uint64_t bytes, char text[OZX_AMOUNT_SIZE])
{
    if (c->human)
        return ozx_progress_amount(text, (double)bytes);
    snprintf(text, OZX_AMOUNT_SIZE, "%" PRIu64, bytes);
    return text;
}

static void print_long(const struct command *c, uint32_t node)
{
    char time[OZX_TIME_SIZE], buffer[OZX_METHOD_NAME_SIZE], size[OZX_AMOUNT_SIZE];
    struct ozx_node_stat stat;
    struct ozx_node_entry entry = {.method = 0};

    ozx_archive_stat(c->archive, node, &stat);
    if (!stat.is_directory)
        ozx_archive_entry(c->archive, node, &entry);
    printf("%s %12s ", stat.is_directory ? "dr-xr-xr-x" : "-r--r--r--",
           size_text(c, stat.size_bytes, size));
    if (c->compressed && stat.is_directory)
        printf("%12s %-10s ", "", "");
    else if (c->compressed)
        printf("%12s %-10s ", size_text(c, entry.compressed_size_bytes, size),
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

static void print_heading(const struct command *c)
{
    if (c->file_count == 1 || c->json)
        return;
    fputs(c->number ? "\n" : "", stdout);
    ozx_terminal_put_name(c->escape, c->file);
    puts(":");
}

static void print_one(struct command *c, uint32_t node)
{
    struct ozx_node_stat stat;

    ozx_archive_stat(c->archive, node, &stat);
    if (stat.is_directory)
        print_children(c, node);
    else
        print_node(c, node);
}

/* What a pattern matches, each by its path, with -R and all below. */
static void print_matches(struct command *c, const uint32_t *nodes, uint32_t count)
{
    for (uint32_t i = 0; i < count && !c->no_memory && !ferror(stdout); i++) {
        print_node(c, nodes[i]);
        if (c->recursive)
            print_children(c, nodes[i]);
    }
}

/* `nodes` NULL: the directory or file `node`. */
static int print_listing(struct command *c, uint32_t node, const uint32_t *nodes, uint32_t count)
{
    OZX_AUTO_FREE char *file = NULL, *path = NULL;

    print_heading(c);
    if (c->json) {
        if (ozx_json_quote(c->file, &file) || ozx_json_quote(c->path, &path))
            return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
        printf("{\"schema\": 1, \"file\": %s, \"path\": %s, \"entries\": [", file, path);
    }
    if (nodes)
        print_matches(c, nodes, count);
    else
        print_one(c, node);
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
    OZX_AUTO_FREE uint32_t *nodes = NULL;
    uint32_t node = OZX_NODE_ROOT, count = 0;
    int status = ozx_input_archive(c->file, &c->source, &archive);

    if (status)
        return status;
    c->archive = archive;
    c->told = 0;
    c->skip = 0;
    status = ozx_archive_is_pattern(archive, c->path)
                 ? ozx_input_glob(archive, c->file, c->path, &nodes, &count)
                 : find(c, &node);
    if (status)
        return status;
    c->compressed = c->is_long && has_compressed(archive);
    return print_listing(c, node, nodes, count);
}

static const struct ozx_option rows[] = {
    {.name = "long",
     .letter = 'l',
     .help = "type and permissions, size, compression (if there is any), time",
     .field = offsetof(struct command, is_long)},
    {.name = "human-readable",
     .letter = 'h',
     .help = "with -l: sizes as 1.5 KiB, 2.0 GiB",
     .field = offsetof(struct command, human)},
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
    {.name = "single-column",
     .letter = '1',
     .help = "one name per line (always so; for compatibility)",
     .field = offsetof(struct command, single_column)},
    OZX_REMOTE_OPTION,
};

static const struct ozx_verb verb = {
    .name = "ls",
    .usage = "[OPTIONS] FILE... [PATH]",
    .about =
        "Lists a directory of an archive (default: its root) as a mount would show it, or one\n"
        "file, or what a pattern matches (quoted: 's0/*', '**/zarr.json'). Names are in the\n"
        "order of their bytes; times are UTC. Further FILEs end in .ozx or .zip.",
    .after =
        "On a terminal, invisible characters in names are escaped; elsewhere names are unchanged.\n"
        "\n"
        "Example:\n"
        "  ozxfs ls -lR image.ozx labels",
    OZX_OPTIONS(rows),
    OZX_REMOTE_KEYS(struct command, remote)};

static int take_operands(struct command *c, char *const *operands, size_t count)
{
    if (!count)
        return ozx_report_usage("ls", "no file given");
    c->files = operands;
    c->file_count = ozx_input_count_archives(operands, count);
    if (count - c->file_count > 1)
        return ozx_report_usage("ls", "more than one path given");
    if (c->file_count < count)
        c->path = operands[c->file_count];
    if (c->json && c->null)
        return ozx_report_usage("ls", "--json cannot be combined with -0");
    if (c->null && c->file_count > 1)
        return ozx_report_usage("ls", "-0 takes one archive");
    return -1;
}

/* The worst of all. */
static int list_files(struct command *c)
{
    int worst = OZX_EXIT_OK;

    for (c->number = 0; c->number < c->file_count; c->number++) {
        int status;

        c->file = c->files[c->number];
        status = ozx_input_caged(c->file, &c->remote, &c->source, run, c);
        worst = status > worst ? status : worst;
    }
    return worst;
}

int ozx_cmd_ls(int argc, char **argv, const struct ozx_remote_urls *urls)
{
    struct command command = {.remote = {.urls = urls}, .path = ""};
    struct ozx_terminal terminal;
    int first, status = ozx_options_parse(&verb, &command, argc, argv, &first);

    if (status < 0)
        status = take_operands(&command, argv + first, (size_t)(argc - first));
    if (status >= 0)
        return status;
    ozx_terminal_of_stdout(&terminal);
    command.escape = terminal.is_terminal && !command.null;
    return list_files(&command);
}
