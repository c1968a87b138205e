/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An image in words. Codecs, types and chunks are mostly the same at all levels: then they stand
 * above the table once, else each has a column.
 */
#include "cli/info_image.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/progress.h"

#define LEVELS_MAX 12
#define CELL_SIZE 160

/* The columns of the table; those from TYPE on move up if they are the same for all levels. */
enum column { PATH, SHAPE, BYTES, PIXEL, CHUNKS, TYPE, CHUNK_SHAPE, CODECS, COLUMN_COUNT };
#define FIRST_SHARED TYPE

struct row {
    char cells[COLUMN_COUNT][CELL_SIZE];
    const char *problem; /* instead of the cells behind the path */
};

struct table {
    struct row rows[LEVELS_MAX];
    size_t count;
    size_t left_out;
    bool shared[COLUMN_COUNT];
};

/* --- cells ------------------------------------------------------------------------------------ */

static void add_shape(const struct ozx_shape *shape, struct ozx_words *words)
{
    for (uint32_t i = 0; i < shape->count; i++)
        ozx_words_add(words, "%s%" PRIu64, i ? " x " : "", shape->sizes[i]);
    if (!shape->count)
        ozx_words_add(words, "scalar");
}

static const char *unit_sign(const struct ozx_terminal *terminal, const char *unit)
{
    static const struct {
        const char *unit, *sign, *ascii;
    } units[] = {
        {"micrometer", "\u00b5m", "um"}, {"nanometer", "nm", "nm"}, {"millimeter", "mm", "mm"},
        {"angstrom", "\u00c5", "A"},     {"meter", "m", "m"},       {"second", "s", "s"},
        {"millisecond", "ms", "ms"},     {"minute", "min", "min"},  {"hour", "h", "h"},
    };

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].unit) == 0)
            return terminal->utf8 ? units[i].sign : units[i].ascii;
    return unit;
}

static bool is_space(const struct ozx_axis *axis)
{
    return axis->type && strcmp(axis->type, "space") == 0;
}

static bool same_unit(const struct ozx_axis *a, const struct ozx_axis *b)
{
    return a->unit == b->unit || (a->unit && b->unit && strcmp(a->unit, b->unit) == 0);
}

/* "0.5 x 0.5 um" over the axes of space, `before` in front of it; `sizes` (may be NULL) are to
 * multiply with. Nothing if the scale is not known. */
static void add_extent(const struct ozx_terminal *terminal, const struct ozx_multiscale *m,
                       size_t level, const char *before, const struct ozx_shape *sizes,
                       struct ozx_words *words)
{
    const struct ozx_axis *last = NULL;

    for (size_t i = 0; i < m->axis_count; i++) {
        const struct ozx_axis *axis = &m->axes[i];
        double size = ozx_summary_pixel_size(m, level, i);
        if (!is_space(axis) || size == 0)
            continue;
        if (last && !same_unit(last, axis) && last->unit) {
            ozx_words_add(words, " ");
            ozx_words_add_name(words, unit_sign(terminal, last->unit));
        }
        ozx_words_add(words, "%s%.6g", last ? " x " : before,
                      size * (sizes && i < sizes->count ? (double)sizes->sizes[i] : 1));
        last = axis;
    }
    if (last && last->unit) {
        ozx_words_add(words, " ");
        ozx_words_add_name(words, unit_sign(terminal, last->unit));
    }
}

/* " in shards 64 x 64" for those that are inner chunks themselves, the innermost first. */
static void add_shards(const struct ozx_sharding *sharding, struct ozx_words *words)
{
    if (!sharding || !sharding->inner)
        return;
    add_shards(sharding->inner, words);
    ozx_words_add(words, " in shards ");
    add_shape(&sharding->chunk_shape, words);
}

static void add_chunks(const struct ozx_array *a, struct ozx_words *words)
{
    const struct ozx_shape *chunk = ozx_summary_chunk_shape(a);

    if (!chunk)
        return;
    ozx_words_add(words, "chunks ");
    add_shape(chunk, words);
    add_shards(a->sharding, words);
    if (a->sharding && a->has_grid) {
        ozx_words_add(words, " in shards ");
        add_shape(&a->chunk_shape, words);
    }
}

/* "sharding_indexed(bytes, zstd(3)), crc32c" */
static void add_codec_list(const struct ozx_codecs *codecs, struct ozx_words *words)
{
    for (size_t i = 0; i < codecs->count; i++) {
        ozx_words_add(words, "%s", i ? ", " : "");
        ozx_words_add_name(words, codecs->list[i].label);
        if (!codecs->list[i].sharding)
            continue;
        ozx_words_add(words, "(");
        add_codec_list(&codecs->list[i].sharding->codecs, words);
        ozx_words_add(words, ")");
    }
}

/* All of them; but a sharding with nothing beside it is told by the shapes. */
static void add_codecs(const struct ozx_array *a, struct ozx_words *words)
{
    const struct ozx_codecs *codecs = &a->codecs;

    while (codecs->count == 1 && codecs->list[0].sharding)
        codecs = &codecs->list[0].sharding->codecs;
    add_codec_list(codecs, words);
}

/* Chunk files that are there, if some are missing (those are the fill value); and what shards save.
 */
static void add_missing(const struct ozx_array *a, uint64_t chunk_files, struct ozx_words *words)
{
    uint64_t keys = ozx_array_chunk_count(a), chunks = ozx_summary_inner_chunks(a, chunk_files);
    char files[OZX_COUNT_SIZE], count[OZX_COUNT_SIZE];

    if (chunk_files < keys)
        ozx_words_add(words, "%" PRIu64 " of %" PRIu64 " %s", chunk_files, keys,
                      a->sharding ? "shards" : "chunks");
    else if (chunks > chunk_files)
        ozx_words_add(words, "%s shard%s", ozx_progress_count(files, chunk_files),
                      OZX_S(chunk_files));
    if (chunks > chunk_files)
        ozx_words_add(words, " for up to %s chunks", ozx_progress_count(count, chunks));
}

static void set_cell(struct row *row, enum column column, const struct ozx_words *words)
{
    size_t size = words->size;

    if (size >= CELL_SIZE) { /* no character is cut in two */
        for (size = CELL_SIZE - 1; size && (words->text[size] & 0xC0) == 0x80;)
            size--;
    }
    memcpy(row->cells[column], words->text, size);
    row->cells[column][size] = '\0';
}

static void fill_row(const struct ozx_terminal *terminal, const struct ozx_multiscale *m,
                     size_t level, const struct ozx_summary_level *from, struct row *row)
{
    struct ozx_words words[COLUMN_COUNT] = {{.size = 0}};
    char bytes[OZX_AMOUNT_SIZE];

    ozx_words_add_name(&words[PATH], m->datasets[level].path);
    row->problem = from->problem ? from->problem : "not checked";
    if (from->metadata) {
        const struct ozx_array *a = from->metadata->array;
        row->problem = NULL;
        if (a->has_shape)
            add_shape(&a->shape, &words[SHAPE]);
        ozx_words_add(&words[BYTES], "%s", ozx_progress_amount(bytes, (double)from->bytes));
        add_extent(terminal, m, level, "pixels ", NULL, &words[PIXEL]);
        add_missing(a, from->chunk_files, &words[CHUNKS]);
        if (a->data_type)
            ozx_words_add_name(&words[TYPE], a->data_type);
        add_chunks(a, &words[CHUNK_SHAPE]);
        add_codecs(a, &words[CODECS]);
    }
    for (enum column c = 0; c < COLUMN_COUNT; c++)
        set_cell(row, c, &words[c]);
}

/* The levels of the first multiscale; others are rare (an image may offer several reductions). */
static void fill_table(const struct ozx_terminal *terminal, const struct ozx_summary_node *node,
                       struct table *table)
{
    const struct ozx_multiscale *m = &node->metadata->ome->multiscales[0];
    const struct row *first = &table->rows[0];

    memset(table, 0, sizeof *table);
    for (size_t i = 0; i < m->dataset_count && i < LEVELS_MAX; i++)
        fill_row(terminal, m, i, &node->levels[i], &table->rows[table->count++]);
    table->left_out = m->dataset_count - table->count;
    for (enum column c = FIRST_SHARED; c < COLUMN_COUNT; c++) {
        table->shared[c] = table->count > 0;
        for (size_t i = 0; i < table->count; i++)
            if (table->rows[i].problem || strcmp(table->rows[i].cells[c], first->cells[c]) != 0)
                table->shared[c] = false;
    }
}

/* --- the parts -------------------------------------------------------------------------------- */

void ozx_image_add_name(const struct ozx_multiscale *multiscale, struct ozx_words *words)
{
    if (!multiscale->name)
        return;
    ozx_words_add(words, " '");
    ozx_words_add_name(words, multiscale->name);
    ozx_words_add(words, "'");
}

void ozx_image_add_brief(const struct ozx_summary_node *node, struct ozx_words *words)
{
    bool is_image = node->kind == OZX_SUMMARY_IMAGE;
    const struct ozx_metadata *m = is_image && node->level_count     ? node->levels[0].metadata
                                   : node->kind == OZX_SUMMARY_ARRAY ? node->metadata
                                                                     : NULL;

    if (m && m->array && m->array->has_shape) {
        ozx_words_add(words, ", ");
        add_shape(&m->array->shape, words);
        if (m->array->data_type) {
            ozx_words_add(words, " ");
            ozx_words_add_name(words, m->array->data_type);
        }
    }
    if (is_image)
        ozx_words_add(words, ", %zu %s", node->level_count,
                      node->level_count == 1 ? "level" : "levels");
}

static void put_axes(const struct ozx_terminal *terminal, const char *prefix,
                     const struct ozx_multiscale *m, const struct ozx_summary_level *first)
{
    size_t count;
    const struct ozx_axis *axes = ozx_summary_axes(m, first, &count);
    struct ozx_words words = {.size = 0};

    for (size_t i = 0; i < count; i++) {
        const struct ozx_axis *axis = &axes[i];
        ozx_words_add(&words, "%s", i ? ", " : "");
        ozx_words_add_name(&words, axis->name);
        if (axis->unit) {
            ozx_words_add(&words, " (");
            ozx_words_add_name(&words, axis->unit);
            ozx_words_add(&words, ")");
        }
    }
    if (m->axes_implied)
        ozx_words_add(&words, " (implied)");
    if (count)
        ozx_line_field(terminal, prefix, OZX_PLAIN, "axes", words.text);
}

static void put_channels(const struct ozx_terminal *terminal, const char *prefix,
                         const struct ozx_ome *ome)
{
    struct ozx_words words = {.size = 0};

    for (size_t i = 0; i < ome->channel_count && !words.full; i++) {
        ozx_words_add(&words, "%s", i ? ", " : "");
        ozx_words_add_name(&words, ome->channels[i].label ? ome->channels[i].label : "unnamed");
        if (ome->channels[i].color)
            ozx_words_add(&words, " #%s", ome->channels[i].color);
    }
    if (ome->channel_count)
        ozx_line_field(terminal, prefix, OZX_PLAIN, "channels", words.text);
}

void ozx_image_put_fields(const struct ozx_terminal *terminal, const char *prefix,
                          const struct ozx_summary_node *node)
{
    const struct ozx_ome *ome = node->metadata->ome;
    const struct ozx_multiscale *m = &ome->multiscales[0];
    struct ozx_words size = {.size = 0}, data = {.size = 0};
    struct table table;

    fill_table(terminal, node, &table);
    put_axes(terminal, prefix, m, m->dataset_count ? node->levels : NULL);
    if (node->level_count && node->levels[0].metadata && m->dataset_count)
        add_extent(terminal, m, 0, "", &node->levels[0].metadata->array->shape, &size);
    if (size.size)
        ozx_line_field(terminal, prefix, OZX_PLAIN, "size", size.text);
    for (enum column c = FIRST_SHARED; c < COLUMN_COUNT; c++)
        if (table.shared[c] && table.rows[0].cells[c][0])
            ozx_words_add(&data, "%s%s", data.size ? "; " : "", table.rows[0].cells[c]);
    if (data.size)
        ozx_line_field(terminal, prefix, OZX_PLAIN, "data", data.text);
    put_channels(terminal, prefix, ome);
    if (ome->multiscale_count > 1) {
        struct ozx_words more = {.size = 0};
        ozx_words_add(&more, "%zu multiscales; this is the first", ome->multiscale_count);
        ozx_line_field(terminal, prefix, OZX_PLAIN, "note", more.text);
    }
}

void ozx_image_put_array(const struct ozx_terminal *terminal, const char *prefix,
                         const struct ozx_summary_node *node)
{
    const struct ozx_array *a = node->metadata->array;
    struct ozx_words data = {.size = 0}, more[3] = {{.size = 0}};

    if (a->has_shape)
        add_shape(&a->shape, &data);
    if (a->data_type) {
        ozx_words_add(&data, "%s", data.size ? " " : "");
        ozx_words_add_name(&data, a->data_type);
    }
    add_chunks(a, &more[0]);
    add_codecs(a, &more[1]);
    add_missing(a, node->chunk_files, &more[2]);
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        if (more[i].size)
            ozx_words_add(&data, "%s%s", data.size ? "; " : "", more[i].text);
    if (data.size)
        ozx_line_field(terminal, prefix, OZX_PLAIN, "data", data.text);
}

static size_t column_width(const struct ozx_terminal *terminal, const struct table *table,
                           enum column column)
{
    size_t widest = 0;

    for (size_t i = 0; i < table->count; i++) {
        const char *cell = table->rows[i].cells[column];
        size_t width = ozx_terminal_width(terminal, cell, strlen(cell));
        widest = width > widest ? width : widest;
    }
    return table->shared[column] ? 0 : widest;
}

static void put_row(const struct ozx_terminal *terminal, const struct table *table,
                    const struct row *row, const char *prefix)
{
    struct ozx_words head = {.size = 0}, rest = {.size = 0};
    size_t at = ozx_terminal_width(terminal, row->cells[PATH], strlen(row->cells[PATH]));
    size_t next = column_width(terminal, table, PATH) + 2; /* where the next column begins */

    ozx_words_add(&head, "%s", row->cells[PATH]);
    for (enum column c = SHAPE; c < COLUMN_COUNT; c++) {
        size_t width = column_width(terminal, table, c);
        size_t own = ozx_terminal_width(terminal, row->cells[c], strlen(row->cells[c]));
        if (width && own) {
            ozx_words_add(&rest, "%*s%s", (int)(next - at), "", row->cells[c]);
            at = next + own;
        }
        next += width ? width + 2 : 0;
    }
    if (row->problem) {
        ozx_words_add(&rest, "  %s", row->problem);
    }
    ozx_line(terminal, prefix, row->problem ? OZX_WARN : OZX_PLAIN, head.text, rest.text);
}

void ozx_image_put_levels(const struct ozx_terminal *terminal, const char *prefix,
                          const struct ozx_summary_node *node)
{
    char branch[300];
    struct table table;

    fill_table(terminal, node, &table);
    for (size_t i = 0; i < table.count; i++) {
        bool is_last = i + 1 == table.count && !table.left_out && !node->child_count;
        const char *glyph = terminal->utf8 ? (is_last ? "\u2514\u2500 " : "\u251c\u2500 ")
                                           : (is_last ? "`- " : "|- ");
        snprintf(branch, sizeof branch, "%s%s", prefix, glyph);
        put_row(terminal, &table, &table.rows[i], branch);
    }
    if (table.left_out) {
        struct ozx_words words = {.size = 0};
        ozx_words_add(&words, "and %zu more level%s", table.left_out, OZX_S(table.left_out));
        snprintf(branch, sizeof branch, "%s%s", prefix,
                 terminal->utf8 ? (node->child_count ? "\u251c\u2500 " : "\u2514\u2500 ")
                                : (node->child_count ? "|- " : "`- "));
        ozx_line(terminal, branch, OZX_DIM, words.text, "");
    }
}
