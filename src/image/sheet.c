/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rule 8 of ozxfs-thumbnail(1). A channel has one window for all wells, so the values of all are
 * kept until the last one is sampled: of some channels, then of some more in another pass over the
 * wells.
 *
 *         1   2   3
 *     A  [ ] [ ] [ ]    a cell is `step` pixels wide, of which the last one is left free
 *     B  [ ] [ ] [ ]
 */
#include "image/sheet.h"

#include <math.h>
#include <string.h>

#include "archive/node_metadata.h"
#include "image/letters.h"

#define NAME_MAX_SHOWN 4 /* letters of a name */
#define EMPTY 40.0F      /* grey of a cell without an image */
#define STEP_MIN 2
#define VALUES_MAX (16u << 20) /* bytes of the values of one pass, if it has several channels */

struct drawing {
    struct ozx_archive *archive;
    uint32_t directory;
    const struct ozx_plate *plate;
    const struct ozx_thumbnail_options *options;
    struct ozx_effort *effort;
    uint32_t left, top, step; /* pixels; left and top 0: without names */
    struct ozx_sheet sheet;
    size_t pixel_count;
    struct ozx_style styles[OZX_CHANNELS_MAX];
    int style_count;           /* 0: no image was opened yet */
    int first, count, at_once; /* the channels of this pass, and of any at most */
    double *values;            /* pixel_count of each of them; not finite: there is none. Owned */
    struct ozx_error *error;
};

/* --- layout ----------------------------------------------------------------------------------- */

static uint32_t longest(const char *const *names, size_t count)
{
    uint32_t most = 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t letters = ozx_letters_count(names[i], NAME_MAX_SHOWN);
        most = letters > most ? letters : most;
    }
    return most;
}

/* The largest step with these margins; 0: there is none. */
static uint32_t fit(const struct drawing *d, uint32_t left, uint32_t top)
{
    const uint32_t size = d->options->size;
    uint64_t across, down;

    if (left >= size || top >= size)
        return 0;
    across = (size - left) / d->plate->column_count;
    down = (size - top) / d->plate->row_count;
    return (uint32_t)(across < down ? across : down);
}

static int lay_out(struct drawing *d)
{
    const struct ozx_plate *plate = d->plate;

    d->left = OZX_LETTER_STEP * longest(plate->rows, plate->row_count) + 1;
    d->top = OZX_LETTER_HEIGHT + 2;
    d->step = fit(d, d->left, d->top);
    if (d->step < STEP_MIN) {
        d->left = d->top = 0;
        d->step = fit(d, 0, 0);
    }
    if (d->step < STEP_MIN)
        return ozx_error_set(d->error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "choose a larger one with --size, or a well with --path",
                             "the plate has too many rows or columns for a picture of that size");
    d->sheet.width = d->left + d->step * (uint32_t)plate->column_count;
    d->sheet.height = d->top + d->step * (uint32_t)plate->row_count;
    d->pixel_count = (size_t)d->sheet.width * d->sheet.height;
    d->sheet.light = calloc(d->pixel_count, 3 * sizeof *d->sheet.light);
    return d->sheet.light ? 0 : ozx_error_memory(d->error);
}

/* --- names ------------------------------------------------------------------------------------ */

static uint32_t name_width(const char *name)
{
    const uint32_t letters = ozx_letters_count(name, NAME_MAX_SHOWN);

    return letters ? OZX_LETTER_STEP * letters - 1 : 0;
}

/* Each how many columns or rows are named, so that names do not touch. */
static uint32_t stride(uint32_t step, uint32_t needed)
{
    return (needed + step - 1) / step;
}

/* Where something begins that is in the middle of a cell, if it fits. */
static uint32_t middle(const struct drawing *d, uint32_t cell, uint32_t size)
{
    return cell + (size < d->step ? (d->step - 1 - size) / 2 : 0);
}

/* A name that would not end within the sheet is left out. */
static void draw_name(const struct drawing *d, const char *name, uint32_t x, uint32_t y)
{
    const struct ozx_sheet *s = &d->sheet;

    if (x + name_width(name) <= s->width && y + OZX_LETTER_HEIGHT <= s->height)
        ozx_letters_draw(name, NAME_MAX_SHOWN, x, y, s->light, s->width, s->height);
}

static void draw_names(const struct drawing *d)
{
    const struct ozx_plate *plate = d->plate;
    const uint32_t widest = OZX_LETTER_STEP * longest(plate->columns, plate->column_count) + 1;

    if (!d->top)
        return;
    for (uint32_t i = 0; i < plate->column_count; i += stride(d->step, widest)) {
        const char *name = plate->columns[i];
        draw_name(d, name, middle(d, d->left + i * d->step, name_width(name)), 1);
    }
    for (uint32_t i = 0; i < plate->row_count; i += stride(d->step, OZX_LETTER_HEIGHT + 2)) {
        const char *name = plate->rows[i];
        draw_name(d, name, d->left - 2 - name_width(name),
                  middle(d, d->top + i * d->step, OZX_LETTER_HEIGHT));
    }
}

/* --- wells ------------------------------------------------------------------------------------ */

static void fill_cell(const struct drawing *d, uint32_t row, uint32_t column, float light)
{
    for (uint32_t y = 0; y + 1 < d->step; y++) {
        size_t at = (size_t)(d->top + row * d->step + y) * d->sheet.width + d->left +
                    (size_t)column * d->step;
        for (size_t i = 3 * at; i < 3 * (at + d->step - 1); i++)
            d->sheet.light[i] = light;
    }
}

static void fill_empty(const struct drawing *d)
{
    for (uint32_t row = 0; row < d->plate->row_count; row++)
        for (uint32_t column = 0; column < d->plate->column_count; column++)
            fill_cell(d, row, column, EMPTY);
}

/* The values of a view into its cell. */
static void put(const struct drawing *d, const struct ozx_well_reference *well,
                const struct ozx_view *view, double *values)
{
    const uint32_t width = view->plane.width, height = view->plane.height;
    const uint32_t x = middle(d, d->left + well->column * d->step, width);
    const uint32_t y = middle(d, d->top + well->row * d->step, height);

    for (uint32_t j = 0; j < height; j++)
        memcpy(&values[(size_t)(y + j) * d->sheet.width + x], &view->values[(size_t)j * width],
               width * sizeof *values);
}

/* Nothing is sampled yet of the channels from `first` on. */
static void begin_pass(struct drawing *d, int first)
{
    const int left = d->style_count - first;

    d->first = first;
    d->count = left < d->at_once ? left : d->at_once;
    for (size_t i = 0; i < (size_t)d->count * d->pixel_count; i++)
        d->values[i] = (double)NAN;
}

/* The first image that is there says how all are shown. */
static int choose_styles(struct drawing *d, const struct ozx_image *image)
{
    const size_t channel_size = d->pixel_count * sizeof *d->values;
    const int count =
        ozx_styles_of(image, d->options->channels, d->options->channel_count, d->styles, d->error);

    if (count < 1)
        return count;
    d->at_once = VALUES_MAX / channel_size ? (int)(VALUES_MAX / channel_size) : 1;
    d->at_once = count < d->at_once ? count : d->at_once;
    d->values = calloc((size_t)d->at_once, channel_size);
    if (!d->values)
        return ozx_error_memory(d->error);
    d->style_count = count;
    begin_pass(d, 0);
    return 0;
}

static int draw_view(struct drawing *d, const struct ozx_well_reference *well,
                     struct ozx_view *view)
{
    const uint64_t channels = ozx_image_size(&view->image, view->image.c);
    int failure = d->style_count ? 0 : choose_styles(d, &view->image);

    if (!failure)
        failure =
            ozx_view_place(view, d->options->z, d->options->z_maximum, d->options->t, d->error);
    if (!failure && d->first == 0)
        fill_cell(d, well->row, well->column, 0);
    for (int i = 0; !failure && i < d->count; i++) {
        const struct ozx_style *style = &d->styles[d->first + i];
        if (style->channel >= channels)
            continue;
        failure = ozx_view_sample(view, style->channel, d->error);
        if (!failure)
            put(d, well, view, &d->values[(size_t)i * d->pixel_count]);
    }
    return failure;
}

static int draw_well(struct drawing *d, const struct ozx_well_reference *well)
{
    struct ozx_view view;
    uint32_t directory;
    int failure;

    if (well->row >= d->plate->row_count || well->column >= d->plate->column_count)
        return 0;
    if (++d->effort->visits > OZX_CHUNK_VISITS_MAX)
        return ozx_error_set(d->error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "choose a well with --path", "the plate has too many wells");
    if (ozx_metadata_resolve(d->archive, d->directory, well->path, &directory))
        return 0;
    failure = ozx_view_open(d->archive, directory, d->step - 1, d->effort, &view, d->error);
    if (failure == -ENOENT)
        return 0;
    if (failure)
        return failure;
    failure = draw_view(d, well, &view);
    ozx_view_close(&view);
    return failure;
}

static int draw_pass(struct drawing *d)
{
    int failure = 0;

    for (size_t i = 0; !failure && i < d->plate->well_count; i++)
        failure = draw_well(d, &d->plate->wells[i]);
    if (!failure && !d->style_count)
        failure = ozx_error_set(d->error, -ENOENT, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                                "the plate has no image of any well");
    for (int i = 0; !failure && i < d->count; i++)
        ozx_blend(&d->styles[d->first + i], &d->values[(size_t)i * d->pixel_count], d->pixel_count,
                  d->sheet.light);
    return failure;
}

static int draw_wells(struct drawing *d)
{
    int failure = draw_pass(d);

    while (!failure && d->first + d->count < d->style_count) {
        begin_pass(d, d->first + d->count);
        failure = draw_pass(d);
    }
    return failure;
}

int ozx_sheet_draw(struct ozx_archive *archive, uint32_t directory, const struct ozx_plate *plate,
                   const struct ozx_thumbnail_options *options, struct ozx_effort *effort,
                   struct ozx_sheet *out, struct ozx_error *error)
{
    struct drawing d = {.archive = archive,
                        .directory = directory,
                        .plate = plate,
                        .options = options,
                        .effort = effort,
                        .error = error};
    int failure = lay_out(&d);

    if (!failure) {
        fill_empty(&d);
        failure = draw_wells(&d);
    }
    if (!failure) {
        draw_names(&d);
        *out = d.sheet;
    } else {
        free(d.sheet.light);
    }
    free(d.values);
    return failure;
}
