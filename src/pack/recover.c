/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Making the end of an archive again, and asking every entry whether it is whole. Knows what a
 * central directory says; local headers are zip/scan.c's business.
 */
#include "pack/recover.h"

#include <stdatomic.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crew.h"
#include "pack/junk.h"
#include "zip/crc.h"
#include "zip/format.h"
#include "zip/scan.h"
#include "zip/writer.h"

#define BUFFER_SIZE (512 * 1024)

#define DIRECTORY_SIZE_MAX (UINT64_C(1) << 40)

/* --- the end, made again ---------------------------------------------------------------------- */

struct rebuild {
    const struct ozx_recover_options *options;
    uint64_t *lost;
    uint8_t *directory; /* owned */
    size_t used, room;
    uint64_t entry_count;
    bool has_slash; /* in a name */
};

static int make_room(struct rebuild *r, size_t size, struct ozx_error *error)
{
    size_t room = r->room + r->room / 2 + 65536;
    uint8_t *grown;

    if (r->room - r->used >= size)
        return 0;
    if (room < r->used + size)
        room = r->used + size;
    if (room > DIRECTORY_SIZE_MAX)
        return ozx_error_memory(error);
    grown = realloc(r->directory, room);
    if (!grown)
        return ozx_error_memory(error);
    r->directory = grown;
    r->room = room;
    return 0;
}

static int on_found(void *context, const struct ozx_zip_scanned *entry, struct ozx_error *error)
{
    struct rebuild *r = context;
    int failure = make_room(r, ozx_zip_central_size_max(entry), error);

    if (failure)
        return failure;
    r->used = (size_t)(ozx_zip_put_central_of(r->directory + r->used, entry) - r->directory);
    r->entry_count++;
    r->has_slash |= memchr(entry->name, '/', entry->name_size_bytes) != NULL;
    return 0;
}

static void on_lost(void *context, const struct ozx_error *what)
{
    struct rebuild *r = context;

    ++*r->lost;
    r->options->lost(r->options->context, what);
}

/* Beside names with a '/', nobody knows what a '\' in one is (zip/name_normalize.h). */
static void drop_backslashes(struct rebuild *r)
{
    size_t kept = 0, size;

    for (size_t at = 0; at < r->used; at += size) {
        const uint8_t *header = r->directory + at;
        struct ozx_bytes b = ozx_bytes_of(header + 28, 4);
        size_t name_size = ozx_bytes_u16(&b);
        struct ozx_error lost = OZX_ERROR_INIT;
        char name[OZX_ESCAPED_SIZE];

        size = OZX_CENTRAL_SIZE + name_size + ozx_bytes_u16(&b); /* as zip/writer.c made it */
        if (!memchr(header + OZX_CENTRAL_SIZE, '\\', name_size)) {
            memmove(r->directory + kept, header, size);
            kept += size;
            continue;
        }
        r->entry_count--;
        ozx_error_set(&lost, -EBADMSG, OZX_RULE_NAME, OZX_OFFSET_NONE, NULL,
                      "entry '%s': the name has a backslash, and others have a slash",
                      ozx_escape(name, sizeof name, header + OZX_CENTRAL_SIZE, name_size));
        on_lost(r, &lost);
    }
    r->used = kept;
}

static int scan(struct rebuild *r, struct ozx_source *source, struct ozx_error *error)
{
    const struct ozx_zip_scan options = {
        .cancel = r->options->cancel, .context = r, .found = on_found, .lost = on_lost};
    uint64_t lost = *r->lost;
    bool complete;
    int failure = ozx_zip_scan(source, &options, &complete, error);

    if (failure)
        return failure;
    if (r->has_slash)
        drop_backslashes(r);
    if (!r->entry_count)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "no entry is intact: nothing to recover");
    if (!complete && *r->lost == lost) {
        struct ozx_error unknown = OZX_ERROR_INIT;
        ozx_error_set(&unknown, -EBADMSG, OZX_RULE_NONE, ozx_source_size(source), NULL,
                      "it ends between two entries; more may have followed");
        on_lost(r, &unknown);
    }
    return 0;
}

/* The source with an end joined on; `source` belongs to `*concat` on success. */
static int rebuild(struct rebuild *r, struct ozx_source *source, struct ozx_source **concat,
                   struct ozx_error *error)
{
    int failure = scan(r, source, error);

    if (!failure)
        failure = make_room(r, ozx_zip_end_records_size(0), error);
    if (failure)
        return failure;
    r->used = (size_t)(ozx_zip_put_end_records(r->directory + r->used, ozx_source_size(source),
                                               r->used, r->entry_count, "", 0) -
                       r->directory);
    failure = ozx_source_open_concat(source, r->directory, r->used, concat);
    if (failure)
        return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "%s",
                             strerror(-failure));
    r->directory = NULL; /* the source's now */
    return 0;
}

/* `source` is closed, or the archive's. */
static int open_rebuilt(struct ozx_source *source, const struct ozx_recover_options *options,
                        struct ozx_recovery *out, struct ozx_error *error)
{
    struct rebuild r = {.options = options, .lost = &out->lost};
    struct ozx_archive_options how = options->archive;
    struct ozx_source *concat = NULL;
    int failure = rebuild(&r, source, &concat, error);

    free(r.directory);
    if (failure) {
        ozx_source_close(source);
        return failure;
    }
    out->scanned = true;
    how.own_end_records = true;
    failure = ozx_open_normalized(&concat, &how, &out->archive, &out->normalized, error);
    if (failure)
        ozx_source_close(concat);
    return failure;
}

/* --- is each entry whole? --------------------------------------------------------------------- */

/* What left_out holds. */
enum loss { WHOLE, UNREADABLE, WRONG_CRC };

struct check {
    const struct ozx_recover_options *options;
    struct ozx_archive *archive;
    uint8_t *left_out; /* each byte is written by one thread */
    struct ozx_crew crew;
    uint32_t next_node; /* guarded by the crew's lock */
    atomic_uint_fast64_t files, bytes;
    uint64_t files_total, bytes_total;
};

struct member {
    uint8_t buffer[BUFFER_SIZE];
};

/* Reads the entry; what is wrong with it. A disk that cannot read it loses it like any damage. */
static enum loss read_entry(struct check *s, uint32_t node, uint64_t size, uint8_t *buffer)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_node_entry entry;
    uint64_t at = 0;
    uint32_t crc = 0;
    size_t got;
    int failure;

    ozx_archive_entry(s->archive, node, &entry);
    failure = entry.eio_rule ? -EIO
              : size         ? 0
                             : ozx_archive_read(s->archive, node, buffer, 0, 0, &got, &error);
    while (!failure && at < size && !ozx_crew_stopped(&s->crew)) {
        failure = ozx_archive_read(s->archive, node, buffer, BUFFER_SIZE, at, &got, &error);
        if (failure)
            break;
        crc = ozx_crc32(crc, buffer, got);
        at += got;
        atomic_fetch_add_explicit(&s->bytes, got, memory_order_relaxed);
    }
    if (failure == -ESTALE || failure == -ENOMEM)
        ozx_crew_stop(&s->crew, &error, false);
    atomic_fetch_add_explicit(&s->files, 1, memory_order_relaxed);
    if (failure)
        return UNREADABLE;
    return at == size && crc != entry.crc32 ? WRONG_CRC : WHOLE;
}

static bool next(void *context, void *job)
{
    struct check *s = context;

    return ozx_crew_next_range(&s->next_node, ozx_archive_node_count(s->archive), s->options->jobs,
                               job);
}

static int work(void *context, void *memory, const void *job)
{
    struct check *s = context;
    struct member *member = memory;
    const struct ozx_crew_range *range = job;

    for (uint32_t node = range->first; node < range->last && !ozx_crew_stopped(&s->crew); node++) {
        struct ozx_node_stat stat;

        ozx_archive_stat(s->archive, node, &stat);
        if (!stat.is_directory)
            s->left_out[node] = (uint8_t)read_entry(s, node, stat.size_bytes, member->buffer);
    }
    return 0;
}

static void progress(void *context)
{
    const struct check *s = context;

    if (s->options->progress)
        s->options->progress(s->options->context, atomic_load(&s->files), s->files_total,
                             atomic_load(&s->bytes), s->bytes_total);
}

static void count(struct check *s)
{
    uint32_t nodes = ozx_archive_node_count(s->archive);

    for (uint32_t node = 0; node < nodes; node++) {
        struct ozx_node_stat stat;
        ozx_archive_stat(s->archive, node, &stat);
        s->files_total += !stat.is_directory;
        s->bytes_total += stat.size_bytes;
    }
}

static int run_check(struct check *s, struct ozx_error *error)
{
    const struct ozx_crew_task task = {.threads = s->options->jobs,
                                       .member_size = sizeof(struct member),
                                       .context = s,
                                       .cancel = s->options->cancel,
                                       .next = next,
                                       .work = work,
                                       .progress = progress};

    count(s);
    ozx_crew_init(&s->crew, &task);
    ozx_crew_run(&s->crew);
    return ozx_crew_end(&s->crew, NULL, error);
}

/* --- what is lost ----------------------------------------------------------------------------- */

/* The reader says again why it does not read the entry. */
static void tell_unreadable(struct ozx_archive *archive, uint32_t node, struct ozx_error *error)
{
    char path[OZX_PATH_SIZE], name[OZX_ESCAPED_SIZE];
    struct ozx_node_entry entry;
    uint64_t offset;
    size_t got, size;

    ozx_archive_entry(archive, node, &entry);
    if (entry.eio_rule && ozx_archive_read(archive, node, NULL, 0, 0, &got, error))
        return;
    if (ozx_archive_data_offset(archive, node, &offset, error))
        return;
    size = ozx_archive_path(archive, node, path);
    ozx_error_set(error, -EBADMSG, entry.method ? OZX_RULE_COMPRESSED : OZX_RULE_NONE, offset, NULL,
                  "entry '%s': its data cannot be read", ozx_escape(name, sizeof name, path, size));
}

/* What is left out as junk whatever its bytes are, is not lost. */
static int ignore_junk(const struct ozx_recover_options *options, struct ozx_recovery *out,
                       struct ozx_error *error)
{
    OZX_AUTO_FREE uint8_t *junk = options->keep_junk ? NULL : ozx_junk_mark(out->archive);
    uint32_t nodes = ozx_archive_node_count(out->archive);

    if (options->keep_junk)
        return 0;
    if (!junk)
        return ozx_error_memory(error);
    for (uint32_t node = 0; node < nodes; node++)
        if (junk[node])
            out->left_out[node] = WHOLE;
    return 0;
}

static void tell_lost(const struct ozx_recover_options *options, struct ozx_recovery *out)
{
    uint32_t nodes = ozx_archive_node_count(out->archive);

    for (uint32_t node = 0; node < nodes; node++) {
        struct ozx_error error = OZX_ERROR_INIT;

        if (out->left_out[node] == WHOLE)
            continue;
        if (out->left_out[node] == WRONG_CRC)
            (void)ozx_archive_crc_error(out->archive, node, NULL, &error);
        else
            tell_unreadable(out->archive, node, &error);
        out->lost++;
        options->lost(options->context, &error);
    }
}

static int check_entries(const struct ozx_recover_options *options, struct ozx_recovery *out,
                         struct ozx_error *error)
{
    struct check s = {.options = options, .archive = out->archive};
    int failure;

    out->left_out = calloc(ozx_archive_node_count(out->archive), 1);
    if (!out->left_out)
        return ozx_error_memory(error);
    s.left_out = out->left_out;
    failure = run_check(&s, error);
    if (!failure)
        failure = ignore_junk(options, out, error);
    if (!failure)
        tell_lost(options, out);
    return failure;
}

/* --- both ------------------------------------------------------------------------------------- */

void ozx_recovery_close(struct ozx_recovery *recovery)
{
    ozx_archive_close(ozx_take(recovery->archive));
    free(ozx_take(recovery->left_out));
}

int ozx_recover(struct ozx_source *source, const struct ozx_recover_options *options,
                struct ozx_recovery *out, struct ozx_error *error)
{
    struct ozx_error why = OZX_ERROR_INIT;
    int failure =
        ozx_open_normalized(&source, &options->archive, &out->archive, &out->normalized, &why);

    if (failure && failure != -EBADMSG) {
        *error = why;
        ozx_source_close(source);
        return failure;
    }
    if (failure) {
        options->broken(options->context, &why);
        failure = open_rebuilt(source, options, out, error);
    }
    return failure ? failure : check_entries(options, out, error);
}
