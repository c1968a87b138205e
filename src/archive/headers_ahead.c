/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Local headers, checked ahead: the same check with the same expectations as archive_read.c has,
 * with the slack that extents.c gives.
 */
#include "archive/headers_ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/crew.h"
#include "zip/directory.h"
#include "zip/format.h"
#include "zip/local.h"

#define FILES_MIN 4096 /* fewer are read in no time afterwards */
#define FILES_MAX (UINT32_C(1) << 26)
#define WINDOW_BYTES (UINT64_C(64) << 10) /* read at once, where headers stand close together: */
#define CLOSE_BYTES 2048                  /* with so much data between them */
#define HEADER_BYTES UINT64_C(512)        /* read at once otherwise; a longer header is left out */

/* An entry, until the next one says how much room there is for its header. */
struct pending {
    bool is_wanted;
    uint64_t file;
    struct ozx_zip_expected expected;
    char path[OZX_NAME_PATH_MAX];
};

struct ozx_headers_ahead {
    struct ozx_source *source;
    const struct ozx_zip_end_records *records;
    const struct ozx_archive_options *options;
    pthread_t thread;
    bool is_running;
    atomic_bool stopped;
    uint64_t file_count; /* seen */
    uint32_t *sizes;     /* owned: of files; 0: not known */
    struct pending pending;
    uint64_t window_start_bytes, window_size_bytes;
    uint8_t window[WINDOW_BYTES];
};

/* The archive from `offset_bytes` on, `size_bytes` of it. NULL: it is not in memory. */
static const uint8_t *look(struct ozx_headers_ahead *a, uint64_t offset_bytes, uint64_t size_bytes,
                           bool is_close)
{
    uint64_t left = a->records->directory_offset_bytes - offset_bytes;
    uint64_t wanted = is_close ? sizeof a->window : size_bytes;

    if (offset_bytes >= a->window_start_bytes &&
        offset_bytes + size_bytes <= a->window_start_bytes + a->window_size_bytes)
        return a->window + (offset_bytes - a->window_start_bytes);
    a->window_size_bytes = 0;
    if (wanted > left)
        wanted = left;
    if (wanted < size_bytes || ozx_source_read_now(a->source, a->window, wanted, offset_bytes))
        return NULL;
    a->window_start_bytes = offset_bytes;
    a->window_size_bytes = wanted;
    return a->window;
}

/* The entry that is pending, when it is known that the next thing begins at `next_bytes`. False: it
 * is over. */
static bool check(struct ozx_headers_ahead *a, uint64_t next_bytes)
{
    struct ozx_zip_expected *expected = &a->pending.expected;
    struct ozx_error unused = OZX_ERROR_INIT;
    struct ozx_zip_local local = {0};
    uint64_t room, head;
    const uint8_t *bytes;

    if (!a->pending.is_wanted)
        return true;
    if (next_bytes < expected->local_offset_bytes)
        return false;
    room = next_bytes - expected->local_offset_bytes;
    head = OZX_LOCAL_SIZE + expected->name_size_bytes;
    if (room < expected->compressed_size_bytes || room - expected->compressed_size_bytes < head)
        return true;
    room -= expected->compressed_size_bytes;
    if (room - head > UINT16_MAX)
        room = head + UINT16_MAX;
    expected->data_end_limit_bytes =
        expected->local_offset_bytes + room + expected->compressed_size_bytes;
    bytes = look(a, expected->local_offset_bytes, room < HEADER_BYTES ? room : HEADER_BYTES,
                 expected->compressed_size_bytes <= CLOSE_BYTES);
    if (!bytes)
        return false;
    if (ozx_zip_local_check(bytes, room < HEADER_BYTES ? room : HEADER_BYTES, expected, &local,
                            &unused) == 0)
        a->sizes[a->pending.file] = (uint32_t)local.size_bytes;
    return true;
}

static void keep(struct ozx_headers_ahead *a, const struct ozx_zip_entry *e)
{
    struct pending *p = &a->pending;

    p->file = a->file_count;
    a->file_count += !e->is_directory;
    /* What else there is, is for archive_read.c. */
    p->is_wanted = !e->is_directory && !e->is_special && !e->name_cp437 &&
                   !(e->flags & ~(OZX_FLAG_DESCRIPTOR | OZX_FLAG_UTF8)) &&
                   e->method == OZX_METHOD_STORED &&
                   e->compressed_size_bytes == e->uncompressed_size_bytes &&
                   e->path_size_bytes == e->name_size_bytes && e->path_size_bytes <= sizeof p->path;
    if (!p->is_wanted) {
        p->expected.local_offset_bytes = e->local_offset_bytes;
        return;
    }
    memcpy(p->path, e->path, e->path_size_bytes);
    p->expected = (struct ozx_zip_expected){.local_offset_bytes = e->local_offset_bytes,
                                            .compressed_size_bytes = e->compressed_size_bytes,
                                            .uncompressed_size_bytes = e->uncompressed_size_bytes,
                                            .name = p->path,
                                            .name_size_bytes = e->path_size_bytes,
                                            .names = OZX_NAMES_STRICT,
                                            .flags = e->flags,
                                            .method = e->method,
                                            .crc32 = e->crc32};
}

static void walk(struct ozx_headers_ahead *a, struct ozx_zip_directory *directory)
{
    const struct ozx_zip_entry *e;
    struct ozx_error unused = OZX_ERROR_INIT;

    for (uint64_t i = 0; i < a->records->entry_count; i++) {
        if (atomic_load_explicit(&a->stopped, memory_order_relaxed) ||
            ozx_zip_directory_next(directory, &e, &unused) ||
            e->local_offset_bytes < a->pending.expected.local_offset_bytes ||
            !check(a, e->local_offset_bytes))
            return;
        keep(a, e);
    }
    (void)check(a, a->records->directory_offset_bytes);
}

static void *run(void *context)
{
    struct ozx_headers_ahead *a = context;
    struct ozx_zip_directory *directory;

    if (ozx_zip_directory_open(a->source, a->records, &directory) == 0) {
        walk(a, directory);
        ozx_zip_directory_close(directory);
    }
    if (a->options->counted)
        a->options->counted(a->options->context, a->records->entry_count);
    return NULL;
}

struct ozx_headers_ahead *ozx_headers_ahead_begin(struct ozx_source *source,
                                                  const struct ozx_zip_end_records *records,
                                                  const struct ozx_archive_options *options)
{
    struct ozx_headers_ahead *a;
    sigset_t all, before;

    if (records->entry_count < FILES_MIN || records->entry_count > FILES_MAX ||
        ozx_processor_count() < 2)
        return NULL;
    a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->source = source;
    a->records = records;
    a->options = options;
    a->sizes = calloc(records->entry_count, sizeof *a->sizes);
    if (a->sizes) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        a->is_running = pthread_create(&a->thread, NULL, run, a) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (!a->is_running) {
        ozx_headers_ahead_free(a);
        return NULL;
    }
    return a;
}

void ozx_headers_ahead_end(struct ozx_headers_ahead *ahead)
{
    if (!ahead || !ahead->is_running)
        return;
    atomic_store_explicit(&ahead->stopped, true, memory_order_relaxed);
    pthread_join(ahead->thread, NULL);
    ahead->is_running = false;
}

uint32_t ozx_headers_ahead_size(const struct ozx_headers_ahead *ahead, uint64_t file)
{
    return file < ahead->file_count ? ahead->sizes[file] : 0;
}

void ozx_headers_ahead_free(struct ozx_headers_ahead *ahead)
{
    if (!ahead)
        return;
    ozx_headers_ahead_end(ahead);
    free(ahead->sizes);
    free(ahead);
}
