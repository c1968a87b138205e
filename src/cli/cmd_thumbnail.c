/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ozxfs thumbnail: a picture of an image, as PNG. It is made in the cage, with bounded memory, and
 * the file has its name only when it is whole.
 */
#include <stdio.h>
#include <string.h>

#include "cli/caged.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/remote_options.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "image/png.h"
#include "image/thumbnail.h"
#include "io/output_file.h"

#define DATA_MAX (UINT64_C(128) << 20) /* bytes of memory for decoding, whatever the image */

struct command {
    struct ozx_remote_options remote;
    const char *file, *output;
    bool force;
    struct ozx_thumbnail_options options;
    struct ozx_source *source;
    struct ozx_output_file output_file;
};

/* In the cage. */
static int work(void *context)
{
    struct command *c = context;
    OZX_AUTO_ARCHIVE struct ozx_archive *archive = NULL;
    struct ozx_picture picture = {.rgb = NULL};
    struct ozx_error error = OZX_ERROR_INIT;
    int failure, status;

    status = ozx_input_archive(c->file, &c->source, &archive);
    if (status)
        return status;
    /* The tree of an archive follows its own size; what is decoded does not. */
    if (ozx_cage_is_there())
        ozx_sandbox_limit_data(DATA_MAX);
    failure = ozx_thumbnail(archive, &c->options, &picture, &error);
    if (!failure) {
        status = OZX_EXIT_OK;
        if (ozx_png_write(c->output_file.fd, picture.rgb, picture.width, picture.height, &error)) {
            ozx_report_error(c->output, &error);
            status = OZX_EXIT_IO;
        }
        free(picture.rgb);
        return status;
    }
    ozx_report_error(c->file, &error);
    return failure == -ERANGE    ? OZX_EXIT_USAGE
           : failure == -ENOTSUP ? OZX_EXIT_UNAVAILABLE
                                 : ozx_report_exit_status(&error);
}

static bool is_own(const struct command *c)
{
    struct stat archive;

    return c->output_file.old.st_nlink && fstat(ozx_source_fd(c->source), &archive) == 0 &&
           archive.st_dev == c->output_file.old.st_dev &&
           archive.st_ino == c->output_file.old.st_ino;
}

static int fail_output(const struct command *c, const struct ozx_error *error)
{
    ozx_report_error(c->output, error);
    return error->code == -EACCES || error->code == -EPERM ? OZX_EXIT_PERMISSION
                                                           : OZX_EXIT_CANT_CREATE;
}

static int make(struct command *c)
{
    struct ozx_error error = OZX_ERROR_INIT;
    bool is_awaited;
    int status;

    if (ozx_output_file_prepare(&c->output_file, c->output, c->force, &error))
        return fail_output(c, &error);
    /* A picture is soon made again: nobody waits for the disk. */
    c->output_file.can_sync_directory = false;
    if (is_own(c))
        return ozx_report(OZX_EXIT_CANT_CREATE, c->output,
                          "it is the archive itself: choose another name");
    is_awaited = ozx_output_file_is_awaited(&c->output_file);
    if (ozx_output_file_create(&c->output_file, &error))
        return fail_output(c, &error);
    status = ozx_caged(&(struct ozx_caged){.file = c->file,
                                           .source = c->source,
                                           .allowed = OZX_SANDBOX_FILE,
                                           .tree = -1,
                                           .output = c->output_file.fd,
                                           .print_to = -1,
                                           .work = work,
                                           .context = c},
                       NULL);
    if (!status && (is_awaited ? ozx_output_file_fill(&c->output_file, &error)
                               : ozx_output_file_commit(&c->output_file, &error)))
        status = fail_output(c, &error);
    return status;
}

static int take_z(void *context, const char *value)
{
    struct ozx_thumbnail_options *options = &((struct command *)context)->options;
    long long number = 0;

    options->z_maximum = strcmp(value, "max") == 0;
    options->z = OZX_Z_MIDDLE;
    if (options->z_maximum || strcmp(value, "mid") == 0)
        return OZX_EXIT_OK;
    if (ozx_option_number(value, 10, 0, INT64_MAX - 1, &number))
        return -EINVAL;
    options->z = (uint64_t)number;
    return OZX_EXIT_OK;
}

static int take_t(void *context, const char *value)
{
    long long number = 0;

    if (ozx_option_number(value, 10, 0, INT64_MAX - 1, &number))
        return -EINVAL;
    ((struct command *)context)->options.t = (uint64_t)number;
    return OZX_EXIT_OK;
}

static int take_channels(void *context, const char *value)
{
    struct ozx_thumbnail_options *options = &((struct command *)context)->options;
    char number[24];

    options->channel_count = 0;
    for (;;) {
        size_t size = strcspn(value, ",");
        long long channel = 0;
        if (options->channel_count == OZX_CHANNELS_MAX || size >= sizeof number)
            return -EINVAL;
        memcpy(number, value, size);
        number[size] = '\0';
        if (ozx_option_number(number, 10, 0, INT64_MAX - 1, &channel))
            return -EINVAL;
        options->channels[options->channel_count++] = (uint64_t)channel;
        if (!value[size])
            return OZX_EXIT_OK;
        value += size + 1;
    }
}

static const struct ozx_option rows[] = {
    {.name = "size",
     .letter = 's',
     .value = "N",
     .help = "pixels of the longer side (default: 256)",
     .kind = OZX_OPTION_NUMBER,
     .field = offsetof(struct command, options.size),
     .low = 1,
     .high = OZX_THUMBNAIL_SIZE_MAX},
    {.name = "path",
     .value = "NODE",
     .help = "the image, label image or array of the archive (default: the root)",
     .kind = OZX_OPTION_NAME,
     .field = offsetof(struct command, options.path)},
    {.name = "z",
     .value = "N|mid|max",
     .help = "plane of the level that is read, from 0 (default: mid); max: the maximum of all",
     .take = take_z,
     .wanted = "a number, mid or max"},
    {.name = "t",
     .value = "N",
     .help = "point in time, from 0 (default: 0)",
     .take = take_t,
     .wanted = "a number from 0"},
    {.name = "channels",
     .value = "N,N...",
     .help = "channels, from 0 (default: the active ones)",
     .take = take_channels,
     .wanted = "a list of at most 32 numbers"},
    {.name = "labels",
     .help = "draw the label image over its image",
     .field = offsetof(struct command, options.labels)},
    {.name = "no-embedded",
     .help = "draw the image even if it has an embedded thumbnail",
     .field = offsetof(struct command, options.drawn)},
    {.name = "force",
     .letter = 'f',
     .help = "replace OUT.png if it exists",
     .field = offsetof(struct command, force)},
    OZX_REMOTE_OPTION,
};

static const struct ozx_verb verb = {
    .name = "thumbnail",
    .usage = "[OPTIONS] FILE OUT.png",
    .about = "Writes a picture of an image in an archive as a PNG file: one plane of the smallest\n"
             "level that is large enough, the channels blended in the colours and windows that\n"
             "the image states.",
    .after = "Example:\n"
             "  ozxfs thumbnail -s 512 image.ozx image.png",
    OZX_OPTIONS(rows),
    OZX_REMOTE_KEYS(struct command, remote)};

int ozx_cmd_thumbnail(int argc, char **argv, const struct ozx_remote_urls *urls)
{
    struct command command = {.remote = {.urls = urls},
                              .options = {.size = 256, .z = OZX_Z_MIDDLE},
                              .output_file = OZX_OUTPUT_FILE_INIT};
    struct ozx_error error = OZX_ERROR_INIT;
    int first, status = ozx_options_parse(&verb, &command, argc, argv, &first);

    if (status >= 0)
        return status;
    if (argc - first < 2)
        return ozx_report_usage("thumbnail",
                                first == argc ? "no file given" : "no output file given");
    if (argc - first > 2)
        return ozx_report_usage("thumbnail", "more than one output file given");
    if (strcmp(argv[first + 1], "-") == 0)
        return ozx_report_usage("thumbnail", "cannot write to standard output: give a file");
    if (!ozx_png_is_built_in())
        return ozx_report(OZX_EXIT_UNAVAILABLE, "thumbnail",
                          "not built in: install libpng and build ozxfs again");
    command.file = argv[first];
    command.output = argv[first + 1];
    if (ozx_input_open(command.file, &command.remote, &command.source, &error)) {
        ozx_report_error(command.file, &error);
        return ozx_report_exit_status(&error);
    }
    status = make(&command);
    ozx_output_file_close(&command.output_file);
    ozx_source_close(command.source);
    return status;
}
