/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a listing says of an entry.
 */
#include "info/listing.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "zarr/jansson.h"
#include "zip/method.h"

const char *ozx_method_name(uint16_t method, char buffer[OZX_METHOD_NAME_SIZE])
{
    const char *name = ozx_zip_method_name(method);

    if (name)
        return name;
    snprintf(buffer, OZX_METHOD_NAME_SIZE, "method %u", method);
    return buffer;
}

const char *ozx_time_utc(int64_t seconds, char buffer[OZX_TIME_SIZE])
{
    time_t time = (time_t)seconds;
    struct tm tm;

    if (!gmtime_r(&time, &tm) || !strftime(buffer, OZX_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm))
        snprintf(buffer, OZX_TIME_SIZE, "?");
    return buffer;
}

int ozx_json_quote(const char *text, char **out)
{
    json_t *json = ozx_jansson_file_name(text);
    int failure = ozx_jansson_format(json, JSON_ENCODE_ANY, out);

    json_decref(json);
    return failure;
}

int ozx_listing_json(const struct ozx_archive *archive, uint32_t node, char **out)
{
    char path[OZX_PATH_SIZE], time[OZX_TIME_SIZE], method[OZX_METHOD_NAME_SIZE], crc[12];
    struct ozx_node_entry entry;
    struct ozx_node_stat stat;
    json_t *json;
    int failure;

    ozx_archive_path(archive, node, path);
    ozx_archive_stat(archive, node, &stat);
    if (stat.is_directory) {
        json = json_pack("{s:s, s:s, s:s}", "path", path, "type", "directory", "mtime",
                         ozx_time_utc(stat.mtime_s, time));
    } else {
        ozx_archive_entry(archive, node, &entry);
        snprintf(crc, sizeof crc, "%08x", entry.crc32);
        json = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:s?}", "path", path, "type", "file",
                         "mtime", ozx_time_utc(stat.mtime_s, time), "size_bytes",
                         (json_int_t)stat.size_bytes, "compressed_size_bytes",
                         (json_int_t)entry.compressed_size_bytes, "method",
                         ozx_method_name(entry.method, method), "crc32", crc, "unreadable",
                         entry.eio_rule ? ozx_rule_id(entry.eio_rule) : NULL);
    }
    failure = ozx_jansson_format(json, JSON_COMPACT, out);
    json_decref(json);
    return failure;
}
