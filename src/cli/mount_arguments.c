/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command line of `ozxfs mount`, and of `mount.ozxfs` as mount(8) calls it:
 * SOURCE DIR [-sfnv] [-N NAMESPACE] [-o LIST] [-t TYPE]. Its -f (fake) and -s (sloppy) mean
 * something else than ours, and its lists hold words that are meant for mount(8) itself, rw among
 * them.
 */
#include "cli/mount_arguments.h"

#include <fcntl.h>
#include <getopt.h>
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
#define THREADS_MAX 1024

static const char usage[] =
    "Usage: ozxfs mount [OPTIONS] ARCHIVE [DIR]\n"
    "\n"
    "Shows a zipped OME-Zarr (.ozx, or any ZIP) as a read-only directory tree. Returns once\n"
    "it is served. Without DIR a directory NAME.ome.zarr is made beside the archive (or in\n"
    "$XDG_RUNTIME_DIR/ozxfs) for as long as it is mounted, and its path is printed.\n"
    "DIR may be /dev/fd/N, a FUSE device that another program has mounted.\n"
    "\n"
    "  -f, --foreground   stay in the foreground; messages go to stderr, ^C unmounts\n"
    "  -d, --debug        like -f, and print every request\n"
    "  -v, --verbose      print more: minor defects of the archive, how it is served\n"
    "  -s, --single-thread   serve with one thread\n"
    "      --threads N    serve with at most N threads (default: 10)\n"
    "      --ready-fd N   write a newline to descriptor N when served, and close it\n"
    "  -o OPTION,...      a backslash before a comma makes it part of a value\n"
    "  -h, --help\n"
    "\n"
    "Options for -o:\n"
    "  subdir=PATH        show only this directory of the archive\n"
    "  timeout=SECONDS    free the memory after this long without a request; the mount stays\n"
    "  log=FILE           append messages to FILE, not only to syslog\n"
    "  xattr              extended attributes: user.ozx.offset, crc32, method on files,\n"
    "                     user.ozx.comment, version, state on the root\n"
    "  io_uring           use FUSE over io_uring where the kernel supports it\n"
    "  serve_as=USER      if started by root: the user who parses and serves (default: nobody)\n"
    "  nonempty           mount on a non-empty directory, hiding its contents\n"
    "  allow_other        for all users, not only you\n"
    "  uid= gid=          owner and group shown (default: yours)\n"
    "  umask= fmask= dmask=   permission bits to clear, octal\n"
    "  fsname= subtype=   source and type shown by df and findmnt\n"
    "  max_read=BYTES, noexec, noatime, context= ...   as for mount(8) and fuse(4)\n"
    "Accepted and ignored, for fstab: auto, nofail, _netdev, user, x-* and such.\n"
    "Always on: ro, nosuid, nodev; with allow_other or modes, default_permissions.\n";

enum { THREADS = 256, READY_FD };

static const struct option long_options[] = {{"foreground", no_argument, NULL, 'f'},
                                             {"debug", no_argument, NULL, 'd'},
                                             {"verbose", no_argument, NULL, 'v'},
                                             {"single-thread", no_argument, NULL, 's'},
                                             {"threads", required_argument, NULL, THREADS},
                                             {"ready-fd", required_argument, NULL, READY_FD},
                                             {"options", required_argument, NULL, 'o'},
                                             {"help", no_argument, NULL, 'h'},
                                             {NULL, 0, NULL, 0}};

static int apply_ready_fd(struct ozx_mount_parse *p, const char *value)
{
    unsigned fd;

    if (ozx_mount_number(value, 10, 0, INT_MAX, &fd) || fcntl((int)fd, F_GETFD) < 0)
        return ozx_report_usage("mount", "--ready-fd needs an open descriptor");
    p->out->ready_fd = (int)fd;
    return 0;
}

static int unknown_option(const char *argument)
{
    char escaped[OZX_ESCAPED_SIZE];

    return ozx_report_usage("mount", "unknown option '%s', or its value is missing",
                            ozx_escape(escaped, sizeof escaped, argument, strlen(argument)));
}

/* One option of the command line. */
static int apply_switch(struct ozx_mount_parse *p, int name, char *value, const char *argument)
{
    struct ozx_mount_options *options = &p->out->options;

    switch (name) {
    case 'd':
        options->debug = true;
        options->foreground = true;
        return 0;
    case 'f':
        options->foreground = true;
        return 0;
    case 'v':
        options->verbose = true;
        return 0;
    case 's':
        options->threads = 1;
        return 0;
    case THREADS:
        return ozx_mount_number(value, 10, 1, THREADS_MAX, &options->threads)
                   ? ozx_mount_bad_value("--threads", value)
                   : 0;
    case READY_FD:
        return apply_ready_fd(p, value);
    case 'o':
        return ozx_mount_apply_list(p, value);
    case 'h':
        p->out->help = true;
        return 0;
    default:
        return unknown_option(argument);
    }
}

/* One option as mount(8) gives it to its helpers. */
static int apply_helper_switch(struct ozx_mount_parse *p, int name, char *value,
                               const char *argument)
{
    switch (name) {
    case 'f':
        p->out->fake = true;
        return 0;
    case 's':
        p->sloppy = true;
        return 0;
    case 'n': /* no /etc/mtab: there is none */
    case 't': /* the type by which we were called */
    case 'N': /* mount(8) has entered the namespace itself */
    case 'v': /* -v of mount(8) is not meant for our stderr */
        return 0;
    default:
        return apply_switch(p, name, value, argument);
    }
}

static int parse_switches(struct ozx_mount_parse *p, int argc, char **argv)
{
    const char *letters = p->helper ? "fsnvt:N:o:h" : "fdvso:h";
    int name, status = 0;

    opterr = 0;
    while (!status && (name = getopt_long(argc, argv, letters, long_options, NULL)) != -1)
        status = p->helper ? apply_helper_switch(p, name, optarg, argv[optind - 1])
                           : apply_switch(p, name, optarg, argv[optind - 1]);
    return status;
}

/* /dev/fd/N as the directory: the descriptor of a device that somebody else has mounted. */
static int take_handed(struct ozx_mount_arguments *arguments)
{
    static const char prefix[] = "/dev/fd/";
    struct stat st;
    unsigned fd;

    if (!arguments->directory || strncmp(arguments->directory, prefix, sizeof prefix - 1) != 0)
        return 0;
    if (ozx_mount_number(arguments->directory + sizeof prefix - 1, 10, STDERR_FILENO + 1, INT_MAX,
                         &fd) ||
        fstat((int)fd, &st) < 0 || !S_ISCHR(st.st_mode))
        return ozx_report_usage("mount", "%s is not an open FUSE device", arguments->directory);
    arguments->options.handed_fd = (int)fd;
    return 0;
}

static int take_operands(struct ozx_mount_parse *p, int argc, char **argv)
{
    struct ozx_mount_arguments *arguments = p->out;

    if (argc < 1)
        return ozx_report_usage("mount", "no archive given");
    if (argc > 2)
        return ozx_report_usage("mount", "too many arguments");
    arguments->archive = argv[0];
    arguments->directory = argc > 1 ? argv[1] : NULL;
    return take_handed(arguments);
}

/* mount(8) calls its helpers by their type. */
static bool is_helper(const char *program)
{
    const char *base = strrchr(program, '/');

    base = base ? base + 1 : program;
    return strcmp(base, "mount.ozxfs") == 0 || strcmp(base, "mount.fuse.ozxfs") == 0;
}

int ozx_mount_arguments_parse(int argc, char **argv, struct ozx_mount_arguments *arguments)
{
    struct ozx_mount_parse p = {.out = arguments, .helper = is_helper(argv[0])};
    size_t room = 1;
    int status;

    *arguments = (struct ozx_mount_arguments){
        .options = {.backend = &ozx_fuse_backend,
                    .handed_fd = -1,
                    .log_fd = -1,
                    .subtype = "ozxfs",
                    .uid = getuid(),
                    .gid = getgid(),
                    .max_read_bytes = OZX_MOUNT_MAX_READ_BYTES},
        .ready_fd = -1,
    };
    for (int i = 0; i < argc; i++)
        room += 2 * strlen(argv[i]) + 1; /* each character with a backslash, and the comma */
    p.fuse_end = arguments->fuse_options = calloc(1, room);
    if (!p.fuse_end)
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    arguments->options.fuse_options = arguments->fuse_options;
    status = parse_switches(&p, argc, argv);
    if (status || arguments->help)
        return status;
    arguments->options.file_mode = FILE_MODE & ~p.file_mask;
    arguments->options.directory_mode = DIRECTORY_MODE & ~p.directory_mask;
    return take_operands(&p, argc - optind, argv + optind);
}

void ozx_mount_arguments_release(struct ozx_mount_arguments *arguments)
{
    if (arguments->options.log_fd >= 0)
        close(arguments->options.log_fd);
    arguments->options.log_fd = -1;
    free(arguments->fuse_options);
    arguments->fuse_options = NULL;
}

int ozx_mount_help(void)
{
    fputs(usage, stdout);
    return ozx_report_stdout(OZX_EXIT_OK);
}
