/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All local headers, in the order of the file (of its pages: within one, any order will do). Where
 * they stand close together the file is read from front to back, in large pieces; where much data
 * lie between them each is read by itself, and the disk is told of the next ones in time.
 */
#include "archive/archive_resolve.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive_state.h"
#include "base/clock.h"
#include "base/crew.h"
#include "zip/format.h"

#define WINDOW_BYTES (UINT64_C(1) << 20) /* read at once, where headers stand close together */
#define PAGE_BITS 16
#define PAGE_BYTES (UINT64_C(1) << PAGE_BITS) /* that is: the next one is not farther away */
#define HEADER_BYTES 512 /* read at once otherwise: with name and extra field, mostly */
#define AHEAD 32         /* headers that the disk is told of before they are read */
#define THREADS_MAX 4    /* that read and check */
#define ALONE_COUNT 4096 /* with fewer headers there is one */
#define NODES_AHEAD 8    /* so many are fetched into the cache in time */
#define JUDGED 64        /* so many tell how long all of them will take */
#define DIGIT_BITS 12    /* of a page's number, by which places are sorted at once */
#define DIGITS (1u << DIGIT_BITS)

struct place {
    uint64_t offset_bytes; /* of the local header */
    uint32_t node;
};

struct resolve {
    struct ozx_archive *archive;
    struct place *places; /* owned, in the order of their pages */
    uint32_t count;
    uint32_t next,
        told; /* with the crew's lock: given out, and told to the disk, are those in front of it */
    int64_t started_ms, limit_ms;
    struct ozx_crew crew;
    pthread_mutex_t lock;   /* of the two below */
    struct ozx_error error; /* of the first place that has one, whoever comes first */
    uint32_t failed;
};

/* What a thread has read of the archive. */
struct window {
    uint8_t *bytes; /* owned */
    uint64_t start_bytes, size_bytes;
};

static uint64_t page_of(uint64_t offset_bytes)
{
    return offset_bytes >> PAGE_BITS;
}

/* Digit by digit, the lowest one first (a radix sort): a million of them take a fifth of qsort()'s
 * time. */
static void sort_by_digit(const struct place *from, struct place *to, uint32_t count,
                          unsigned shift)
{
    uint32_t next[DIGITS] = {0}, before = 0;

    for (uint32_t i = 0; i < count; i++)
        next[from[i].offset_bytes >> shift & (DIGITS - 1)]++;
    for (uint32_t digit = 0; digit < DIGITS; digit++) {
        uint32_t size = next[digit];
        next[digit] = before;
        before += size;
    }
    for (uint32_t i = 0; i < count; i++)
        to[next[from[i].offset_bytes >> shift & (DIGITS - 1)]++] = from[i];
}

static int sort_places(struct resolve *r, uint64_t last_bytes, struct ozx_error *error)
{
    struct place *from = r->places, *to = malloc(sizeof *to * r->count);

    if (!to)
        return ozx_error_memory(error);
    for (unsigned shift = PAGE_BITS; shift < 64 && last_bytes >> shift; shift += DIGIT_BITS) {
        struct place *sorted = to;
        sort_by_digit(from, to, r->count, shift);
        to = from;
        from = sorted;
    }
    r->places = from;
    free(to);
    return 0;
}

/* The files whose headers were not read yet. Refuses what nobody can read anyway. */
static int collect(struct resolve *r, struct ozx_error *error)
{
    const struct ozx_tree *tree = &r->archive->tree;
    uint64_t last_bytes = 0;
    bool sorted = true;

    r->places = malloc(sizeof *r->places * tree->node_count);
    if (!r->places)
        return ozx_error_memory(error);
    for (uint32_t i = 0; i < tree->node_count; i++) {
        const struct ozx_node *n = &tree->nodes[i];
        uint64_t where = ozx_node_where(n);

        if (ozx_node_is_directory(n))
            continue;
        if (ozx_tree_eio(tree, i))
            return ozx_archive_fail_by_policy(r->archive, i, error);
        if (where & OZX_WHERE_RESOLVED)
            continue;
        where &= OZX_WHERE_OFFSET;
        sorted = sorted && page_of(last_bytes) <= page_of(where);
        last_bytes = where > last_bytes ? where : last_bytes;
        r->places[r->count++] = (struct place){where, i};
    }
    return sorted ? 0 : sort_places(r, last_bytes, error);
}

/* True if the header at `i` and the next one are worth one read. */
static bool is_dense(const struct resolve *r, uint32_t i)
{
    return i + 1 < r->count &&
           r->places[i + 1].offset_bytes < r->places[i].offset_bytes + PAGE_BYTES;
}

/* Where headers stand alone, the disk gets to know of the next ones. */
static void tell_ahead(struct resolve *r, uint32_t i)
{
    struct ozx_range ranges[AHEAD];
    size_t count = 0;

    if (r->told >= i + AHEAD / 2 || r->told >= r->count)
        return;
    if (r->told < i)
        r->told = i;
    while (count < AHEAD && r->told < r->count)
        ranges[count++] = (struct ozx_range){r->places[r->told++].offset_bytes, HEADER_BYTES};
    ozx_source_will_need(r->archive->source, ranges, count);
}

/* Puts at least `size_bytes` from `offset_bytes` on into the window, as far as the archive goes. */
static int fill(const struct resolve *r, struct window *w, uint64_t offset_bytes,
                uint64_t size_bytes)
{
    uint64_t left = ozx_source_size(r->archive->source) - offset_bytes;
    int failure;

    if (size_bytes > left)
        size_bytes = left;
    w->size_bytes = 0;
    failure = ozx_source_read(r->archive->source, w->bytes, (size_t)size_bytes, offset_bytes);
    if (!failure) {
        w->start_bytes = offset_bytes;
        w->size_bytes = size_bytes;
    }
    return failure;
}

static int fail_read(const struct resolve *r, const struct place *place, int code,
                     struct ozx_error *error)
{
    ozx_error_set(
        error, code, code == -ESTALE ? OZX_RULE_CHANGED : OZX_RULE_NONE, place->offset_bytes, NULL,
        "%s", code == -ESTALE ? "the archive changed while it was open" : ozx_source_reason(code));
    return ozx_archive_name_entry(r->archive, place->node, error);
}

static bool is_in_window(const struct window *w, uint64_t offset_bytes, uint64_t size_bytes)
{
    return offset_bytes >= w->start_bytes && offset_bytes <= w->start_bytes + w->size_bytes &&
           w->start_bytes + w->size_bytes - offset_bytes >= size_bytes;
}

static int resolve_one(const struct resolve *r, struct window *w, uint32_t i,
                       struct ozx_error *error)
{
    const struct place *place = &r->places[i];
    struct ozx_archive *archive = r->archive;
    struct ozx_zip_local local = {0};
    char path[OZX_PATH_SIZE];
    const struct ozx_zip_expected expected =
        ozx_archive_expect(archive, place->node, place->offset_bytes, path);
    uint64_t left = ozx_source_size(archive->source) - place->offset_bytes;
    uint64_t needed = left < OZX_LOCAL_SIZE ? left : OZX_LOCAL_SIZE;
    int64_t result;

    do {
        if (!is_in_window(w, place->offset_bytes, needed)) {
            /* What else is in its page may stand in front of it. */
            uint64_t before = is_dense(r, i) ? place->offset_bytes % PAGE_BYTES : 0;
            uint64_t wanted = is_dense(r, i) ? WINDOW_BYTES : HEADER_BYTES;
            int failure = fill(r, w, place->offset_bytes - before,
                               wanted > before + needed ? wanted : before + needed);
            if (failure)
                return fail_read(r, place, failure, error);
        }
        result = ozx_zip_local_check(w->bytes + (place->offset_bytes - w->start_bytes),
                                     (size_t)(w->start_bytes + w->size_bytes - place->offset_bytes),
                                     &expected, &local, error);
        if (result > 0 && needed == (uint64_t)result) /* the archive ends in it */
            return fail_read(r, place, -EIO, error);
        needed = (uint64_t)result;
    } while (result > 0);
    if (result < 0)
        return ozx_archive_name_entry(archive, place->node, error);
    ozx_archive_remember(&archive->tree.nodes[place->node], place->offset_bytes + local.size_bytes);
    return 0;
}

/* How long it will take, by what it took so far. */
static int check_time(const struct resolve *r, uint32_t done, struct ozx_error *error)
{
    int64_t took_ms, will_ms;

    if (!r->limit_ms || done < JUDGED)
        return 0;
    took_ms = ozx_clock_ms() - r->started_ms;
    will_ms = took_ms * r->count / done;
    if (will_ms <= r->limit_ms)
        return 0;
    return ozx_error_set(error, -ETIME, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "reading all %" PRIu32 " local headers would take about %" PRId64 " s",
                         r->count, (will_ms + 999) / 1000);
}

/* --- the crew --------------------------------------------------------------------------------- */

static int begin(void *context, void *member)
{
    struct resolve *r = context;
    struct window *w = member;

    *w = (struct window){.bytes = malloc(WINDOW_BYTES)};
    return w->bytes ? 0 : ozx_crew_stop_memory(&r->crew);
}

static void end(void *context, void *member)
{
    struct window *w = member;

    (void)context;
    free(w->bytes);
}

/* What one window has, and of those that stand alone so many that the disk has some in hand. */
static bool next(void *context, void *job)
{
    struct resolve *r = context;
    struct ozx_crew_range *range = job;
    uint64_t end_bytes;

    if (r->next == r->count)
        return false;
    if (!is_dense(r, r->next))
        tell_ahead(r, r->next);
    end_bytes = page_of(r->places[r->next].offset_bytes) * PAGE_BYTES + WINDOW_BYTES - PAGE_BYTES;
    range->first = r->next;
    while (r->next < r->count &&
           (r->next < range->first + AHEAD / 2 || r->places[r->next].offset_bytes < end_bytes))
        r->next++;
    range->last = r->next;
    return true;
}

static int fail_at(struct resolve *r, uint32_t i, const struct ozx_error *error)
{
    pthread_mutex_lock(&r->lock);
    if (!r->error.code || i < r->failed) {
        r->error = *error;
        r->failed = i;
    }
    pthread_mutex_unlock(&r->lock);
    return ozx_crew_stop(&r->crew, error, false);
}

static int work(void *context, void *member, const void *job)
{
    struct resolve *r = context;
    const struct ozx_crew_range *range = job;
    struct ozx_error error = OZX_ERROR_INIT;

    if (check_time(r, range->first, &error))
        return ozx_crew_stop(&r->crew, &error, false);
    for (uint32_t i = range->first; i < range->last; i++) {
        if (i + NODES_AHEAD < range->last)
            __builtin_prefetch(&r->archive->tree.nodes[r->places[i + NODES_AHEAD].node], 1);
        if (resolve_one(r, member, i, &error))
            return fail_at(r, i, &error);
    }
    return 0;
}

static unsigned count_threads(const struct resolve *r)
{
    unsigned processors = r->count < ALONE_COUNT ? 1 : ozx_processor_count();

    return processors < THREADS_MAX ? processors : THREADS_MAX;
}

static int resolve(struct resolve *r, struct ozx_error *error)
{
    const struct ozx_crew_task task = {.threads = count_threads(r),
                                       .member_size = sizeof(struct window),
                                       .context = r,
                                       .begin = begin,
                                       .next = next,
                                       .work = work,
                                       .end = end};
    int failure;

    ozx_crew_init(&r->crew, &task);
    ozx_crew_run(&r->crew);
    failure = ozx_crew_end(&r->crew, NULL, error);
    if (r->error.code)
        *error = r->error;
    return failure ? error->code : 0;
}

int ozx_archive_resolve_all(struct ozx_archive *archive, int64_t limit_ms, struct ozx_error *error)
{
    struct resolve r = {.archive = archive,
                        .started_ms = ozx_clock_ms(),
                        .limit_ms = limit_ms,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .error = OZX_ERROR_INIT};
    int failure = collect(&r, error);

    if (!failure && r.count)
        failure = resolve(&r, error);
    free(r.places);
    return failure;
}
