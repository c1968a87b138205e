/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as a damaged archive: as they are, and once more without what stands behind the last
 * local header that the end of an archive could be made of. What is recovered is whole: each entry
 * that is not left out reads to its end and has its CRC, and each loss was told in one line.
 */
#include <string.h>

#include "../kit/source_memory.h"
#include "fuzz.h"
#include "pack/recover.h"
#include "zip/crc.h"

#define ENTRY_MAX (1u << 20) /* larger entries are not summed a second time here */

struct told {
    uint64_t lost;
    unsigned broken;
};

static void check_line(const struct ozx_error *error)
{
    FUZZ_CHECK(error->code < 0 && error->text[0]);
    for (const char *p = error->text; *p; p++)
        FUZZ_CHECK((unsigned char)*p >= 0x20 && *p != 0x7F);
}

static void on_broken(void *context, const struct ozx_error *why)
{
    struct told *told = context;

    check_line(why);
    told->broken++;
}

static void on_lost(void *context, const struct ozx_error *what)
{
    struct told *told = context;

    check_line(what);
    told->lost++;
}

static void check_entry(struct ozx_archive *archive, uint32_t node, uint64_t size)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_node_entry entry;
    uint8_t *data;
    size_t got = 0;

    if (size > ENTRY_MAX)
        return;
    data = malloc(size ? (size_t)size : 1);
    FUZZ_CHECK(data);
    ozx_archive_entry(archive, node, &entry);
    FUZZ_CHECK(ozx_archive_read(archive, node, data, (size_t)size, 0, &got, &error) == 0);
    FUZZ_CHECK(got == size && (!size || ozx_crc32(0, data, got) == entry.crc32));
    free(data);
}

static uint64_t check_recovered(const struct ozx_recovery *recovery)
{
    uint64_t left_out = 0;

    for (uint32_t node = 0; node < ozx_archive_node_count(recovery->archive); node++) {
        struct ozx_node_stat stat;
        ozx_archive_stat(recovery->archive, node, &stat);
        if (recovery->left_out[node])
            left_out++;
        else if (!stat.is_directory)
            check_entry(recovery->archive, node, stat.size_bytes);
    }
    return left_out;
}

static void recover(const uint8_t *data, size_t size)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_recovery recovery = {0};
    struct told told = {0};
    struct ozx_source *source;
    /* With the junk: else what of it is damaged is not told, for repack leaves all of it out. */
    const struct ozx_recover_options options = {
        .jobs = 1, .keep_junk = true, .context = &told, .broken = on_broken, .lost = on_lost};

    if (source_open_memory(data, size, &source))
        return;
    if (ozx_recover(source, &options, &recovery, &error) == 0) {
        FUZZ_CHECK(recovery.archive && recovery.left_out);
        FUZZ_CHECK(recovery.scanned == (told.broken == 1) && told.broken <= 1);
        FUZZ_CHECK(check_recovered(&recovery) <= told.lost);
    } else {
        check_line(&error);
    }
    FUZZ_CHECK(recovery.lost == told.lost);
    ozx_recovery_close(&recovery);
}

/* Where the last record that belongs to no entry begins: cut there, an archive that opens is
 * scanned. */
static size_t without_end(const uint8_t *data, size_t size)
{
    for (size_t at = size; at-- > 0 && size - at < 65536;)
        if (size - at >= 4 &&
            (memcmp(data + at, "PK\1\2", 4) == 0 || memcmp(data + at, "PK\3\4", 4) == 0))
            return at;
    return size / 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    recover(data, size);
    recover(data, without_end(data, size));
    return 0;
}
