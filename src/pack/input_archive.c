/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An archive as input, for repack and recover: what a mount of it would show, read through the same
 * reader. It cannot change unnoticed (each read asks), and it states the CRCs of its entries.
 */
#include <stdlib.h>
#include <string.h>

#include "base/stat.h"
#include "pack/input.h"
#include "pack/junk.h"
#include "zip/format.h"

struct archive_input {
    struct ozx_input input;
    struct ozx_archive *archive; /* owned */
    const uint8_t *lost;         /* borrowed; NULL: nothing is */
    uint8_t *junk; /* owned; the mark of each node (pack/junk.h), once one is asked for; NULL */
};

static struct archive_input *of(const struct ozx_input *input)
{
    return (struct archive_input *)(uintptr_t)input;
}

static void keys_of(const struct ozx_input *input, uint32_t key, uint32_t *first, uint32_t *count)
{
    ozx_archive_children(of(input)->archive, key, first, count);
}

static const char *item_of(const struct ozx_input *input, uint32_t key, struct ozx_input_item *item)
{
    const struct archive_input *self = of(input);
    struct ozx_node_stat stat;
    size_t size;
    const char *name = ozx_archive_name(self->archive, key, &size);

    ozx_archive_stat(self->archive, key, &stat);
    *item = (struct ozx_input_item){.key = key,
                                    .name_size_bytes = (uint16_t)size,
                                    .is_directory = stat.is_directory,
                                    .is_lost = self->lost && self->lost[key]};
    return name;
}

static int list(struct ozx_input *input, const char *path, size_t path_size_bytes, uint32_t key,
                struct ozx_input_listing *listing, struct ozx_error *error)
{
    struct ozx_node_stat stat;
    uint32_t first, count;

    (void)path, (void)path_size_bytes, (void)error;
    ozx_archive_stat(of(input)->archive, key, &stat);
    listing->mtime_s = stat.mtime_s;
    keys_of(input, key, &first, &count);
    for (uint32_t node = first; node < first + count; node++) {
        struct ozx_input_item item;
        const char *name = item_of(input, node, &item);

        if (!item.is_directory && listing->omits && listing->omits(name, item.name_size_bytes))
            continue;
        if (ozx_input_listing_add_item(listing, name, &item))
            return -ENOMEM;
    }
    ozx_input_listing_sort(listing);
    return 0;
}

static int look_at(const struct archive_input *self, uint32_t node, struct ozx_input_file *file,
                   struct ozx_error *error)
{
    struct ozx_node_entry entry;
    struct ozx_node_stat stat;
    size_t got;

    ozx_archive_entry(self->archive, node, &entry);
    /* The reader says itself why it does not read the entry. */
    if (entry.eio_rule && ozx_archive_read(self->archive, node, NULL, 0, 0, &got, error))
        return error->code = -EBADMSG;
    ozx_archive_stat(self->archive, node, &stat);
    *file = (struct ozx_input_file){.size_bytes = stat.size_bytes,
                                    .key = node,
                                    .mtime_s = stat.mtime_s,
                                    .in_order = entry.method != OZX_METHOD_STORED};
    return 0;
}

static int look(struct ozx_input *input, struct ozx_input_listing *listing, const char *path,
                size_t path_size_bytes, const struct ozx_input_item *item,
                struct ozx_input_file *file, struct ozx_error *error)
{
    (void)listing, (void)path, (void)path_size_bytes;
    return look_at(of(input), item->key, file, error);
}

static uint64_t key_count(const struct ozx_input *input)
{
    return ozx_archive_node_count(of(input)->archive);
}

static uint64_t size_of(const struct ozx_input *input, uint64_t key)
{
    struct ozx_node_stat stat;

    ozx_archive_stat(of(input)->archive, (uint32_t)key, &stat);
    return stat.size_bytes;
}

static bool holds_node(struct ozx_input *input, char *path, size_t path_size_bytes, uint32_t key)
{
    struct archive_input *self = of(input);

    (void)path, (void)path_size_bytes;
    if (!self->junk)
        self->junk = ozx_junk_mark(self->archive);
    return !self->junk || !self->junk[key]; /* without memory nothing is junk */
}

static bool exists(const struct ozx_input *input, const char *path)
{
    uint32_t node;

    return ozx_archive_find(of(input)->archive, path, &node) == 0;
}

static int find(const struct ozx_input *input, const char *path, struct ozx_input_file *file,
                struct ozx_error *error)
{
    const struct archive_input *self = of(input);
    struct ozx_node_stat stat;
    uint32_t node;

    if (ozx_archive_find(self->archive, path, &node))
        return -ENOENT;
    ozx_archive_stat(self->archive, node, &stat);
    return stat.is_directory ? -ENOENT : look_at(self, node, file, error);
}

static int open_nothing(const struct ozx_input *input, struct ozx_input_reader *reader,
                        const struct ozx_input_place *place, int *fd, struct ozx_error *error)
{
    (void)input, (void)reader, (void)place, (void)fd, (void)error;
    return 0;
}

static int read_entry(const struct ozx_input *input, struct ozx_input_reader *reader,
                      const struct ozx_input_place *place, int fd, void *buffer, size_t size_bytes,
                      uint64_t offset_bytes, struct ozx_error *error)
{
    struct ozx_archive *archive = of(input)->archive;
    uint32_t node = (uint32_t)place->key;
    size_t got = 0;
    int failure = ozx_archive_read(archive, node, buffer, size_bytes, offset_bytes, &got, error);

    (void)reader, (void)fd;
    if (failure == -EIO && error->rule) /* the archive's fault, not the disk's */
        failure = error->code = -EBADMSG;
    if (!failure && got != size_bytes)
        return ozx_error_set(error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "an entry ends early");
    return failure;
}

static int check_nothing(const struct ozx_input *input, struct ozx_input_reader *reader,
                         const struct ozx_input_place *place, int fd, struct ozx_error *error)
{
    (void)input, (void)reader, (void)place, (void)fd, (void)error;
    return 0;
}

static int check_crc(const struct ozx_input *input, const struct ozx_input_place *place,
                     uint32_t crc32, struct ozx_error *error)
{
    struct ozx_archive *archive = of(input)->archive;
    struct ozx_node_entry stated;

    ozx_archive_entry(archive, (uint32_t)place->key, &stated);
    if (stated.crc32 == crc32)
        return 0;
    return ozx_archive_crc_error(archive, (uint32_t)place->key,
                                 "get the file again; --recover leaves such entries out", error);
}

static bool is_unchanged(const struct ozx_input *input, const char *path, uint64_t fingerprint)
{
    (void)input, (void)path, (void)fingerprint;
    return true;
}

/* The archive that is read is not written, nor replaced. */
int ozx_input_refuse_own(const struct ozx_source *archive, const struct stat *old,
                         struct ozx_error *error)
{
    int fd = ozx_source_fd(archive);
    struct stat own;

    if (!old->st_nlink || fd < 0 || ozx_fstat(fd, &own) < 0 || old->st_dev != own.st_dev ||
        old->st_ino != own.st_ino)
        return 0;
    return ozx_error_set(error, -EEXIST, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "give another name, and rename it later", "is the archive being read");
}

static int check_output(const struct ozx_input *input, const struct ozx_output_file *output,
                        struct ozx_error *error)
{
    return output->in_place
               ? 0
               : ozx_input_refuse_own(ozx_archive_source(of(input)->archive), &output->old, error);
}

static const char *version(const struct ozx_input *input)
{
    return ozx_archive_comment_version(of(input)->archive);
}

static void close_input(struct ozx_input *input)
{
    ozx_archive_close(of(input)->archive);
    free(of(input)->junk);
    free(input);
}

int ozx_input_of_archive(struct ozx_archive *archive, const uint8_t *lost, struct ozx_input **out,
                         struct ozx_error *error)
{
    static const struct ozx_input_kind kind = {.subject = "entry ",
                                               .hint_above = "give it with --subdir",
                                               .hint_v2 =
                                                   "convert it: ozxfs repack --convert IN OUT.ozx",
                                               .states_crc = true,
                                               .key_count = key_count,
                                               .size_of = size_of,
                                               .keys_of = keys_of,
                                               .item_of = item_of,
                                               .list = list,
                                               .look = look,
                                               .holds_node = holds_node,
                                               .exists = exists,
                                               .find = find,
                                               .open = open_nothing,
                                               .read = read_entry,
                                               .check = check_nothing,
                                               .check_crc = check_crc,
                                               .is_unchanged = is_unchanged,
                                               .check_output = check_output,
                                               .version = version,
                                               .close = close_input};
    struct archive_input *self = calloc(1, sizeof *self);

    if (!self)
        return ozx_error_memory(error);
    self->input.kind = &kind;
    self->archive = archive;
    self->lost = lost;
    *out = &self->input;
    return 0;
}
