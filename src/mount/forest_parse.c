/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The archives of a mount, parsed one after the other.
 */
#include "mount/forest_parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "archive/promises.h"
#include "mount/channel.h"
#include "mount/table.h"

static int say(int socket, enum ozx_message_kind kind, uint32_t value,
               const struct ozx_error *error)
{
    return ozx_channel_send(socket, kind, value, error, false);
}

static int fail(int socket, int code)
{
    struct ozx_error error = OZX_ERROR_INIT;

    ozx_error_set(&error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "cannot serve: %s",
                  strerror(-code));
    (void)!say(socket, OZX_MESSAGE_FAILED, OZX_MOUNT_STAGE_SYSTEM, &error);
    return code;
}

/* Whose archive a message is about, where there are several. */
struct teller {
    int socket;
    const char *file; /* NULL: the only one */
};

static int tell_of(const struct teller *teller, enum ozx_message_kind kind, uint32_t value,
                   const struct ozx_error *error)
{
    struct ozx_error named = *error;
    char name[OZX_ESCAPED_SIZE];

    if (teller->file)
        ozx_error_put_name(&named,
                           ozx_escape(name, sizeof name, teller->file, strlen(teller->file)));
    return say(teller->socket, kind, value, &named);
}

static void tell_promise(void *context, const struct ozx_error *warning)
{
    (void)!tell_of(context, OZX_MESSAGE_WARNING, 0, warning);
}

static void tell_warnings(const struct ozx_archive *archive, bool verbose,
                          const struct teller *teller)
{
    size_t count;
    const struct ozx_warning *warnings = ozx_archive_warnings(archive, &count);

    for (size_t i = 0; i < count; i++) {
        if (warnings[i].minor && !verbose)
            continue;
        if (tell_of(teller, OZX_MESSAGE_WARNING, 0, &warnings[i].first))
            return;
    }
}

static void tell_forest(const struct ozx_forest *forest, const struct ozx_mount_options *options,
                        int socket)
{
    struct ozx_error info = OZX_ERROR_INIT;
    char text[160];
    int used = snprintf(text, sizeof text, "worker %d serves %" PRIu64 " files and directories",
                        (int)getpid(), forest->node_count);

    if (options->timeout_s)
        snprintf(text + used, sizeof text - (size_t)used,
                 ", and frees its memory after %u s without a request", options->timeout_s);
    snprintf(info.text, sizeof info.text, "%s", text);
    (void)!say(socket, OZX_MESSAGE_INFO, 0, &info);
}

#define TABLE_LIMIT_MS 2000 /* for who would rather have FUSE than wait longer */

/* Sends what the tree is to a supervisor that wants to know. */
static void send_table(struct ozx_archive *archive, const struct ozx_mount_options *options,
                       int table, int socket)
{
    struct ozx_error why = OZX_ERROR_INIT;

    if (table < 0)
        return;
    if (ozx_table_send(archive, options->direct_only ? 0 : TABLE_LIMIT_MS, table, &why))
        (void)!say(socket, OZX_MESSAGE_NO_TABLE, 0, &why);
    close(table);
}

static int parse_archive(const struct ozx_mount_options *options, struct ozx_mount_archive *from,
                         bool several, struct teller teller, int table, struct ozx_forest *forest)
{
    struct ozx_archive_options how = {.subdir = options->subdir};
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_archive *archive;
    int failure;

    teller.file = several ? from->file : NULL;
    failure = ozx_archive_open(from->source, &how, &archive, &error);
    if (failure) {
        (void)!tell_of(&teller, OZX_MESSAGE_FAILED, OZX_MOUNT_STAGE_ARCHIVE, &error);
        return failure;
    }
    from->source = NULL;
    tell_warnings(archive, options->verbose, &teller);
    ozx_promises_check(archive, tell_promise, &teller);
    send_table(archive, options, table, teller.socket);
    failure = ozx_gate_open(archive, &how, (uint64_t)options->timeout_s * 1000,
                            &forest->gates[forest->count]);
    if (failure) {
        ozx_archive_close(archive);
        return fail(teller.socket, failure);
    }
    forest->node_count += ozx_archive_node_count(archive);
    forest->count++;
    return 0;
}

/* Root has become somebody who may read the first archive (cage/sandbox.h): also this one? */
static int check_access(struct ozx_mount_archive *archive, int socket)
{
    struct teller teller = {.socket = socket, .file = archive->file};
    struct ozx_error error = OZX_ERROR_INIT;
    char byte;

    if (pread(ozx_source_fd(archive->source), &byte, 1, 0) >= 0 ||
        (errno != EACCES && errno != EPERM))
        return 0;
    ozx_error_set(&error, -EACCES, OZX_RULE_NONE, OZX_OFFSET_NONE,
                  "name a user who may read them all with -o serve_as",
                  "cannot be read by user %u, who would serve it", (unsigned)getuid());
    (void)!tell_of(&teller, OZX_MESSAGE_FAILED, OZX_MOUNT_STAGE_ARCHIVE, &error);
    return -EACCES;
}

/* The root of a mount of several. */
static int open_catalog(const struct ozx_mount_options *options, struct ozx_catalog **out)
{
    const struct ozx_item root = {.uid = options->uid,
                                  .gid = options->gid,
                                  .mode = options->directory_mode,
                                  .mtime.tv_sec = time(NULL)};

    return ozx_catalog_open(&root, out);
}

/* The archive that was parsed last becomes a directory of the root. */
static int list_archive(const struct ozx_mount_options *options,
                        const struct ozx_mount_archive *from, int socket, struct ozx_forest *forest)
{
    struct ozx_gate *gate = forest->gates[forest->count - 1];
    const struct ozx_source *source = ozx_gate_source(gate);
    const struct ozx_item item = {.number = forest->count,
                                  .parent = OZX_CATALOG_ROOT,
                                  .kind = OZX_ITEM_ARCHIVE,
                                  .uid = options->uid,
                                  .gid = options->gid,
                                  .mode = options->directory_mode,
                                  .file_mode = options->file_mode,
                                  .size_bytes = ozx_source_size(source),
                                  .mtime.tv_sec = ozx_source_mtime(source)};

    int failure = ozx_catalog_add(forest->catalog, &item, from->name, from->file, gate);

    if (!failure)
        return 0;
    forest->count--;
    ozx_gate_close(gate);
    return fail(socket, failure);
}

int ozx_forest_parse(const struct ozx_mount_options *options, struct ozx_mount_contents *contents,
                     int socket, int table, struct ozx_forest *forest)
{
    const struct teller teller = {.socket = socket};
    int failure = 0;

    forest->gates = calloc(contents->count, sizeof(struct ozx_gate *));
    if (!forest->gates || (contents->several && open_catalog(options, &forest->catalog)))
        return fail(socket, -ENOMEM);
    for (uint32_t i = 1; i < contents->count && !failure; i++)
        failure = check_access(&contents->archives[i], socket);
    for (uint32_t i = 0; i < contents->count && !failure; i++) {
        failure = parse_archive(options, &contents->archives[i], contents->several, teller, table,
                                forest);
        if (!failure && contents->several)
            failure = list_archive(options, &contents->archives[i], socket, forest);
    }
    if (!failure && options->verbose)
        tell_forest(forest, options, socket);
    return failure;
}

void ozx_forest_close(struct ozx_forest *forest)
{
    if (forest->catalog)
        ozx_catalog_close(forest->catalog);
    else if (forest->count)
        ozx_gate_close(forest->gates[0]);
    free(forest->gates);
}
