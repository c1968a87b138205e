/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The flat table, on both ends of its pipe.
 */
#include "mount/table.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "archive/archive_resolve.h"
#include "archive/tree.h"
#include "base/descriptors.h"

#define MAGIC UINT32_C(0x315A584F)
#define MAGIC_GUESS UINT32_C(0x325A584F) /* in front of the head: how large it will be, about */
#define GUESSED_MAX (UINT64_C(64) << 20) /* bytes that are made ready by a guess */
#define GUESSED_NAME 8                   /* bytes of a name, by a guess */
#define TABLE_MAX (UINT64_C(2) << 30)    /* bytes of a table */
#define BUFFER_BYTES (64 << 10)
#define NAMES_ROOM (64 << 10)

struct head {
    uint32_t magic;
    uint32_t count;
    uint32_t names_size;
    uint32_t reserved;
    uint64_t data_size;
    uint64_t end;
};

static_assert(sizeof(struct head) == sizeof((struct ozx_table_reader *)0)->head, "the head's size");
static_assert(sizeof(struct ozx_row) == 40, "a row's size");

static uint64_t size_of(const struct head *head)
{
    return head->count * (uint64_t)sizeof(struct ozx_row) + head->names_size + head->data_size;
}

/* --- the worker's end ------------------------------------------------------------------------- */

struct sender {
    struct ozx_archive *archive;
    int pipe;
    size_t used;
    uint8_t buffer[BUFFER_BYTES];
};

static int flush(struct sender *s)
{
    int failure = ozx_descriptors_write(s->pipe, s->buffer, s->used, -1);

    s->used = 0;
    return failure;
}

static int put(struct sender *s, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;

    while (size) {
        size_t part = sizeof s->buffer - s->used;
        if (part > size)
            part = size;
        memcpy(s->buffer + s->used, from, part);
        s->used += part;
        from += part;
        size -= part;
        if (s->used == sizeof s->buffer) {
            int failure = flush(s);
            if (failure)
                return failure;
        }
    }
    return 0;
}

static int make_row(struct ozx_archive *archive, uint32_t node, uint64_t *data_size,
                    struct ozx_row *row, struct ozx_error *error)
{
    struct ozx_node_stat stat;
    size_t name_size;

    (void)ozx_archive_name(archive, node, &name_size);
    ozx_archive_stat(archive, node, &stat);
    *row = (struct ozx_row){.size_bytes = stat.size_bytes,
                            .mtime_s = stat.mtime_s,
                            .parent = ozx_archive_parent(archive, node),
                            .name_size = (uint8_t)name_size,
                            .kind = stat.is_directory ? OZX_ROW_DIRECTORY : OZX_ROW_FILE};
    if (stat.is_directory)
        return 0;
    if (!ozx_archive_is_compressed(archive, node))
        return ozx_archive_data_offset(archive, node, &row->offset_bytes, error);
    row->kind = OZX_ROW_DATA;
    row->offset_bytes = *data_size;
    *data_size += stat.size_bytes;
    return 0;
}

struct names {
    char *bytes; /* owned */
    size_t size, room;
};

static int add_name(struct names *names, const char *name, size_t size)
{
    if (!names->bytes || size > names->room - names->size) {
        size_t room = names->room ? 2 * names->room : NAMES_ROOM;
        char *bytes = realloc(names->bytes, room);
        if (!bytes)
            return -ENOMEM;
        names->bytes = bytes;
        names->room = room;
    }
    memcpy(names->bytes + names->size, name, size);
    names->size += size;
    return 0;
}

static int measure(struct ozx_archive *archive, struct head *head, struct names *names,
                   bool *has_data, struct ozx_error *error)
{
    uint64_t data_size = 0;
    uint32_t count = ozx_archive_node_count(archive);

    for (uint32_t i = 0; i < count; i++) {
        struct ozx_node_stat stat;
        size_t name_size;
        const char *name = ozx_archive_name(archive, i, &name_size);
        if (add_name(names, name, name_size))
            return ozx_error_memory(error);
        ozx_archive_stat(archive, i, &stat);
        if (stat.is_directory || !ozx_archive_is_compressed(archive, i))
            continue;
        *has_data = true;
        if (stat.size_bytes > OZX_TABLE_DATA_MAX ||
            (data_size += stat.size_bytes) > OZX_TABLE_DATA_MAX)
            return ozx_error_set(error, -EFBIG, OZX_RULE_COMPRESSED, OZX_OFFSET_NONE, NULL,
                                 "more than %" PRIu64 " MiB of it are compressed",
                                 OZX_TABLE_DATA_MAX >> 20);
    }
    if (names->size + data_size + count * (uint64_t)sizeof(struct ozx_row) > TABLE_MAX)
        return ozx_error_set(error, -EFBIG, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "it has too many entries");
    *head = (struct head){.magic = MAGIC,
                          .count = count,
                          .names_size = (uint32_t)names->size,
                          .data_size = data_size};
    return 0;
}

static int send_data(struct sender *s, uint32_t node, struct ozx_error *error)
{
    uint8_t part[16 << 10];
    uint64_t offset = 0;

    for (;;) {
        size_t got;
        int failure = ozx_archive_read(s->archive, node, part, sizeof part, offset, &got, error);
        if (!failure)
            failure = put(s, part, got);
        if (failure || got < sizeof part)
            return failure;
        offset += got;
    }
}

static int send_rows(struct sender *s, const struct head *head, bool has_data,
                     struct ozx_error *error)
{
    uint64_t data_size = 0;
    int failure = 0;

    for (uint32_t i = 0; i < head->count && !failure; i++) {
        struct ozx_row row;
        failure = make_row(s->archive, i, &data_size, &row, error);
        if (!failure)
            failure = put(s, &row, sizeof row);
    }
    /* Also of empty files: of those it is only looked whether they can be read. */
    for (uint32_t i = 0; has_data && i < head->count && !failure; i++)
        if (ozx_archive_is_compressed(s->archive, i))
            failure = send_data(s, i, error);
    return failure ? failure : flush(s);
}

/* Who receives them has room made by then, and looks at each row as it comes. */
static int send_head(struct sender *s, struct head *head, bool *has_data, struct ozx_error *error)
{
    struct names names = {.bytes = NULL};
    int failure = measure(s->archive, head, &names, has_data, error);

    if (!failure)
        failure = put(s, head, sizeof *head);
    if (!failure)
        failure = put(s, names.bytes, names.size);
    free(names.bytes);
    return failure ? failure : flush(s);
}

void ozx_table_send_guess(uint64_t count, int pipe)
{
    const struct head head = {.magic = MAGIC_GUESS,
                              .count = (uint32_t)count,
                              .names_size = (uint32_t)count * GUESSED_NAME};

    if (count && count <= GUESSED_MAX / (sizeof(struct ozx_row) + GUESSED_NAME))
        (void)!write(pipe, &head, sizeof head); /* which is empty: whole or not at all */
}

int ozx_table_send(struct ozx_archive *archive, int64_t limit_ms, int pipe, struct ozx_error *error)
{
    OZX_AUTO_FREE struct sender *s = malloc(sizeof *s);
    struct head head = {0};
    bool has_data = false; /* which may be of 0 bytes */
    int failure;

    if (!s)
        return ozx_error_memory(error);
    s->archive = archive;
    s->pipe = pipe;
    s->used = 0;
    failure = send_head(s, &head, &has_data, error);
    if (!failure)
        failure = ozx_archive_resolve_all(archive, limit_ms, error);
    if (!failure)
        failure = send_rows(s, &head, has_data, error);
    if (failure && !error->code)
        ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                      "cannot send the table of files: %s", strerror(-failure));
    return failure;
}

/* --- the check -------------------------------------------------------------------------------- */

static const char *check_name(const struct ozx_table *table, const struct ozx_row *row)
{
    const char *name = table->names + row->name_offset;

    if (row->name_size == 0 || memchr(name, '/', row->name_size) ||
        memchr(name, '\0', row->name_size))
        return "its name";
    if (name[0] == '.' && (row->name_size == 1 || (row->name_size == 2 && name[1] == '.')))
        return "its name";
    return NULL;
}

/* How large the archive has to be is seen by who knows how large it is. */
static const char *check_size(struct ozx_table *table, uint32_t i)
{
    const struct ozx_row *row = &table->rows[i];
    struct ozx_table_facts *facts = &table->facts;
    uint64_t end_bytes = row->offset_bytes + row->size_bytes;

    if (row->kind == OZX_ROW_DIRECTORY)
        return NULL;
    if (row->kind != OZX_ROW_FILE && row->kind != OZX_ROW_DATA)
        return "its kind";
    if (end_bytes < row->size_bytes || (row->kind == OZX_ROW_DATA && end_bytes > table->data_size))
        return "its size";
    facts->files_bytes = row->size_bytes > UINT64_MAX - facts->files_bytes
                             ? UINT64_MAX
                             : facts->files_bytes + row->size_bytes;
    if (!facts->largest || row->size_bytes > table->rows[facts->largest].size_bytes)
        facts->largest = i;
    if (row->kind == OZX_ROW_FILE && end_bytes >= facts->files_end_bytes) {
        facts->files_end_bytes = end_bytes;
        facts->furthest = i;
    }
    return NULL;
}

static const char *check_row(struct ozx_table *table, uint32_t i)
{
    const struct ozx_row *row = &table->rows[i], *before = row - 1;
    const char *what = i ? check_name(table, row) : NULL;

    if (i == 0 || row->mtime_s < table->facts.oldest_s)
        table->facts.oldest_s = row->mtime_s;
    if (i == 0)
        return row->kind == OZX_ROW_DIRECTORY && row->parent == 0 && row->name_size == 0
                   ? NULL
                   : "it is not the root";
    if (what)
        return what;
    if (row->parent >= i || table->rows[row->parent].kind != OZX_ROW_DIRECTORY)
        return "its parent";
    if (i > 1 && row->parent < before->parent)
        return "its place";
    if (i > 1 && row->parent == before->parent &&
        ozx_name_compare(table->names + before->name_offset, before->name_size,
                         table->names + row->name_offset, row->name_size) >= 0)
        return "the order of names";
    return check_size(table, i);
}

static void look_at_next(struct ozx_table *table)
{
    uint32_t i = table->looked_at++;
    const char *what = table->facts.why ? NULL : check_row(table, i);

    if (what) {
        table->facts.why = what;
        table->facts.wrong = i;
    }
}

static int refuse(struct ozx_error *error, uint32_t row, const char *what)
{
    return ozx_error_set(error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "the worker sent a table of files that is wrong in row %" PRIu32 ": %s",
                         row, what);
}

int ozx_table_check(struct ozx_table *table, uint64_t archive_size_bytes, struct ozx_error *error)
{
    const struct ozx_table_facts *facts = &table->facts;

    while (table->looked_at < table->count)
        look_at_next(table);
    if (table->count == 0)
        return refuse(error, 0, "it is not the root");
    if (facts->why)
        return refuse(error, facts->wrong, facts->why);
    return facts->files_end_bytes > archive_size_bytes ? refuse(error, facts->furthest, "its size")
                                                       : 0;
}

/* --- the supervisor's end --------------------------------------------------------------------- */

/* Room for `size`. It is the system's to give where it is written to, so a head that announces too
 * much costs nothing. */
static int make_room(struct ozx_table *table, size_t size)
{
    void *memory;

    if (size <= table->memory_size)
        return 0;
    memory = table->memory ? mremap(table->memory, table->memory_size, size, MREMAP_MAYMOVE)
                           : mmap(NULL, size, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;
    table->memory = memory;
    table->memory_size = size;
    /* In large pages, where there are any. */
    (void)madvise(memory, size, MADV_HUGEPAGE);
    return 0;
}

/* While the worker parses there is time to ask the system for memory. */
static int take_guess(struct ozx_table_reader *reader, const struct head *head)
{
    struct ozx_table *table = &reader->table;
    int failure;

    if (reader->guessed_count || head->count == 0 || size_of(head) > GUESSED_MAX)
        return -EPROTO;
    failure = make_room(table, (size_t)size_of(head));
    if (failure)
        return failure;
    (void)madvise(table->memory, table->memory_size, MADV_POPULATE_WRITE); /* since Linux 5.14 */
    reader->guessed_count = head->count;
    reader->guessed_names_size = head->names_size;
    reader->got_bytes = 0;
    return 0;
}

static int take_head(struct ozx_table_reader *reader)
{
    struct ozx_table *table = &reader->table;
    struct head head;
    uint64_t rows_size;
    int failure;

    memcpy(&head, reader->head, sizeof head);
    if (head.magic == MAGIC_GUESS)
        return take_guess(reader, &head);
    if (head.magic != MAGIC || head.count == 0 || head.data_size > OZX_TABLE_DATA_MAX ||
        size_of(&head) > TABLE_MAX)
        return -EPROTO;
    failure = make_room(table, (size_t)size_of(&head));
    if (failure)
        return failure;
    rows_size = head.count * (uint64_t)sizeof(struct ozx_row);
    table->rows = table->memory;
    table->names = (char *)table->memory + rows_size;
    table->data = (uint8_t *)table->names + head.names_size;
    table->count = head.count;
    table->names_size = head.names_size;
    table->data_size = head.data_size;
    reader->whole_bytes = (size_t)size_of(&head);
    reader->has_head = true;
    reader->got_bytes = 0;
    return 0;
}

/* Where the names are is not for the sender to say. All of them are here before the first row is,
 * and there is time between the rows. */
static int take_rows(struct ozx_table_reader *reader)
{
    struct ozx_table *table = &reader->table;
    size_t whole = reader->got_bytes < table->names_size
                       ? 0
                       : (reader->got_bytes - table->names_size) / sizeof *table->rows;

    while (table->looked_at < whole && table->looked_at < table->count) {
        struct ozx_row *row = &table->rows[table->looked_at];
        row->name_offset = reader->names_end;
        if (row->name_size > table->names_size - reader->names_end)
            return -EPROTO;
        reader->names_end += row->name_size;
        look_at_next(table);
    }
    return table->looked_at < table->count || reader->names_end == table->names_size ? 0 : -EPROTO;
}

/* Where the next bytes go, and how many: of the head, the names, the rows, the data. */
static uint8_t *find_room(struct ozx_table_reader *reader, size_t *room)
{
    const struct ozx_table *table = &reader->table;
    size_t got = reader->got_bytes, rows_size = table->count * sizeof *table->rows;

    if (!reader->has_head) {
        *room = sizeof reader->head - got;
        return reader->head + got;
    }
    if (got < table->names_size) {
        *room = table->names_size - got;
        return (uint8_t *)table->names + got;
    }
    got -= table->names_size;
    *room = got < rows_size ? rows_size - got : table->data_size - (got - rows_size);
    return got < rows_size ? (uint8_t *)table->rows + got : table->data + (got - rows_size);
}

int ozx_table_receive(struct ozx_table_reader *reader, int pipe)
{
    for (;;) {
        size_t room;
        uint8_t *to = find_room(reader, &room);
        ssize_t got = read(pipe, to, room);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN ? 1 : -errno;
        if (got == 0)
            return -EPIPE;
        reader->got_bytes += (size_t)got;
        int failure = reader->has_head                           ? take_rows(reader)
                      : reader->got_bytes == sizeof reader->head ? take_head(reader)
                                                                 : 0;
        if (failure)
            return failure;
        if (reader->has_head && reader->got_bytes == reader->whole_bytes) {
            reader->is_whole = true;
            return 0;
        }
    }
}

void ozx_table_free(struct ozx_table *table)
{
    if (table->memory)
        munmap(table->memory, table->memory_size);
    *table = (struct ozx_table){0};
}
