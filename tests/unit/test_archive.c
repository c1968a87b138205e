/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ozx/: the archive over memory. Numbering, lookups, paths, reads, warnings, subdir.
 */
#include "../kit/source_memory.h"
#include "archive/archive.h"
#include "check.h"
#include "forge.h"
#include "archive/archive.h"

static struct ozx_archive *open_forge(const struct forge *f, const char *subdir,
                                      struct ozx_error *error, int want)
{
    struct ozx_archive *archive = NULL;
    struct ozx_source *source;
    struct ozx_archive_options options = {.subdir = subdir};

    if (source_open_memory(f->data, f->size_bytes, &source))
        abort();
    if (!CHECK_INT(ozx_archive_open(source, &options, &archive, error), want))
        fprintf(stderr, "    %s\n", error->text);
    if (!archive)
        ozx_source_close(source);
    if (!archive && !want)
        abort(); /* the tests need it */
    return archive;
}

static struct forge some_image(void)
{
    struct forge f = {0};

    forge_text(&f, "zarr.json", "{\"zarr_format\":3}");
    forge_text(&f, "s0/zarr.json", "{}");
    forge_text(&f, "s0/c/0/1", "one");
    forge_text(&f, "s0/c/0/0", "zero and more");
    forge_text(&f, "empty/", "");
    forge_text(&f, "a", "");
    forge_end(&f, true, "{\"ome\":{\"version\":\"0.5\"}}");
    return f;
}

static void check_path(const struct ozx_archive *archive, uint32_t node, const char *want)
{
    char path[OZX_PATH_SIZE];
    CHECK_UINT(ozx_archive_path(archive, node, path), strlen(want));
    CHECK_STRING(path, want);
}

/* Breadth-first, children contiguous and sorted by bytes, parents right. */
static void test_numbering(void)
{
    static const char *paths[] = {"", "a", "empty", "s0", "zarr.json", "s0/c", "s0/zarr.json",
                                  "s0/c/0", "s0/c/0/0", "s0/c/0/1"};
    struct forge f = some_image();
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_archive *archive = open_forge(&f, NULL, &error, 0);
    uint32_t node, first, count;

    CHECK_UINT(ozx_archive_node_count(archive), 10);
    for (uint32_t i = 0; i < 10; i++) {
        check_path(archive, i, paths[i]);
        CHECK_INT(ozx_archive_find(archive, paths[i], &node), 0);
        CHECK_UINT(node, i);
    }
    ozx_archive_children(archive, OZX_NODE_ROOT, &first, &count);
    CHECK(first == 1 && count == 4);
    ozx_archive_children(archive, 2, &first, &count);
    CHECK(first == 0 && count == 0);
    ozx_archive_children(archive, 1, &first, &count);
    CHECK(first == 0 && count == 0);
    CHECK_UINT(ozx_archive_parent(archive, 9), 7);
    CHECK_UINT(ozx_archive_parent(archive, OZX_NODE_ROOT), OZX_NODE_ROOT);
    ozx_archive_close(archive);
    forge_free(&f);
}

static void test_lookup(void)
{
    struct forge f = some_image();
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_archive *archive = open_forge(&f, NULL, &error, 0);
    uint32_t node = 99;

    CHECK_INT(ozx_archive_lookup(archive, 0, "s0", 2, &node), 0);
    CHECK_UINT(node, 3);
    node = 99;
    CHECK_INT(ozx_archive_lookup(archive, 0, "s", 1, &node), -ENOENT);
    CHECK_INT(ozx_archive_lookup(archive, 0, "s00", 3, &node), -ENOENT);
    CHECK_INT(ozx_archive_lookup(archive, 0, "", 0, &node), -ENOENT);
    CHECK_INT(ozx_archive_lookup(archive, 0, ".zgroup", 7, &node), -ENOENT);
    CHECK_INT(ozx_archive_lookup(archive, 1, "x", 1, &node), -ENOTDIR);
    CHECK_INT(ozx_archive_find(archive, "s0/c/0/2", &node), -ENOENT);
    CHECK_INT(ozx_archive_find(archive, "zarr.json/x", &node), -ENOTDIR);
    CHECK_INT(ozx_archive_find(archive, "zarr.json/", &node), -ENOTDIR);
    CHECK_UINT(node, 99);
    CHECK_INT(ozx_archive_find(archive, "/", &node), 0);
    CHECK_UINT(node, 0);
    CHECK_INT(ozx_archive_find(archive, "s0/", &node), 0);
    CHECK_UINT(node, 3);
    ozx_archive_close(archive);
    forge_free(&f);
}

static void test_stat(void)
{
    struct forge f = some_image();
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_archive *archive = open_forge(&f, NULL, &error, 0);
    struct ozx_node_stat st;

    ozx_archive_stat(archive, 0, &st);
    CHECK(st.is_directory && st.nlink == 4 && st.size_bytes == 0);
    ozx_archive_stat(archive, 3, &st);
    CHECK(st.is_directory && st.nlink == 3);
    ozx_archive_stat(archive, 2, &st);
    CHECK(st.is_directory && st.nlink == 2 && st.mtime_s == 1714979290);
    ozx_archive_stat(archive, 8, &st);
    CHECK(!st.is_directory && st.nlink == 1 && st.size_bytes == 13 && st.mtime_s == 1714979290);
    ozx_archive_close(archive);
    forge_free(&f);
}

static void test_read(void)
{
    struct forge f = some_image();
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_archive *archive = open_forge(&f, NULL, &error, 0);
    struct ozx_node_entry entry;
    char buffer[32];
    size_t got;
    uint64_t offset;

    for (size_t at = 0; at < 20; at++) {
        static const char want[] = "zero and more";
        size_t left = at < 13 ? 13 - at : 0, some = left < 5 ? left : 5;
        CHECK_INT(ozx_archive_read(archive, 8, buffer, 5, at, &got, &error), 0);
        CHECK_MEMORY(buffer, got, want + (at < 13 ? at : 13), some);
    }
    CHECK_INT(ozx_archive_read(archive, 8, buffer, sizeof buffer, UINT64_MAX, &got, &error), 0);
    CHECK_UINT(got, 0);
    CHECK_INT(ozx_archive_read(archive, 1, buffer, sizeof buffer, 0, &got, &error), 0);
    CHECK_UINT(got, 0);
    CHECK_INT(ozx_archive_read(archive, 3, buffer, sizeof buffer, 0, &got, &error), -EISDIR);
    CHECK_INT(ozx_archive_data_offset(archive, 8, &offset, &error), 0);
    CHECK_UINT(offset, f.entry[3].local_offset + OZX_LOCAL_SIZE + 8);
    ozx_archive_entry(archive, 8, &entry);
    CHECK(entry.compressed_size_bytes == 13 && entry.method == 0 && !entry.eio_rule);
    ozx_archive_close(archive);
    forge_free(&f);
}

static void test_read_of_bad_local_header(void)
{
    struct forge f = some_image();
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_archive *archive;
    char buffer[32] = "untouched";
    size_t got;

    f.data[f.entry[3].local_offset + 14] ^= 1;
    archive = open_forge(&f, NULL, &error, 0);
    for (int twice = 0; twice < 2; twice++) {
        CHECK_INT(ozx_archive_read(archive, 8, buffer, 5, 3, &got, &error), -EIO);
        CHECK_STRING(ozx_rule_id(error.rule), "local");
        CHECK_UINT(error.offset_bytes, f.entry[3].local_offset);
        CHECK(strstr(error.text, "s0/c/0/0"));
    }
    CHECK_INT(ozx_archive_read(archive, 9, buffer, 5, 0, &got, &error), 0);
    CHECK_MEMORY(buffer, got, "one", 3);
    ozx_archive_close(archive);
    forge_free(&f);
}

static void test_subdir(void)
{
    struct forge f = some_image();
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_archive *archive = open_forge(&f, "s0/c", &error, 0);
    uint32_t node;

    CHECK_UINT(ozx_archive_node_count(archive), 4);
    CHECK_INT(ozx_archive_find(archive, "0/1", &node), 0);
    check_path(archive, node, "s0/c/0/1");
    ozx_archive_close(archive);
    CHECK(!open_forge(&f, "nowhere", &error, -ENOENT));
    CHECK(!open_forge(&f, "zarr.json", &error, -ENOENT));
    forge_free(&f);
}

static const struct ozx_warning *warning_of(const struct ozx_archive *archive, const char *rule)
{
    size_t count;
    const struct ozx_warning *all = ozx_archive_warnings(archive, &count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(ozx_rule_id(all[i].rule), rule) == 0)
            return &all[i];
    return NULL;
}

static void test_warnings(void)
{
    struct forge f = {0};
    struct ozx_error error = OZX_ERROR_INIT;
    const struct ozx_warning *warning;
    struct ozx_archive *archive;
    uint32_t node;
    char buffer[8];
    size_t got;

    forge_text(&f, "x", "old");
    forge_text(&f, "x", "older");
    forge_text(&f, "secret", "???");
    forge_text(&f, "x", "new");
    forge_end(&f, false, "");
    ozx_put_u16(f.data + f.entry[2].central_offset + 8, OZX_FLAG_ENCRYPTED);
    archive = open_forge(&f, NULL, &error, 0);
    warning = warning_of(archive, "duplicate");
    CHECK(warning && warning->count == 2 && !warning->eio);
    warning = warning_of(archive, "encrypted");
    CHECK(warning && warning->count == 1 && warning->eio);
    CHECK(warning_of(archive, "no-root"));
    CHECK(!warning_of(archive, "local"));
    CHECK_INT(ozx_archive_find(archive, "x", &node), 0);
    CHECK_INT(ozx_archive_read(archive, node, buffer, 8, 0, &got, &error), 0);
    CHECK_MEMORY(buffer, got, "new", 3);
    CHECK_INT(ozx_archive_find(archive, "secret", &node), 0);
    CHECK_INT(ozx_archive_read(archive, node, buffer, 8, 0, &got, &error), -EIO);
    CHECK_STRING(ozx_rule_id(error.rule), "encrypted");
    ozx_archive_close(archive);
    forge_free(&f);
}

static void test_comment(void)
{
    struct forge f = some_image();
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_archive *archive = open_forge(&f, NULL, &error, 0);
    size_t size;
    const char *comment = ozx_archive_comment(archive, &size);

    CHECK_MEMORY(comment, size, "{\"ome\":{\"version\":\"0.5\"}}", 25);
    CHECK_STRING(ozx_archive_comment_version(archive), "0.5");
    ozx_archive_close(archive);
    forge_free(&f);
    f = (struct forge){0};
    forge_text(&f, "zarr.json", "{}");
    forge_end(&f, false, "");
    archive = open_forge(&f, NULL, &error, 0);
    CHECK(!ozx_archive_comment(archive, &size) && size == 0);
    CHECK(!ozx_archive_comment_version(archive));
    ozx_archive_close(archive);
    forge_free(&f);
}

CHECK_MAIN({"numbering", test_numbering}, {"lookup", test_lookup}, {"stat", test_stat},
           {"read", test_read}, {"read: bad local header", test_read_of_bad_local_header},
           {"subdir", test_subdir}, {"warnings", test_warnings}, {"comment", test_comment})
