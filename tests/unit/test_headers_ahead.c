/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Local headers that are checked while the index is built: what is found sound is so, and nothing
 * that was refused without them passes.
 */
#define FORGE_MAX 5000

#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

#include "archive/archive_resolve.h"
#include "archive/index.h"
#include "check.h"
#include "forge.h"

#define NAME_SIZE 6
#define BAD 2500
#define FILES (FORGE_MAX / 10 * 9)

static char names[FORGE_MAX][NAME_SIZE + 1];

/* Every tenth entry is one of a directory. */
static struct forge *make(void)
{
    struct forge *f = calloc(1, sizeof *f);

    if (!f)
        abort();
    for (unsigned i = 0; i < FORGE_MAX; i++) {
        snprintf(names[i], sizeof names[i], i % 10 == 9 ? "%05u/" : "%06u", i);
        forge_entry(f, names[i], NAME_SIZE, "data", i % 10 == 9 ? 0 : 4);
    }
    forge_end(f, false, "");
    return f;
}

static void discard(struct forge *f)
{
    forge_free(f);
    free(f);
}

static struct ozx_source *open_file(const struct forge *f)
{
    FILE *file = tmpfile();
    struct ozx_source *source;
    int fd;

    if (!file || fwrite(f->data, 1, f->size_bytes, file) != f->size_bytes || fflush(file))
        abort();
    fd = dup(fileno(file));
    fclose(file);
    if (fd < 0 || ozx_source_open_fd(fd, &source))
        abort();
    return source;
}

static void post(void *context, uint64_t entry_count)
{
    CHECK_UINT(entry_count, FORGE_MAX);
    sem_post(context);
}

/* What the thread has found when it was through, and the tree that was built with it. */
struct found {
    bool runs; /* here; else nothing is found */
    unsigned sound;
    uint32_t size; /* of a header; 0: nothing was said of it */
    bool is_taken; /* it was believed */
};

static struct found look(const struct forge *f, unsigned entry)
{
    struct ozx_source *source = open_file(f);
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_zip_end_records records;
    struct ozx_headers_ahead *ahead = NULL;
    struct ozx_index_facts facts;
    struct ozx_warnings warnings = {0};
    struct ozx_tree tree = {0};
    struct found found = {0};
    uint32_t node;
    uint8_t byte;
    sem_t done;
    const struct ozx_archive_options options = {.counted = post, .context = &done};

    sem_init(&done, 0, 0);
    if (ozx_zip_end_records_read(source, &records, &error))
        abort();
    if (ozx_source_read_now(source, &byte, 1, 0) == 0)
        ahead = ozx_headers_ahead_begin(source, &records, &options);
    if (ahead) {
        found.runs = true;
        while (sem_wait(&done))
            ;
        const struct ozx_index_options how = {.names = OZX_NAMES_STRICT, .ahead = ahead};
        CHECK_INT(ozx_index_build(source, &records, &how, &tree, &facts, &warnings, &error), 0);
        for (uint64_t i = 0; i < FORGE_MAX; i++)
            found.sound += ozx_headers_ahead_size(ahead, i) > 0;
        found.size = ozx_headers_ahead_size(ahead, entry / 10 * 9 + entry % 10);
        CHECK_INT(ozx_tree_lookup(&tree, 0, names[entry], NAME_SIZE, &node), 0);
        found.is_taken = tree.nodes[node].where & OZX_WHERE_RESOLVED;
    }
    ozx_headers_ahead_free(ahead);
    ozx_tree_free(&tree);
    ozx_source_close(source);
    sem_destroy(&done);
    return found;
}

/* All local headers: what is wrong, with or without the thread. */
static int judge(const struct forge *f, bool is_ahead, struct ozx_error *error)
{
    const struct ozx_archive_options options = {.headers_ahead = is_ahead};
    struct ozx_source *source = open_file(f);
    struct ozx_archive *archive;
    int failure = ozx_archive_open(source, &options, &archive, error);

    if (failure) {
        ozx_source_close(source);
        return failure;
    }
    failure = ozx_archive_resolve_all(archive, 0, error);
    for (uint32_t node = 0; !failure && node < ozx_archive_node_count(archive); node++) {
        char bytes[4];
        size_t got;
        struct ozx_node_stat stat;
        ozx_archive_stat(archive, node, &stat);
        if (stat.is_directory)
            continue;
        failure = ozx_archive_read(archive, node, bytes, 4, 0, &got, error);
        CHECK(failure || (got == 4 && memcmp(bytes, "data", 4) == 0));
    }
    ozx_archive_close(archive);
    return failure;
}

static void check_same(const struct forge *f, bool is_sound)
{
    struct ozx_error without = OZX_ERROR_INIT, with = OZX_ERROR_INIT;
    int failure = judge(f, false, &without);

    CHECK(!failure == is_sound);
    CHECK_INT(judge(f, true, &with), failure);
    CHECK_STRING(with.text, without.text);
    CHECK_UINT(with.rule, without.rule);
    CHECK_UINT(with.offset_bytes, without.offset_bytes);
}

static void test_sound(void)
{
    struct forge *f = make();
    struct found found = look(f, FORGE_MAX - 2);

    if (found.runs) {
        CHECK_UINT(found.sound, FILES);
        CHECK_UINT(found.size, OZX_LOCAL_SIZE + NAME_SIZE);
        CHECK(found.is_taken);
    }
    check_same(f, true);
    discard(f);
}

/* One header that is not as it should be: nothing is said of it, and all is said of the others. */
static void test_damaged(void)
{
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
    } damages[] = {
        {"signature", 0, 'x'},
        {"flags", 6, 8},
        {"method", 8, 8},
        {"crc", 14, 1},
        {"packed size", 18, 3},
        {"size", 22, 3},
        {"name size", 26, 5},
        {"longer name", 26, 7},
        {"extra field", 28, 1},
        {"far extra", 29, 1},
        {"name", OZX_LOCAL_SIZE, 'x'},
    };
    struct forge *f = make();

    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        uint8_t *byte = f->data + f->entry[BAD].local_offset + damages[i].at, before = *byte;
        struct found found;

        *byte = damages[i].value;
        check_same(f, false);
        found = look(f, BAD);
        if (found.runs && !CHECK(!found.is_taken && found.size == 0 && found.sound == FILES - 1))
            fprintf(stderr, "    %s: %u sound\n", damages[i].what, found.sound);
        *byte = before;
    }
    discard(f);
}

/* The next entry of the directory is not the next one in the file: what reaches into that one is
 * not sound. */
static void test_order(void)
{
    struct forge *f = make();
    const size_t record = OZX_CENTRAL_SIZE + NAME_SIZE;
    uint8_t held[OZX_CENTRAL_SIZE + NAME_SIZE];

    memcpy(held, f->data + f->entry[BAD + 1].central_offset, record);
    memmove(f->data + f->entry[BAD + 1].central_offset, f->data + f->entry[BAD + 2].central_offset,
            record);
    memcpy(f->data + f->entry[BAD + 2].central_offset, held, record);
    check_same(f, true);
    ozx_put_u16(f->data + f->entry[BAD].local_offset + 28, 10);
    CHECK(!look(f, BAD).is_taken);
    check_same(f, false);
    discard(f);
}

/* Files that a later one of the same name replaces are counted, too. */
static void test_replaced(void)
{
    struct forge *f = make();

    for (unsigned i = 100; i < 104; i++) {
        memcpy(f->data + f->entry[i].local_offset + OZX_LOCAL_SIZE, names[0], NAME_SIZE);
        memcpy(f->data + f->entry[i].central_offset + OZX_CENTRAL_SIZE, names[0], NAME_SIZE);
    }
    check_same(f, true);
    f->data[f->entry[BAD].local_offset + 14] = 1;
    check_same(f, false);
    discard(f);
}

CHECK_MAIN({"sound", test_sound}, {"damaged", test_damaged}, {"order", test_order},
           {"replaced", test_replaced})
