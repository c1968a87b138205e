/* SPDX-License-Identifier: BSD-2-Clause
 *
 * zip/ over a disk that fails: every read of a file in turn is an error, is interrupted, or comes
 * in part. An error ends in an error; the others change nothing. This program's own preadv(2) takes
 * the place of the C library's.
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "check.h"
#include "forge.h"
#include "zip/crc.h"
#include "zip/decompress.h"
#include "zip/directory.h"
#include "zip/local.h"
#include "zip/scan.h"
#include "zip/window.h"

enum fault { NO_FAULT, FAIL, INTERRUPT, CUT, END };

static enum fault fault;
static unsigned fault_at, reads; /* the reads of a file are counted from 0 */

static ssize_t positional_read(int fd, const struct iovec *parts, int count, off_t offset)
{
    struct iovec some = parts[0];

    if (fault == NO_FAULT || reads++ != fault_at)
        return syscall(SYS_preadv, fd, parts, count, offset, (long)(offset >> 31 >> 1));
    if (fault == FAIL || fault == INTERRUPT) {
        errno = fault == FAIL ? EIO : EINTR;
        return -1;
    }
    if (fault == END)
        return 0;
    some.iov_len = some.iov_len / 2 + 1;
    return syscall(SYS_preadv, fd, &some, 1, offset, (long)(offset >> 31 >> 1));
}

ssize_t preadv(int fd, const struct iovec *parts, int count, off_t offset);
ssize_t preadv(int fd, const struct iovec *parts, int count, off_t offset)
{
    return positional_read(fd, parts, count, offset);
}

ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags);
ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    (void)flags;
    return positional_read(fd, parts, count, offset);
}

/* --- a file of several kinds of entries ------------------------------------------------------- */

#define BIG_SIZE 700000 /* more than two windows of the scan */

static void set_method(struct forge *f, size_t i, uint16_t method, uint32_t size)
{
    uint8_t *local = f->data + f->entry[i].local_offset,
            *central = f->data + f->entry[i].central_offset;

    ozx_put_u16(local + 8, method);
    ozx_put_u32(local + 22, size);
    ozx_put_u16(central + 10, method);
    ozx_put_u32(central + 24, size);
}

/* What stands behind the data of the entry written last, and in its headers then. */
static void descriptor_behind(struct forge *f, const uint8_t *data, size_t size)
{
    uint8_t *p = forge_room(f, 16);

    p = ozx_put_u32(p, OZX_DESCRIPTOR_SIGNATURE);
    p = ozx_put_u32(p, ozx_crc32(0, data, size));
    ozx_put_u32(ozx_put_u32(p, (uint32_t)size), (uint32_t)size);
    p = f->data + f->entry[f->count - 1].local_offset;
    ozx_put_u16(p + 6, OZX_FLAG_DESCRIPTOR);
    ozx_put_u32(ozx_put_u32(p + 18, 0), 0);
}

static int some_file(void)
{
    static const char deflated[] = "\x01\x05\x00\xfa\xffhello";
    static uint8_t big[BIG_SIZE];
    char path[] = "/tmp/ozxfs-unit.XXXXXX", name[600];
    struct forge f = {0};
    int fd = mkstemp(path);

    for (size_t i = 0; i < sizeof big;
         i++) /* "PK" in it, which is no record, and a descriptor that is none */
        big[i] = (uint8_t)(i % 1000 == 7 ? 'P' : i % 1000 == 8 ? 'K' : i * i >> 8);
    ozx_put_u32(
        ozx_put_u32(ozx_put_u32(ozx_put_u32(big + 500000, OZX_DESCRIPTOR_SIGNATURE), 77), 500000),
        500000);
    ozx_put_u32(big + 500016, OZX_LOCAL_SIGNATURE);
    memset(name, 'n', sizeof name);
    name[200] = name[400] = '/';
    forge_text(&f, "zarr.json", "{}");
    forge_entry(&f, "packed", 6, deflated, 10);
    forge_entry(&f, name, sizeof name, "long", 4); /* its header takes two reads */
    forge_entry(&f, "big", 3, big, sizeof big);
    descriptor_behind(&f, big, sizeof big);
    forge_text(&f, "last", "one");
    forge_end(&f, true, "comment");
    set_method(&f, 1, OZX_METHOD_DEFLATE, 5);
    ozx_put_u16(f.data + f.entry[3].central_offset + 8, OZX_FLAG_DESCRIPTOR);
    ozx_put_u32(f.data + f.entry[3].central_offset + 16, ozx_crc32(0, big, sizeof big));
    if (fd < 0 || unlink(path) < 0 || write(fd, f.data, f.size_bytes) != (ssize_t)f.size_bytes)
        abort();
    forge_free(&f);
    return fd;
}

/* --- everything that zip/ reads of it --------------------------------------------------------- */

struct seen {
    struct ozx_source *source;
    struct ozx_zip_streams *streams;
    uint64_t limit;
    unsigned entries, scanned, lost;
    uint32_t crc32; /* of all that was read, in order */
};

static int read_entry(void *context, const struct ozx_zip_entry *entry, struct ozx_error *error)
{
    struct seen *seen = context;
    const struct ozx_zip_expected expected = {
        .local_offset_bytes = entry->local_offset_bytes,
        .compressed_size_bytes = entry->compressed_size_bytes,
        .uncompressed_size_bytes = entry->uncompressed_size_bytes,
        .data_end_limit_bytes = seen->limit,
        .name = entry->path,
        .name_size_bytes = entry->path_size_bytes,
        .flags = entry->flags,
        .method = entry->method,
        .crc32 = entry->crc32,
    };
    struct ozx_zip_compressed compressed = {.compressed_size_bytes = entry->compressed_size_bytes,
                                            .uncompressed_size_bytes =
                                                entry->uncompressed_size_bytes,
                                            .method = entry->method};
    uint8_t data[8] = {0};
    int failure =
        ozx_zip_local_resolve(seen->source, &expected, &compressed.data_offset_bytes, error);

    seen->entries++;
    if (!failure && entry->method)
        failure = ozx_zip_streams_read(seen->streams, &compressed, data, 5, 0, error);
    seen->crc32 = ozx_crc32(seen->crc32, data, sizeof data);
    seen->crc32 = ozx_crc32(seen->crc32, &compressed.data_offset_bytes, 8);
    return failure;
}

static int on_found(void *context, const struct ozx_zip_scanned *entry, struct ozx_error *error)
{
    struct seen *seen = context;

    (void)error;
    seen->scanned++;
    seen->crc32 = ozx_crc32(seen->crc32, entry->name, entry->name_size_bytes);
    seen->crc32 = ozx_crc32(seen->crc32, &entry->compressed_size_bytes, 8);
    return 0;
}

static void on_lost(void *context, const struct ozx_error *what)
{
    struct seen *seen = context;

    (void)what;
    seen->lost++;
}

static int read_all(struct seen *seen, struct ozx_error *error)
{
    const struct ozx_zip_scan scan = {.context = seen, .found = on_found, .lost = on_lost};
    struct ozx_zip_end_records records;
    bool complete = false;
    int failure = ozx_zip_end_records_read(seen->source, &records, error);

    if (!failure) {
        seen->limit = records.directory_offset_bytes;
        failure = ozx_zip_directory_walk(seen->source, &records, read_entry, seen, error);
    }
    if (!failure)
        failure = ozx_zip_scan(seen->source, &scan, &complete, error);
    if (!failure)
        CHECK(complete);
    return failure;
}

/* One run with one fault; how many reads of the file there were. */
static unsigned run(int fd, enum fault kind, unsigned at, struct seen *seen,
                    struct ozx_error *error, int *result)
{
    *seen = (struct seen){0};
    *error = (struct ozx_error)OZX_ERROR_INIT;
    fault = kind;
    fault_at = at;
    reads = 0;
    if (ozx_source_open_fd(fcntl(fd, F_DUPFD_CLOEXEC, 0), &seen->source) ||
        ozx_zip_streams_open(seen->source, &seen->streams))
        abort();
    *result = read_all(seen, error);
    fault = NO_FAULT;
    ozx_zip_streams_close(ozx_take(seen->streams));
    ozx_source_close(ozx_take(seen->source));
    return reads;
}

static void check_faults(enum fault kind)
{
    struct seen whole, seen;
    struct ozx_error error;
    int fd = some_file(), result;
    unsigned count = run(fd, FAIL, UINT32_MAX, &whole, &error, &result);

    CHECK_INT(result, 0);
    CHECK_STRING(error.text, "");
    CHECK(whole.entries == 5 && whole.scanned == 5 && whole.lost == 0);
    CHECK(count > 12);
    for (unsigned at = 0; at < count; at++) {
        run(fd, kind, at, &seen, &error, &result);
        if (kind == FAIL || kind == END) {
            if (!CHECK_INT(result, -EIO) || !CHECK(error.text[0]))
                fprintf(stderr, "    read %u of %u failed\n", at, count);
        } else if (!CHECK_INT(result, 0) ||
                   !CHECK_MEMORY(&seen, sizeof seen, &whole, sizeof whole)) {
            fprintf(stderr, "    read %u of %u, kind %d: %s\n", at, count, (int)kind, error.text);
        }
    }
    close(fd);
}

static void test_errors(void)
{
    check_faults(FAIL);
}

static void test_ends(void)
{
    check_faults(END);
}

static void test_interruptions(void)
{
    check_faults(INTERRUPT);
}

static void test_parts(void)
{
    check_faults(CUT);
}

/* --- a file that changes ---------------------------------------------------------------------- */

/* Each of the readers says that it changed; none takes it for damage. */
static void test_changed(void)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct seen seen = {0};
    struct ozx_zip_end_records records;
    const struct ozx_zip_scan scan = {.context = &seen, .found = on_found, .lost = on_lost};
    const struct ozx_zip_compressed compressed = {.compressed_size_bytes = 10,
                                                  .uncompressed_size_bytes = 5,
                                                  .data_offset_bytes = 68,
                                                  .method = OZX_METHOD_DEFLATE};
    uint8_t data[8];
    bool complete;
    int fd = some_file();

    if (ozx_source_open_fd(fd, &seen.source) || ozx_zip_streams_open(seen.source, &seen.streams))
        abort();
    CHECK_INT(ozx_zip_end_records_read(seen.source, &records, &error), 0);
    seen.limit = records.directory_offset_bytes;
    CHECK_INT(ftruncate(fd, 1000000), 0);
    CHECK_INT(ozx_zip_streams_read(seen.streams, &compressed, data, 5, 0, &error), -ESTALE);
    CHECK_STRING(ozx_rule_id(error.rule), "changed");
    error = (struct ozx_error)OZX_ERROR_INIT;
    CHECK_INT(ozx_zip_directory_walk(seen.source, &records, read_entry, &seen, &error), -ESTALE);
    CHECK(strstr(error.text, "changed"));
    error = (struct ozx_error)OZX_ERROR_INIT;
    CHECK_INT(ozx_zip_scan(seen.source, &scan, &complete, &error), -ESTALE);
    CHECK(strstr(error.text, "changed"));
    error = (struct ozx_error)OZX_ERROR_INIT;
    CHECK_INT(ozx_zip_end_records_read(seen.source, &records, &error), -ESTALE);
    CHECK(strstr(error.text, "changed"));
    ozx_zip_streams_close(seen.streams);
    ozx_source_close(seen.source);
}

CHECK_MAIN({"errors", test_errors}, {"ends", test_ends}, {"interruptions", test_interruptions},
           {"parts", test_parts}, {"changed", test_changed})
