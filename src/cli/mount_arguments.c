/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command line of `ozxfs mount`, and of `mount.ozxfs` as mount(8) calls it:
 * SOURCE DIR [-sfnv] [-N NAMESPACE] [-o LIST] [-t TYPE]. Its -f (fake) and -s (sloppy) mean
 * something else than ours, and its lists hold words that are meant for mount(8) itself, rw among
 * them.
 */
#include "cli/mount_arguments.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/mount_options.h"
#include "cli/report.h"
#include "mount/fuse/backend.h"

#define FILE_MODE 0444
#define DIRECTORY_MODE 0555

#define FIELD(member) .field = offsetof(struct ozx_mount_arguments, member)

/* --- tables ----------------------------------------------------------------------------------- */

static int take_single_thread(void *context, const char *value)
{
    (void)value;
    ((struct ozx_mount_arguments *)context)->options.threads = 1;
    return OZX_EXIT_OK;
}

static int take_ready_fd(void *context, const char *value)
{
    long long fd;

    if (ozx_option_number(value, 10, 0, INT_MAX, &fd) || fcntl((int)fd, F_GETFD) < 0)
        return -EINVAL;
    ((struct ozx_mount_arguments *)context)->ready_fd = (int)fd;
    return OZX_EXIT_OK;
}

static int take_nothing(void *context, const char *value)
{
    (void)context, (void)value;
    return OZX_EXIT_OK;
}

#define LIST_ROW                                                                                   \
    {                                                                                              \
        .name = "options", .letter = 'o', .value = "KEY,...",                                      \
        .help = "options from the list below; a backslash before a comma makes it\n"               \
                "part of a value",                                                                 \
        .kind = OZX_OPTION_LIST                                                                    \
    }

static const struct ozx_option rows[] = {
    {.name = "foreground",
     .letter = 'f',
     .help = "stay in the foreground; messages go to stderr, ^C unmounts",
     FIELD(options.foreground)},
    {.name = "debug",
     .letter = 'd',
     .help = "like -f, and print every request",
     FIELD(options.debug)},
    {.name = "verbose",
     .letter = 'v',
     .help = "print more: minor defects of the archive, how it is served",
     FIELD(options.verbose)},
    {.name = "single-thread",
     .letter = 's',
     .help = "serve with one thread",
     .take = take_single_thread},
    {.name = "threads",
     .value = "N",
     .help = "serve with at most N threads (default: 10; 65 for a URL)",
     .kind = OZX_OPTION_NUMBER,
     .low = 1,
     .high = OZX_MOUNT_THREADS_MAX,
     FIELD(options.threads)},
    {.name = "ready-fd",
     .value = "N",
     .help = "write a newline to descriptor N when served, and close it",
     .take = take_ready_fd,
     .wanted = "an open descriptor"},
    LIST_ROW,
};

static const struct ozx_verb verb = {
    .name = "mount",
    .usage =
        "[OPTIONS] ARCHIVE [DIR]\n[OPTIONS] ARCHIVE ARCHIVE... DIR\n[OPTIONS] DIR_OF_ARCHIVES DIR",
    .about =
        "Shows a zipped OME-Zarr (.ozx, or any ZIP) as a read-only directory tree. Returns once\n"
        "it is served. Without DIR a directory NAME.ome.zarr is made beside the archive (or in\n"
        "$XDG_RUNTIME_DIR/ozxfs) for as long as it is mounted, and its path is printed.\n"
        "Of several archives each becomes a directory NAME.ome.zarr in DIR; of a directory all\n"
        "archives that are in it and below it, as they come and go.\n"
        "DIR may be /dev/fd/N, a FUSE device that another program has mounted.",
    .after =
        "Also those of mount(8) and fuse(4) that change a read-only mount: noexec, noatime,\n"
        "context= and such. Accepted and ignored, for fstab: auto, nofail, _netdev, user, x-*\n"
        "and such. Always on: ro, nosuid, nodev; with allow_other or modes,\n"
        "default_permissions.\n"
        "\n"
        "Example:\n"
        "  ozxfs mount -o subdir=labels image.ozx /mnt/x",
    OZX_OPTIONS(rows),
    .keys = &ozx_mount_keys,
    OZX_REMOTE_KEYS(struct ozx_mount_arguments, remote)};

/* As mount(8) calls its helpers. */
static const struct ozx_option helper_rows[] = {
    {.name = "fake", .letter = 'f', FIELD(fake)},
    {.name = "sloppy", .letter = 's', FIELD(sloppy)},
    {.name = "no-mtab", .letter = 'n', .take = take_nothing}, /* there is none */
    {.name = "verbose", .letter = 'v', .take = take_nothing}, /* not meant for our stderr */
    {.name = "types", .letter = 't', .value = "TYPE", .take = take_nothing},   /* our own name */
    {.name = "namespace", .letter = 'N', .value = "NS", .take = take_nothing}, /* it is entered */
    LIST_ROW,
};

static const struct ozx_verb helper = {.name = "mount",
                                       OZX_OPTIONS(helper_rows),
                                       .keys = &ozx_mount_keys,
                                       OZX_REMOTE_KEYS(struct ozx_mount_arguments, remote),
                                       .help = &verb};

/* --- operands --------------------------------------------------------------------------------- */

/* /dev/fd/N as the directory: the descriptor of a device that somebody else has mounted. */
static int take_handed(struct ozx_mount_arguments *arguments)
{
    static const char prefix[] = "/dev/fd/";
    struct stat st;
    long long fd;

    if (!arguments->directory || strncmp(arguments->directory, prefix, sizeof prefix - 1) != 0)
        return -1;
    if (ozx_option_number(arguments->directory + sizeof prefix - 1, 10, STDERR_FILENO + 1, INT_MAX,
                          &fd) ||
        fstat((int)fd, &st) < 0 || !S_ISCHR(st.st_mode))
        return ozx_report_usage("mount", "%s is not an open FUSE device", arguments->directory);
    arguments->options.handed_fd = (int)fd;
    return -1;
}

static int take_operands(struct ozx_mount_arguments *arguments, int argc, char **argv)
{
    if (argc < 1)
        return ozx_report_usage("mount", "no archive given");
    if (argc > 2 && arguments->helper)
        return ozx_report_usage("mount", "too many arguments");
    arguments->archives = argv;
    arguments->archive_count = argc > 1 ? argc - 1 : 1;
    arguments->directory = argc > 1 ? argv[argc - 1] : NULL;
    return take_handed(arguments);
}

/* mount(8) calls its helpers by their type. */
bool ozx_mount_is_helper(const char *program)
{
    const char *base = strrchr(program, '/');

    base = base ? base + 1 : program;
    return strcmp(base, "mount.ozxfs") == 0 || strcmp(base, "mount.fuse.ozxfs") == 0;
}

int ozx_mount_arguments_init(struct ozx_mount_arguments *arguments, int argc, char **argv,
                             const struct ozx_remote_urls *urls)
{
    size_t room = 1;

    *arguments = (struct ozx_mount_arguments){
        .options = {.backend = &ozx_fuse_backend,
                    .handed_fd = -1,
                    .log_fd = -1,
                    .subtype = "ozxfs",
                    .uid = getuid(),
                    .gid = getgid(),
                    .max_read_bytes = OZX_MOUNT_MAX_READ_BYTES},
        .remote = {.urls = urls},
        .ready_fd = -1,
        .helper = ozx_mount_is_helper(argv[0]),
    };
    for (int i = 0; i < argc; i++)
        room += 2 * strlen(argv[i]) + 1; /* each character with a backslash, and the comma */
    arguments->fuse_end = arguments->fuse_options = calloc(1, room);
    if (!arguments->fuse_options)
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    arguments->options.fuse_options = arguments->fuse_options;
    return OZX_EXIT_OK;
}

void ozx_mount_arguments_finish(struct ozx_mount_arguments *arguments)
{
    arguments->options.foreground |= arguments->options.debug;
    if (arguments->options.verbose && arguments->ignored[0])
        (void)ozx_report(OZX_EXIT_OK, NULL,
                         "warning: no effect here, where nothing changes and the kernel keeps "
                         "what it has read: -o %s",
                         arguments->ignored);
    arguments->options.file_mode = FILE_MODE & ~arguments->file_mask;
    arguments->options.directory_mode = DIRECTORY_MODE & ~arguments->directory_mask;
}

static bool is_plain(char *const *options, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(options[i], "-v") != 0 && strcmp(options[i], "--verbose") != 0 &&
            strcmp(options[i], "--") != 0)
            return false;
    return true;
}

int ozx_mount_arguments_parse(int argc, char **argv, const struct ozx_remote_urls *urls,
                              struct ozx_mount_arguments *arguments)
{
    int first, status = ozx_mount_arguments_init(arguments, argc, argv, urls);

    if (status)
        return status;
    status = ozx_options_parse(arguments->helper ? &helper : &verb, arguments, argc, argv, &first);
    if (status >= 0)
        return status;
    ozx_mount_arguments_finish(arguments);
    arguments->plain = is_plain(argv + 1, first - 1);
    return take_operands(arguments, argc - first, argv + first);
}

void ozx_mount_arguments_release(struct ozx_mount_arguments *arguments)
{
    if (arguments->options.log_fd >= 0)
        close(arguments->options.log_fd);
    arguments->options.log_fd = -1;
    free(arguments->fuse_options);
    arguments->fuse_options = NULL;
}
