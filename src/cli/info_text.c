/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The archive's own lines, and the tree of what is in it. One image of a kind is told in full,
 * those beside it in a line each, and of many only the first: it shall stay one screen.
 */
#include "cli/info_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/info_image.h"
#include "cli/lines.h"
#include "cli/progress.h"

#define PREFIX_SIZE 256 /* of the tree's lines: at most 5 bytes for each floor */
#define CHILDREN_AT_ROOT 10
#define CHILDREN_BELOW 4
#define DEFECTS_TOLD 3
#define MISSING_TOLD 3
#define FLOORS_MAX 8

struct tree {
    const struct ozx_archive *archive;
    const struct ozx_terminal *terminal;
    bool told_one; /* an image was told in full */
};

/* --- the archive ------------------------------------------------------------------------------ */

static void put_version(const struct ozx_archive *archive, const struct ozx_terminal *terminal,
                        const struct ozx_summary *s)
{
    size_t comment_size;
    bool has_comment = ozx_archive_comment(archive, &comment_size) != NULL;
    struct ozx_words words = {.size = 0};
    bool agree = ozx_summary_versions_agree(s);

    if (agree) {
        ozx_words_add_name(&words, s->metadata_version);
        ozx_words_add(&words, " (comment and metadata agree)");
    } else {
        ozx_words_add(&words, "metadata: ");
        ozx_words_add_name(&words, s->metadata_version ? s->metadata_version : "no version");
        ozx_words_add(&words, ", comment: ");
        ozx_words_add_name(&words, s->comment_version ? s->comment_version
                                   : has_comment      ? "no version"
                                                      : "none");
        if (s->metadata_version && s->comment_version)
            ozx_words_add(&words, " (they disagree)");
        if (has_comment && s->facts.comment_defect[0])
            ozx_words_add(&words, "; the comment does not follow RFC-9: %s",
                          s->facts.comment_defect);
    }
    ozx_line_field(terminal, "  ", agree ? OZX_PLAIN : OZX_WARN, "OME-Zarr", words.text);
}

static void put_json_first(const struct ozx_terminal *terminal, const struct ozx_summary *s)
{
    bool claimed = s->facts.json_first_claimed, is_true = s->facts.json_first_true;

    ozx_line_field(terminal, "  ", claimed && !is_true ? OZX_WARN : OZX_PLAIN, "jsonFirst",
                   claimed && is_true ? "claimed, and true"
                   : claimed ? "claimed, but not true: a zarr.json comes after other entries"
                   : is_true ? "not claimed, but true"
                             : "not claimed, and not true");
}

static void put_entries(const struct ozx_terminal *terminal, const struct ozx_summary *s)
{
    char count[OZX_COUNT_SIZE], files[OZX_COUNT_SIZE], bytes[OZX_AMOUNT_SIZE],
        directory[OZX_AMOUNT_SIZE];
    struct ozx_words words = {.size = 0};

    ozx_words_add(
        &words, "%s (%s files with %s), %s of central directory%s",
        ozx_progress_count(count, s->facts.entry_count), ozx_progress_count(files, s->file_count),
        ozx_progress_amount(bytes, (double)s->data_bytes),
        ozx_progress_amount(directory, (double)s->facts.directory_size_bytes),
        s->facts.zip64 ? ", ZIP64" : "");
    if (s->compressed_count)
        ozx_words_add(&words, ", %s compressed", ozx_progress_count(count, s->compressed_count));
    ozx_line_field(terminal, "  ", OZX_PLAIN, "entries", words.text);
}

/* What is not as it should be. What other lines tell is left out. */
static void put_warnings(const struct ozx_archive *archive, const struct ozx_terminal *terminal,
                         const struct ozx_summary *s)
{
    uint64_t reclaimable = s->facts.replaced_bytes + s->facts.gap_bytes;
    char count[OZX_COUNT_SIZE], bytes[OZX_AMOUNT_SIZE];
    size_t warning_count;
    const struct ozx_warning *warnings = ozx_archive_warnings(archive, &warning_count);

    for (size_t i = 0; i < warning_count; i++) {
        bool told = warnings[i].rule == OZX_RULE_COMMENT ||
                    warnings[i].rule == OZX_RULE_JSON_FIRST ||
                    (warnings[i].rule == OZX_RULE_COMPRESSED && !warnings[i].eio);
        if (!told && !(warnings[i].minor && warnings[i].rule == OZX_RULE_DESCRIPTOR))
            ozx_line_field(terminal, "  ", OZX_WARN, "warning", warnings[i].first.text);
    }
    if (s->facts.replaced_count) {
        struct ozx_words words = {.size = 0};
        ozx_words_add(&words, "%s entr%s replaced by later ones",
                      ozx_progress_count(count, s->facts.replaced_count),
                      s->facts.replaced_count == 1 ? "y" : "ies");
        ozx_line_field(terminal, "  ", OZX_WARN, "duplicates", words.text);
    }
    if (reclaimable) {
        struct ozx_words words = {.size = 0};
        ozx_words_add(&words, "%s, which 'repack' frees",
                      ozx_progress_amount(bytes, (double)reclaimable));
        ozx_line_field(terminal, "  ", OZX_WARN, "unused", words.text);
    }
}

/* --- the tree --------------------------------------------------------------------------------- */

/* The last part of its path is enough in a tree, but directories without metadata are passed over.
 */
static void add_path(const struct tree *t, const struct ozx_summary_node *node, uint32_t above,
                     struct ozx_words *words)
{
    char path[OZX_PATH_SIZE], parent[OZX_PATH_SIZE];
    size_t skip;

    ozx_archive_path(t->archive, node->directory, path);
    if (node->directory == OZX_NODE_ROOT) {
        ozx_words_add(words, "/");
        return;
    }
    skip = ozx_archive_path(t->archive, above, parent);
    skip += skip > 0;
    ozx_words_add_name(words, strlen(path) > skip ? path + skip : path);
}

static void add_kind(const struct ozx_summary_node *node, struct ozx_words *words)
{
    char count[OZX_COUNT_SIZE];

    switch (node->kind) {
    case OZX_SUMMARY_IMAGE:
        ozx_words_add(words, node->metadata->ome->has_image_label ? "  label image" : "  image");
        ozx_image_add_name(&node->metadata->ome->multiscales[0], words);
        break;
    case OZX_SUMMARY_GROUP:
        ozx_words_add(words, node->child_count ? "  collection" : "  group");
        break;
    case OZX_SUMMARY_LABELS:
        ozx_words_add(words, "  labels: %s",
                      ozx_progress_count(count, node->metadata->ome->label_count));
        break;
    case OZX_SUMMARY_WELL:
        ozx_words_add(words, "  well, fields: %s",
                      ozx_progress_count(count, node->metadata->ome->well->image_count));
        break;
    case OZX_SUMMARY_BIOFORMATS2RAW:
        ozx_words_add(words, "  bioformats2raw layout %" PRId64,
                      node->metadata->ome->bioformats2raw);
        break;
    case OZX_SUMMARY_SERIES:
        ozx_words_add(words, "  series: %s",
                      ozx_progress_count(count, node->metadata->ome->series_count));
        break;
    case OZX_SUMMARY_SCENE:
        ozx_words_add(words, "  scene, transformations: %s",
                      ozx_progress_count(count, node->metadata->ome->scene->transform_count));
        break;
    case OZX_SUMMARY_PLAIN:
        ozx_words_add(words, "  no Zarr metadata");
        break;
    case OZX_SUMMARY_UNREADABLE:
        if (node->problem) /* names in it are escaped already */
            ozx_words_add(words, "  unreadable: %s", node->problem);
        else
            ozx_words_add(words, "  not checked");
        break;
    default:
        ozx_words_add(words, "  %s", ozx_summary_kind_name(node->kind));
    }
    if (node->metadata && node->metadata->zarr_format == 2)
        ozx_words_add(words, " (Zarr v2)");
}

static void put_plate(const struct ozx_terminal *terminal, const char *prefix,
                      const struct ozx_summary_node *node)
{
    const struct ozx_plate *plate = node->metadata->ome->plate;
    struct ozx_words words = {.size = 0};
    char count[OZX_COUNT_SIZE];

    if (plate->name) {
        ozx_words_add_name(&words, plate->name);
        ozx_line_field(terminal, prefix, OZX_PLAIN, "name", words.text);
        words = (struct ozx_words){.size = 0};
    }
    ozx_words_add(&words, "%zu x %zu (rows x columns), ", plate->row_count, plate->column_count);
    ozx_words_add(&words, "%s wells, ", ozx_progress_count(count, plate->well_count));
    ozx_words_add(&words, "%s fields", ozx_progress_count(count, node->field_count));
    if (plate->acquisition_count)
        ozx_words_add(&words, ", %s acquisitions",
                      ozx_progress_count(count, plate->acquisition_count));
    ozx_line_field(terminal, prefix, OZX_PLAIN, "plate", words.text);
    if (node->wells_present < plate->well_count) {
        words = (struct ozx_words){.size = 0};
        ozx_words_add(&words, "%s well%s not in the archive",
                      ozx_progress_count(count, plate->well_count - node->wells_present),
                      plate->well_count - node->wells_present == 1 ? " is" : "s are");
        ozx_line_field(terminal, prefix, OZX_WARN, "missing", words.text);
    }
    if (node->fields_missing) {
        words = (struct ozx_words){.size = 0};
        ozx_words_add(&words, "%s field%s not in the archive",
                      ozx_progress_count(count, node->fields_missing),
                      node->fields_missing == 1 ? " is" : "s are");
        ozx_line_field(terminal, prefix, OZX_WARN, "missing", words.text);
    }
}

/* What is told of a node's references that lead nowhere. */
struct missing {
    struct ozx_words words;
    size_t count;
    bool in_table, in_plate; /* datasets, wells are told elsewhere */
};

static int add_missing(void *context, const struct ozx_reference *reference)
{
    struct missing *m = context;

    if ((m->in_table && reference->kind == OZX_REFERENCE_DATASET) ||
        (m->in_plate && reference->kind == OZX_REFERENCE_WELL))
        return 0;
    if (m->count++ < MISSING_TOLD) {
        ozx_words_add(&m->words, "%s%s ", m->count > 1 ? ", " : "",
                      ozx_reference_name(reference->kind));
        ozx_words_add_name(&m->words, reference->path);
    }
    return 0;
}

static void put_missing(const struct tree *t, const char *prefix,
                        const struct ozx_summary_node *node, bool full)
{
    struct missing m = {.in_table = full && node->kind == OZX_SUMMARY_IMAGE,
                        .in_plate = full && node->kind == OZX_SUMMARY_PLATE};
    char count[OZX_COUNT_SIZE];

    (void)!ozx_summary_missing(t->archive, node, add_missing, &m);
    if (m.count > MISSING_TOLD)
        ozx_words_add(&m.words, " and %s more", ozx_progress_count(count, m.count - MISSING_TOLD));
    if (m.count)
        ozx_line_field(t->terminal, prefix, OZX_WARN, "missing", m.words.text);
}

static void put_scene(const struct ozx_terminal *terminal, const char *prefix,
                      const struct ozx_scene *scene)
{
    struct ozx_words words = {.size = 0};

    for (size_t i = 0; i < scene->system_count && !words.full; i++) {
        ozx_words_add(&words, "%s", i ? ", " : "");
        ozx_words_add_name(&words, scene->systems[i]);
    }
    if (scene->system_count)
        ozx_line_field(terminal, prefix, OZX_PLAIN, "systems", words.text);
}

/* The first `most` of them; `path`: of the level that has them, NULL for the node itself. */
static void put_defects(const struct ozx_terminal *terminal, const char *prefix,
                        const struct ozx_metadata *m, const char *path, size_t most)
{
    for (size_t i = 0; i < m->defect_count && i < most; i++) {
        struct ozx_words words = {.size = 0};
        if (path) {
            ozx_words_add_name(&words, path);
            ozx_words_add(&words, ": ");
        }
        ozx_words_add(&words, "%s%s%s", m->defects[i].where, m->defects[i].where[0] ? " " : "",
                      m->defects[i].text);
        if (i + 1 == most && m->defect_total > most)
            ozx_words_add(&words, ", and %" PRIu64 " more", m->defect_total - most);
        ozx_line_field(terminal, prefix, OZX_WARN, "problem", words.text);
    }
}

/* A line for each level that has any, of the first few. */
static void put_level_defects(const struct ozx_terminal *terminal, const char *prefix,
                              const struct ozx_summary_node *node)
{
    const struct ozx_ome *ome = node->metadata->ome;
    const struct ozx_summary_level *level = node->levels;
    size_t told = 0;

    for (size_t i = 0; node->level_count && i < ome->multiscale_count; i++)
        for (size_t k = 0; k < ome->multiscales[i].dataset_count; k++, level++)
            if (level->metadata && level->metadata->defect_total && told++ < DEFECTS_TOLD)
                put_defects(terminal, prefix, level->metadata, ome->multiscales[i].datasets[k].path,
                            1);
}

/* What is below `prefix`: the last one has nothing to connect to. */
static void extend(const struct ozx_terminal *terminal, char out[PREFIX_SIZE], const char *prefix,
                   bool is_last, bool is_branch)
{
    const char *glyph = terminal->utf8
                            ? (is_branch ? (is_last ? "\u2514\u2500 " : "\u251c\u2500 ")
                                         : (is_last ? "   " : "\u2502  "))
                            : (is_branch ? (is_last ? "`- " : "|- ") : (is_last ? "   " : "|  "));

    snprintf(out, PREFIX_SIZE, "%s%s", prefix, glyph);
}

static void put_node(struct tree *t, const struct ozx_summary_node *node, uint32_t above,
                     const char *prefix, bool is_last, unsigned floor);

static size_t children_told(const struct ozx_summary_node *node, unsigned floor)
{
    size_t most = floor == 0 ? CHILDREN_AT_ROOT : CHILDREN_BELOW;

    if (floor >= FLOORS_MAX)
        return 0;
    return node->child_count <= most ? node->child_count : most - 1;
}

static void put_children(struct tree *t, const struct ozx_summary_node *node, const char *prefix,
                         unsigned floor)
{
    size_t told = children_told(node, floor);
    char line[PREFIX_SIZE], count[OZX_COUNT_SIZE];
    struct ozx_words words = {.size = 0};

    for (size_t i = 0; i < told; i++)
        put_node(t, &node->children[i], node->directory, prefix, i + 1 == node->child_count,
                 floor + 1);
    if (told == node->child_count)
        return;
    extend(t->terminal, line, prefix, true, true);
    ozx_words_add(&words, "and %s more", ozx_progress_count(count, node->child_count - told));
    ozx_line(t->terminal, line, OZX_DIM, words.text, "");
}

/* An image is told in full if it is the first, and no part of another (a label image). */
static bool tell_in_full(struct tree *t, const struct ozx_summary_node *node, unsigned floor)
{
    if (floor == 0)
        t->told_one = node->kind == OZX_SUMMARY_IMAGE;
    else if (node->kind != OZX_SUMMARY_IMAGE || t->told_one)
        return node->kind == OZX_SUMMARY_PLATE && floor == 1;
    t->told_one |= node->kind == OZX_SUMMARY_IMAGE;
    return true;
}

static void put_node(struct tree *t, const struct ozx_summary_node *node, uint32_t above,
                     const char *prefix, bool is_last, unsigned floor)
{
    char branch[PREFIX_SIZE] = "", below[PREFIX_SIZE] = "", fields[PREFIX_SIZE];
    struct ozx_words head = {.size = 0}, rest = {.size = 0};
    bool full = tell_in_full(t, node, floor);
    char bytes[OZX_AMOUNT_SIZE];

    if (floor) {
        extend(t->terminal, branch, prefix, is_last, true);
        extend(t->terminal, below, prefix, is_last, false);
    }
    add_path(t, node, above, &head);
    add_kind(node, &rest);
    if (!full)
        ozx_image_add_brief(node, &rest);
    if (node->files)
        ozx_words_add(&rest, ", %s", ozx_progress_amount(bytes, (double)node->bytes));
    ozx_line(t->terminal, branch, OZX_BOLD, head.text, rest.text);
    extend(t->terminal, fields, below, !node->child_count && !(full && node->level_count), false);
    if (full && node->kind == OZX_SUMMARY_PLATE)
        put_plate(t->terminal, fields, node);
    if (full && node->kind == OZX_SUMMARY_IMAGE)
        ozx_image_put_fields(t->terminal, fields, node);
    if (full && node->kind == OZX_SUMMARY_SCENE)
        put_scene(t->terminal, fields, node->metadata->ome->scene);
    if (full && node->kind == OZX_SUMMARY_ARRAY)
        ozx_image_put_array(t->terminal, fields, node);
    put_missing(t, fields, node, full);
    if (node->metadata) {
        put_defects(t->terminal, fields, node->metadata, NULL, DEFECTS_TOLD);
        put_level_defects(t->terminal, fields, node);
    }
    if (full && node->kind == OZX_SUMMARY_IMAGE)
        ozx_image_put_levels(t->terminal, below, node);
    put_children(t, node, below, floor);
}

void ozx_info_text(const struct ozx_archive *archive, const struct ozx_summary *summary,
                   const char *file, const struct ozx_terminal *terminal)
{
    struct tree t = {.archive = archive, .terminal = terminal};
    struct ozx_words name = {.size = 0}, size = {.size = 0};
    char bytes[OZX_AMOUNT_SIZE], count[OZX_COUNT_SIZE];

    ozx_words_add_name(&name, file);
    ozx_words_add(&size, "  %s", ozx_progress_amount(bytes, (double)summary->size_bytes));
    ozx_line(terminal, "", OZX_BOLD, name.text, size.text);
    put_version(archive, terminal, summary);
    put_json_first(terminal, summary);
    put_entries(terminal, summary);
    put_warnings(archive, terminal, summary);
    putchar('\n');
    put_node(&t, &summary->root, OZX_NODE_ROOT, "", true, 0);
    if (summary->omitted_count) {
        struct ozx_words words = {.size = 0};
        ozx_words_add(&words, "(%s more were not checked)",
                      ozx_progress_count(count, summary->omitted_count));
        ozx_line(terminal, "", OZX_DIM, words.text, "");
    }
}
