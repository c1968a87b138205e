/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Extra fields.
 */
#include "zip/extra.h"

#include "base/bytes.h"
#include "zip/format.h"

/* Extended timestamp: flags, then mtime if bit 0 is set. The central form has no more than that. */
static void parse_timestamp(struct ozx_zip_extra *out, const uint8_t *data, uint16_t size)
{
    struct ozx_bytes b = ozx_bytes_of(data, size);
    const uint8_t *flags = ozx_bytes_take(&b, 1);
    int32_t seconds;

    if (!flags) {
        out->odd = true;
        return;
    }
    if (!(*flags & 1))
        return;
    seconds = (int32_t)ozx_bytes_u32(&b);
    if (b.bad) {
        out->odd = true;
        return;
    }
    out->mtime_s = seconds;
    out->mtime_known = true;
}

static void note_other(struct ozx_zip_extra *out, uint16_t id)
{
    if (!out->other)
        out->other_id = id;
    out->other = true;
}

struct ozx_zip_extra ozx_zip_extra_parse(const uint8_t *extra, size_t size_bytes)
{
    struct ozx_zip_extra out = {0};
    struct ozx_bytes b = ozx_bytes_of(extra, size_bytes);

    while (b.left_bytes) {
        uint16_t id = ozx_bytes_u16(&b), size = ozx_bytes_u16(&b);
        const uint8_t *data = ozx_bytes_take(&b, size);
        if (b.bad) {
            note_other(&out, 0);
            out.odd = true;
            break;
        }
        if (id != OZX_EXTRA_ZIP64 && id != OZX_EXTRA_TIMESTAMP && id != OZX_EXTRA_UNIX_IDS)
            note_other(&out, id);
        if (id == OZX_EXTRA_TIMESTAMP) {
            parse_timestamp(&out, data, size);
        } else if (id == OZX_EXTRA_UNICODE_PATH) {
            out.unicode_path = true;
        } else if (id == OZX_EXTRA_ZIP64 && out.zip64_count++ == 0) {
            out.zip64 = data;
            out.zip64_size_bytes = size;
        }
    }
    return out;
}

static bool is_sentinel(const uint64_t *value)
{
    return value && *value == OZX_SENTINEL32;
}

enum ozx_zip64_result ozx_zip64_apply(const struct ozx_zip_extra *extra,
                                      const struct ozx_zip64_values *values)
{
    uint64_t *const wide[] = {values->uncompressed_size_bytes, values->compressed_size_bytes,
                              values->local_offset_bytes};
    bool disk = values->disk && *values->disk == OZX_SENTINEL16;
    bool needed = disk;
    struct ozx_bytes b = ozx_bytes_of(extra->zip64, extra->zip64_size_bytes);
    uint64_t found[3] = {0};
    uint32_t found_disk = 0;

    for (int i = 0; i < 3; i++)
        needed |= is_sentinel(wide[i]);
    if (!needed)
        return extra->zip64_count ? OZX_ZIP64_ODD : OZX_ZIP64_OK;
    if (extra->zip64_count != 1)
        return extra->zip64_count ? OZX_ZIP64_DOUBLE : OZX_ZIP64_MISSING;
    for (int i = 0; i < 3; i++)
        if (is_sentinel(wide[i]))
            found[i] = ozx_bytes_u64(&b);
    if (disk)
        found_disk = ozx_bytes_u32(&b);
    if (b.bad)
        return OZX_ZIP64_SHORT;
    for (int i = 0; i < 3; i++)
        if (is_sentinel(wide[i]))
            *wide[i] = found[i];
    if (disk)
        *values->disk = found_disk;
    return b.left_bytes ? OZX_ZIP64_ODD : OZX_ZIP64_OK;
}
