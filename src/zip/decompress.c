/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Decompressing entries through libzip, which reads a ZIP of one entry, made up around the entry's
 * bytes (zip/wrapper.h), by position, through a zip_source of ours.
 *
 * A pool of streams is shared by all threads. A stream is used by one read at a time; the kernel
 * asks for a file's parts in parallel and a little out of order, so a read may wait for the stream
 * that is about to come by, rather than start another from the file's beginning.
 */
#include "zip/decompress.h"

#include <pthread.h>
#include <string.h>
#include <zip.h>

#include "base/wait.h"
#include "zip/dictionary.h"
#include "zip/wrapper.h"

#define STREAMS_MAX 16  /* at about 100 KiB each */
#define STEP_SIZE 65536 /* decompressed at a time */
#define DAMAGED 1       /* beside -errno of the archive: what is compressed is not right */
#define LATE_MAX_BYTES (1u << 20) /* compressed bytes that may still yield a step when time is up */
#define LOOK_UP_MS 50             /* who waits for a stream looks up so often */
#define ZLIB_MEMORY (-4)          /* Z_MEM_ERROR */
#define WAIT_BYTES (4u << 20)     /* a busy stream that will be this near is worth waiting for */

struct stream {
    struct ozx_zip_compressed compressed;
    struct ozx_source *source; /* borrowed */
    zip_t *zip;                /* NULL: the slot is empty */
    zip_file_t *file;
    zip_error_t zip_error;
    uint8_t head[OZX_WRAPPER_HEAD_SIZE], tail[OZX_WRAPPER_TAIL_SIZE];
    struct ozx_dictionary_watch watch;
    bool watching;            /* not yet while libzip looks round in the made-up ZIP */
    uint64_t watched_bytes;   /* of the entry's */
    uint64_t late_bytes;      /* read since time was up, in one step */
    uint64_t source_position; /* of libzip in the made-up ZIP */
    int source_failure;       /* -errno of the archive, which says more than libzip can */
    uint64_t position_bytes;  /* of `file` in the decompressed bytes */
    uint64_t target_bytes;    /* where it will be when the read that uses it is done */
    uint64_t used_at;         /* the pool's clock, for the least recently used */
    bool busy;
};

struct ozx_zip_streams {
    struct ozx_source *source; /* borrowed */
    pthread_mutex_t lock;
    pthread_cond_t idle; /* a stream became free */
    uint64_t clock;
    struct stream streams[STREAMS_MAX];
};

bool ozx_zip_method_supported(uint16_t method)
{
    return zip_compression_method_supported(method, 0) == 1;
}

const char *ozx_zip_library_version(void)
{
    return zip_libzip_version();
}

static uint64_t synthetic_size(const struct stream *s)
{
    return OZX_WRAPPER_HEAD_SIZE + s->compressed.compressed_size_bytes + OZX_WRAPPER_TAIL_SIZE;
}

/* In the middle of a step, which is small, but may take any amount of compressed bytes: an end that
 * was asked for comes at once; if only the time is up, the step may be finished, so that the stream
 * can go on. */
static int stop_within_step(struct stream *s, uint64_t size)
{
    int stopped = ozx_source_stopped(s->source);

    if (stopped != -ETIMEDOUT)
        return stopped;
    s->late_bytes += size;
    return s->late_bytes > LATE_MAX_BYTES ? stopped : 0;
}

/* Bytes of the entry, at `at` in it. */
static int read_entry(struct stream *s, uint8_t *out, uint64_t size, uint64_t at)
{
    int failure = stop_within_step(s, size);

    if (!failure)
        failure =
            ozx_source_read(s->source, out, (size_t)size, s->compressed.data_offset_bytes + at);
    /* libzip reads on and on, or again what it had. */
    if (failure || !s->watching)
        return failure;
    if (at <= s->watched_bytes && at + size > s->watched_bytes) {
        failure = ozx_dictionary_watch_show(&s->watch, out + (s->watched_bytes - at),
                                            (size_t)(at + size - s->watched_bytes));
        s->watched_bytes = at + size;
    } else if (at > s->watched_bytes) {
        failure = -EBADMSG;
    }
    return failure;
}

/* One contiguous part of the made-up ZIP at the stream's position; how many bytes, or -errno. */
static int64_t read_part(struct stream *s, uint8_t *out, uint64_t size)
{
    uint64_t at = s->source_position,
             data_end = OZX_WRAPPER_HEAD_SIZE + s->compressed.compressed_size_bytes;
    const uint8_t *made = at < OZX_WRAPPER_HEAD_SIZE ? s->head + at : NULL;
    uint64_t left = OZX_WRAPPER_HEAD_SIZE - at;

    if (at >= OZX_WRAPPER_HEAD_SIZE)
        left = data_end - at;
    if (at >= data_end) {
        made = s->tail + (at - data_end);
        left = synthetic_size(s) - at;
    }
    if (size > left)
        size = left;
    if (made) {
        memcpy(out, made, size);
    } else if (size) {
        int failure = read_entry(s, out, size, at - OZX_WRAPPER_HEAD_SIZE);
        if (failure)
            return failure;
    }
    s->source_position += size;
    return (int64_t)size;
}

static zip_int64_t source_read(struct stream *s, uint8_t *out, zip_uint64_t size)
{
    uint64_t got = 0;

    while (got < size) {
        int64_t part = read_part(s, out + got, size - got);
        if (part < 0) {
            s->source_failure = (int)part;
            zip_error_set(&s->zip_error, ZIP_ER_READ, EIO);
            return -1;
        }
        if (part == 0)
            break;
        got += (uint64_t)part;
    }
    return (zip_int64_t)got;
}

static zip_int64_t source_seek(struct stream *s, void *data, zip_uint64_t size)
{
    zip_int64_t to = zip_source_seek_compute_offset(s->source_position, synthetic_size(s), data,
                                                    size, &s->zip_error);

    if (to < 0)
        return -1;
    s->source_position = (uint64_t)to;
    return 0;
}

static zip_int64_t source_stat(struct stream *s, void *data, zip_uint64_t size)
{
    zip_stat_t *st = ZIP_SOURCE_GET_ARGS(zip_stat_t, data, size, &s->zip_error);

    if (!st)
        return -1;
    zip_stat_init(st);
    st->valid = ZIP_STAT_SIZE;
    st->size = synthetic_size(s);
    return sizeof *st;
}

static zip_int64_t source_callback(void *context, void *data, zip_uint64_t size,
                                   zip_source_cmd_t command)
{
    struct stream *s = context;

    switch (command) {
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE,
                                              ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
                                              ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, -1);
    case ZIP_SOURCE_OPEN:
        s->source_position = 0;
        return 0;
    case ZIP_SOURCE_READ:
        return source_read(s, data, size);
    case ZIP_SOURCE_SEEK:
        return source_seek(s, data, size);
    case ZIP_SOURCE_TELL:
        return (zip_int64_t)s->source_position;
    case ZIP_SOURCE_STAT:
        return source_stat(s, data, size);
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&s->zip_error, data, size);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
        return 0;
    default:
        zip_error_set(&s->zip_error, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
}

static void stream_close(struct stream *s)
{
    if (s->file)
        zip_fclose(s->file);
    if (s->zip)
        zip_discard(s->zip);
    s->file = NULL;
    s->zip = NULL;
}

/* Why libzip failed: the archive could not be read, memory, or the entry's bytes. */
static int reason(const struct stream *s, const zip_error_t *error)
{
    int code = zip_error_code_zip(error);

    if (s->source_failure)
        return s->source_failure == -EBADMSG ? DAMAGED : s->source_failure;
    if (code == ZIP_ER_MEMORY ||
        (code == ZIP_ER_ZLIB && zip_error_code_system(error) == ZLIB_MEMORY))
        return -ENOMEM;
    return DAMAGED;
}

/* Starts `s`, which is closed, at the first byte of its entry (`compressed`, set under the lock).
 */
static int stream_open(struct stream *s, struct ozx_source *source)
{
    zip_error_t error;
    zip_source_t *made_up;

    s->source = source;
    s->source_failure = 0;
    s->position_bytes = 0;
    s->watched_bytes = 0;
    s->watching = false;
    ozx_dictionary_watch_start(&s->watch, s->compressed.method);
    zip_error_init(&s->zip_error);
    ozx_wrapper_make(&s->compressed, s->head, s->tail);
    zip_error_init(&error);
    made_up = zip_source_function_create(source_callback, s, &error);
    if (made_up) {
        s->zip = zip_open_from_source(made_up, ZIP_RDONLY, &error);
        if (!s->zip)
            zip_source_free(made_up);
    }
    zip_error_fini(&error);
    /* The ZIP is ours and right. Without memory libzip says all kinds of things. */
    if (!s->zip)
        return s->source_failure ? s->source_failure : -ENOMEM;
    s->watching = true;
    s->file = zip_fopen_index(s->zip, 0, 0);
    return s->file ? 0 : reason(s, zip_get_error(s->zip));
}

/* The source said to stop, between two steps: the stream stands where it stands. */
static bool is_pause(const struct stream *s, int failure)
{
    return (failure == -EINTR || failure == -ETIMEDOUT) && !s->source_failure;
}

/* Exactly `size` bytes from where the stream stands. 0, -errno, DAMAGED. */
static int stream_read(struct stream *s, uint8_t *buffer, uint64_t size)
{
    while (size) {
        zip_int64_t got;
        s->late_bytes = 0;
        got = zip_fread(s->file, buffer, size < STEP_SIZE ? size : STEP_SIZE);
        if (got <= 0) /* an error, or the end before the size that the directory claims */
            return reason(s, zip_file_get_error(s->file));
        buffer += got;
        size -= (uint64_t)got;
        s->position_bytes += (uint64_t)got;
    }
    return 0;
}

/* At the end: nothing more may come. A wrong CRC shows here too, and is passed over: it is not
 * checked on reads of stored entries either (rule crc). */
static int stream_check_end(struct stream *s)
{
    uint8_t more;

    if (s->position_bytes < s->compressed.uncompressed_size_bytes)
        return 0;
    return zip_fread(s->file, &more, 1) > 0 ? DAMAGED : 0;
}

static int stream_serve(struct stream *s, struct ozx_source *source, uint8_t *buffer, size_t size,
                        uint64_t offset)
{
    OZX_AUTO_FREE uint8_t *skip = NULL;
    int failure = 0;

    if (!s->file || s->position_bytes > offset) {
        stream_close(s);
        failure = stream_open(s, source);
    }
    if (!failure && s->position_bytes < offset) {
        skip = malloc(STEP_SIZE);
        if (!skip)
            failure = -ENOMEM;
    }
    /* A pause is only here: in the midst of what was asked for it would be lost. */
    while (!failure && s->position_bytes < offset) {
        uint64_t part = offset - s->position_bytes;
        failure = ozx_source_stopped(source);
        if (!failure)
            failure = stream_read(s, skip, part < STEP_SIZE ? part : STEP_SIZE);
    }
    if (!failure)
        failure = stream_read(s, buffer, size);
    if (!failure)
        failure = stream_check_end(s);
    if (failure && !is_pause(s, failure))
        stream_close(s);
    return failure;
}

static bool is_of(const struct stream *s, uint64_t key)
{
    return (s->busy || s->zip) && s->compressed.key == key;
}

/* With the lock held: a stream to use, or NULL if it is better to wait for one. */
static struct stream *choose(struct ozx_zip_streams *pool, uint64_t key, uint64_t offset)
{
    struct stream *best = NULL, *oldest = NULL;

    for (int i = 0; i < STREAMS_MAX; i++) {
        struct stream *s = &pool->streams[i];
        if (s->busy) {
            if (is_of(s, key) && s->target_bytes <= offset &&
                offset - s->target_bytes <= WAIT_BYTES)
                return NULL;
            continue;
        }
        if (is_of(s, key) && s->position_bytes <= offset &&
            (!best || s->position_bytes > best->position_bytes))
            best = s;
        if (!oldest || s->used_at < oldest->used_at)
            oldest = s;
    }
    return best ? best : oldest;
}

/* With the lock held, which is open while it waits. */
static void wait_a_little(struct ozx_zip_streams *pool)
{
    const struct timespec until = ozx_wait_end(LOOK_UP_MS);

    pthread_cond_timedwait(&pool->idle, &pool->lock, &until);
}

/* 0 and a stream, or what the source said while this waited for one. */
static int acquire(struct ozx_zip_streams *pool, const struct ozx_zip_compressed *compressed,
                   size_t size, uint64_t offset, struct stream **out)
{
    struct stream *s;
    int stopped = 0;

    pthread_mutex_lock(&pool->lock);
    while (!(s = choose(pool, compressed->key, offset)) &&
           !(stopped = ozx_source_stopped(pool->source)))
        wait_a_little(pool);
    if (s) {
        s->busy = true;
        s->target_bytes = offset + size;
        s->used_at = ++pool->clock;
        if (!is_of(s, compressed->key) || !s->zip) {
            /* Others look at the key of a busy stream, so a slot changes hands under the lock. */
            stream_close(s);
            s->compressed = *compressed;
        }
    }
    pthread_mutex_unlock(&pool->lock);
    *out = s;
    return stopped;
}

static void release(struct ozx_zip_streams *pool, struct stream *s)
{
    pthread_mutex_lock(&pool->lock);
    s->busy = false;
    pthread_cond_broadcast(&pool->idle);
    pthread_mutex_unlock(&pool->lock);
}

int ozx_zip_streams_open(struct ozx_source *source, struct ozx_zip_streams **out)
{
    struct ozx_zip_streams *pool = calloc(1, sizeof *pool);

    if (!pool)
        return -ENOMEM;
    pool->source = source;
    pthread_mutex_init(&pool->lock, NULL);
    ozx_wait_condition_init(&pool->idle);
    *out = pool;
    return 0;
}

void ozx_zip_streams_close(struct ozx_zip_streams *streams)
{
    if (!streams)
        return;
    for (int i = 0; i < STREAMS_MAX; i++)
        stream_close(&streams->streams[i]);
    pthread_cond_destroy(&streams->idle);
    pthread_mutex_destroy(&streams->lock);
    free(streams);
}

static int explain(int failure, uint64_t at, struct ozx_error *error)
{
    switch (failure) {
    case 0:
        return 0;
    case -ESTALE:
        return ozx_error_set(error, failure, OZX_RULE_CHANGED, at, NULL,
                             "the archive changed while it was open");
    case -ENOMEM:
        return ozx_error_memory(error);
    case -ETIMEDOUT:
        return ozx_error_set(error, failure, OZX_RULE_COMPRESSED, at,
                             "read it from its start, or unpack it",
                             "decompressing it up to there takes too long");
    case -E2BIG:
        return ozx_error_set(error, -EIO, OZX_RULE_COMPRESSED, at, "write it uncompressed",
                             "its compressed data need a dictionary of more than %u MiB",
                             (unsigned)(OZX_DICTIONARY_MAX_BYTES >> 20));
    case DAMAGED:
        return ozx_error_set(error, -EIO, OZX_RULE_COMPRESSED, at,
                             "get the file again, or ask its author",
                             "its compressed data are damaged or have another size");
    default:
        return ozx_error_set(error, failure, OZX_RULE_NONE, at, NULL, "%s", strerror(-failure));
    }
}

int ozx_zip_streams_read(struct ozx_zip_streams *streams,
                         const struct ozx_zip_compressed *compressed, void *buffer,
                         size_t size_bytes, uint64_t offset_bytes, struct ozx_error *error)
{
    struct stream *s;
    int failure = acquire(streams, compressed, size_bytes, offset_bytes, &s);

    if (!failure) {
        failure = stream_serve(s, streams->source, buffer, size_bytes, offset_bytes);
        release(streams, s);
    }
    return explain(failure, compressed->data_offset_bytes, error);
}
