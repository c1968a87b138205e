/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The archives of a mount, parsed one after the other.
 */
#include "mount/forest_parse.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "archive/promises.h"
#include "base/clock.h"
#include "mount/channel.h"
#include "mount/table.h"

#define EMPTY_MAX 256 /* files of 0 bytes that are looked at before they are served */

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
    const char *name; /* in place of it: escaped already */
};

static int tell_of(const struct teller *teller, enum ozx_message_kind kind, uint32_t value,
                   const struct ozx_error *error)
{
    struct ozx_error named = *error;
    char name[OZX_ESCAPED_SIZE];

    if (teller->name)
        ozx_error_put_name(&named, teller->name);
    else if (teller->file)
        ozx_error_put_name(&named,
                           ozx_escape(name, sizeof name, teller->file, strlen(teller->file)));
    /* Nobody who is served waits for the log. */
    return ozx_channel_send(teller->socket, kind, value, &named, kind == OZX_MESSAGE_NOTE);
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

static void tell_count(void *context, uint64_t entry_count)
{
    const int *table = context;

    ozx_table_send_guess(entry_count, *table);
}

/* The kernel reads nothing of a file of 0 bytes. A few stored ones, in an archive that is here, are
 * looked at now: else every open of the mount is a request. */
static bool may_have_bad_empty(struct ozx_archive *archive)
{
    struct ozx_error unused = OZX_ERROR_INIT;
    struct ozx_archive_facts facts;
    char none;
    size_t got;

    ozx_archive_facts(archive, &facts);
    if (!facts.empty_count)
        return false;
    if (facts.empty_count > EMPTY_MAX || ozx_source_fd(ozx_archive_source(archive)) < 0)
        return true;
    for (uint32_t node = 0; node < ozx_archive_node_count(archive); node++)
        if (ozx_archive_is_empty_file(archive, node) &&
            (ozx_archive_is_compressed(archive, node) ||
             ozx_archive_read(archive, node, &none, 0, 0, &got, &unused)))
            return true;
    return false;
}

static int parse_archive(const struct ozx_mount_options *options, struct ozx_mount_archive *from,
                         bool several, struct teller teller, int table, struct ozx_forest *forest,
                         struct ozx_gate **gate)
{
    struct ozx_archive_options how = {.subdir = options->subdir,
                                      .subdir_hint = "mount with -o subdir=",
                                      .headers_ahead = table >= 0,
                                      .counted = table >= 0 ? tell_count : NULL,
                                      .context = &table};
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
    failure = ozx_gate_open(forest->gates, archive, gate);
    if (failure) {
        ozx_archive_close(archive);
        return fail(teller.socket, failure);
    }
    forest->node_count += ozx_archive_node_count(archive);
    forest->checks_opens |= may_have_bad_empty(archive);
    return 0;
}

/* --- several ---------------------------------------------------------------------------------- */

/* Root has become somebody who may read the first archive (cage/sandbox.h): also this one? */
static int check_access(struct ozx_mount_archive *archive, int socket)
{
    struct teller teller = {.socket = socket, .file = archive->file};
    struct ozx_error error = OZX_ERROR_INIT;
    char byte;

    if (ozx_source_fd(archive->source) < 0 ||
        pread(ozx_source_fd(archive->source), &byte, 1, 0) >= 0 ||
        (errno != EACCES && errno != EPERM))
        return 0;
    ozx_error_set(&error, -EACCES, OZX_RULE_NONE, OZX_OFFSET_NONE,
                  "name a user who may read them all with -o serve_as",
                  "cannot be read by user %u, who would serve it", (unsigned)getuid());
    (void)!tell_of(&teller, OZX_MESSAGE_FAILED, OZX_MOUNT_STAGE_ARCHIVE, &error);
    return -EACCES;
}

static int list_archive(const struct ozx_mount_options *options,
                        const struct ozx_mount_archive *from, uint32_t number,
                        struct ozx_gate *gate, struct ozx_catalog *catalog)
{
    const struct ozx_source *source = ozx_gate_source(gate);
    const struct ozx_item item = {.number = number,
                                  .parent = OZX_CATALOG_ROOT,
                                  .kind = OZX_ITEM_ARCHIVE,
                                  .uid = options->uid,
                                  .gid = options->gid,
                                  .mode = options->directory_mode,
                                  .file_mode = options->file_mode,
                                  .size_bytes = ozx_source_size(source),
                                  .mtime.tv_sec = ozx_source_mtime(source)};

    return ozx_catalog_add(catalog, &item, from->name, from->file, gate);
}

/* Each becomes a directory of the root. */
static int parse_several(const struct ozx_mount_options *options,
                         struct ozx_mount_contents *contents, int socket, struct ozx_forest *forest)
{
    const struct ozx_item root = {.uid = options->uid,
                                  .gid = options->gid,
                                  .mode = options->directory_mode,
                                  .mtime.tv_sec = time(NULL)};
    const struct teller teller = {.socket = socket};
    int failure = ozx_catalog_open(&root, &forest->catalog);

    if (failure)
        return fail(socket, failure);
    for (uint32_t i = 1; i < contents->count && !failure; i++)
        failure = check_access(&contents->archives[i], socket);
    for (uint32_t i = 0; i < contents->count && !failure; i++) {
        struct ozx_mount_archive *archive = &contents->archives[i];
        struct ozx_gate *gate;

        failure = parse_archive(options, archive, true, teller, -1, forest, &gate);
        if (failure)
            break;
        failure = list_archive(options, archive, i + 1, gate, forest->catalog);
        if (failure) {
            ozx_gate_close(gate);
            (void)!fail(socket, failure);
        }
    }
    return failure;
}

/* --- a directory ------------------------------------------------------------------------------ */

#define IDLE_S 60 /* unless it is said otherwise */
#define OPEN_MAX 1024
#define DESCRIPTORS_SPARED 64 /* for other files, and what libraries have */
#define NODES_MAX                                                                                  \
    (4U << 20) /* of all archives that are open, but for the last: 160 MiB and names */
#define NODES_OF_ONE (16U << 20)

#define NOTES_MAX 200
#define NOTE_PAUSE_MS 10000

struct ozx_forest_notes {
    const struct ozx_forest *forest;
    int socket;
    bool verbose;
    atomic_int left;
    _Atomic int64_t next_ms;
};

bool ozx_forest_may_note(const struct ozx_forest *forest)
{
    struct ozx_forest_notes *notes = forest->notes;
    int64_t next_ms, now_ms = ozx_clock_ms();

    if (!notes || (atomic_load(&notes->left) > 0 && atomic_fetch_sub(&notes->left, 1) > 0))
        return true;
    next_ms = atomic_load(&notes->next_ms);
    return now_ms >= next_ms &&
           atomic_compare_exchange_strong(&notes->next_ms, &next_ms, now_ms + NOTE_PAUSE_MS);
}

/* What the mount of this archive alone would have told. */
static void note_warnings(void *context, uint32_t number, struct ozx_archive *archive)
{
    const struct ozx_forest_notes *notes = context;
    char name[OZX_ESCAPED_SIZE];
    struct teller teller = {.socket = notes->socket};
    const struct ozx_warning *warnings;
    size_t count;

    ozx_catalog_describe(notes->forest->catalog, number, name);
    teller.name = name;
    warnings = ozx_archive_warnings(archive, &count);
    for (size_t i = 0; i < count; i++)
        if ((!warnings[i].minor || notes->verbose) && ozx_forest_may_note(notes->forest))
            (void)!tell_of(&teller, OZX_MESSAGE_NOTE, 0, &warnings[i].first);
}

static int open_archive(void *context, uint32_t number, struct ozx_source **out,
                        struct ozx_error *error)
{
    const struct ozx_forest_notes *notes = context;
    int fd, failure = ozx_requests_descriptor(notes->forest->requests, number, &fd, error);

    if (failure)
        return failure;
    failure = ozx_source_open_fd(fd, out);
    if (!failure)
        return 0;
    close(fd);
    return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "cannot open: %s",
                         strerror(-failure));
}

/* Half of the descriptors that this process may have. */
static uint32_t open_max(void)
{
    struct rlimit limit;
    rlim_t most = OPEN_MAX;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 2 * most + DESCRIPTORS_SPARED)
        most = limit.rlim_cur > DESCRIPTORS_SPARED ? (limit.rlim_cur - DESCRIPTORS_SPARED) / 2 : 1;
    return most ? (uint32_t)most : 1;
}

void ozx_forest_prepare(const struct ozx_mount_contents *contents)
{
    int fd = contents->requests < 0 ? -1
                                    : fcntl(contents->requests, F_DUPFD_CLOEXEC,
                                            (int)open_max() + DESCRIPTORS_SPARED);

    if (fd >= 0)
        close(fd);
}

static int open_directory(const struct ozx_mount_options *options,
                          struct ozx_mount_contents *contents, int socket,
                          struct ozx_forest *forest)
{
    const struct ozx_seen *seen = &contents->root;
    const struct ozx_item root = {.uid = options->uid_given ? options->uid : seen->uid,
                                  .gid = options->gid_given ? options->gid : seen->gid,
                                  .mode = seen->mode & options->directory_mode,
                                  .mtime = seen->mtime};
    int failure = ozx_catalog_open(&root, &forest->catalog);

    if (!failure)
        failure = ozx_requests_open(contents->requests, forest->catalog, forest->gates,
                                    &forest->requests);
    if (failure)
        return fail(socket, failure);
    contents->requests = -1;
    forest->node_count = NODES_OF_ONE;
    return 0;
}

static int open_gates(const struct ozx_mount_options *options,
                      const struct ozx_mount_contents *contents, int socket,
                      struct ozx_forest *forest)
{
    struct ozx_gates_options limits = {.how.subdir = options->subdir,
                                       .idle_ms = (uint64_t)options->timeout_s * 1000};

    if (contents->requests >= 0) {
        forest->notes = calloc(1, sizeof *forest->notes);
        if (!forest->notes)
            return -ENOMEM;
        forest->notes->forest = forest;
        forest->notes->socket = socket;
        forest->notes->verbose = options->verbose;
        atomic_store(&forest->notes->left, NOTES_MAX);
        limits.opener = (struct ozx_gate_opener){
            .context = forest->notes, .open = open_archive, .opened = note_warnings};
        limits.open_max = open_max();
        limits.nodes_max = NODES_MAX;
        if (!limits.idle_ms)
            limits.idle_ms = (uint64_t)IDLE_S * 1000;
    }
    return ozx_gates_open(&limits, &forest->gates);
}

/* --- all of them ------------------------------------------------------------------------------ */

int ozx_forest_parse(const struct ozx_mount_options *options, struct ozx_mount_contents *contents,
                     int socket, int table, struct ozx_forest *forest)
{
    const struct teller teller = {.socket = socket};
    int failure = open_gates(options, contents, socket, forest);

    if (failure)
        return fail(socket, failure);
    if (contents->requests >= 0)
        failure = open_directory(options, contents, socket, forest);
    else if (contents->several)
        failure = parse_several(options, contents, socket, forest);
    else
        failure = parse_archive(options, &contents->archives[0], false, teller, table, forest,
                                &forest->only);
    if (!failure && options->verbose)
        tell_forest(forest, options, socket);
    return failure;
}

void ozx_forest_close(struct ozx_forest *forest)
{
    ozx_requests_close(forest->requests);
    ozx_catalog_close(forest->catalog);
    ozx_gate_close(forest->only);
    ozx_gates_close(forest->gates);
    free(forest->notes);
}
