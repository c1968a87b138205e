/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opening the input. A FIFO would block, a device may act when it is opened: both are refused
 * before, and again after, since the name may have been given to something else meanwhile.
 */
#include "cli/input.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/file_name.h"
#include "archive/glob.h"
#include "cli/caged.h"
#include "cli/remote.h"
#include "cli/report.h"

static int refuse_directory(const char *path, struct ozx_error *error)
{
    static const char *const metadata[] = {"zarr.json", ".zgroup", ".zarray", ".zattrs"};
    OZX_AUTO_CLOSE int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    for (size_t i = 0; fd >= 0 && i < sizeof metadata / sizeof metadata[0]; i++)
        if (fstatat(fd, metadata[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
            return ozx_error_set(error, -EISDIR, OZX_RULE_NONE, OZX_OFFSET_NONE,
                                 "readers open it as it is; 'ozxfs pack' makes an archive of it",
                                 "is a directory with Zarr in it, not an archive");
    return ozx_error_set(error, -EISDIR, OZX_RULE_NONE, OZX_OFFSET_NONE, "give a .ozx file",
                         "is a directory");
}

static int refuse_kind(const char *path, mode_t mode, struct ozx_error *error)
{
    if (S_ISDIR(mode))
        return refuse_directory(path, error);
    return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE, "give a regular file",
                         "is a %s, not a regular file",
                         S_ISFIFO(mode)   ? "FIFO"
                         : S_ISSOCK(mode) ? "socket"
                                          : "device");
}

/* "https://...", "s3://...": a scheme, as in RFC 3986. */
static bool is_url(const char *path)
{
    size_t size = strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");

    return size && strncmp(path + size, "://", 3) == 0;
}

static int fail_open(int code, struct ozx_error *error)
{
    const char *hint = code == -ENOENT ? "check the path" : NULL;

    if (code == -EACCES)
        hint = "ask its owner for read permission";
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, hint, "cannot open: %s",
                         strerror(-code));
}

int ozx_input_open_file(const char *path, struct ozx_source **out, struct ozx_error *error)
{
    OZX_AUTO_CLOSE int fd = -1;
    struct stat st;
    int failure;

    if (strcmp(path, "-") == 0)
        return ozx_error_set(
            error, -ENOENT, OZX_RULE_NONE, OZX_OFFSET_NONE,
            "save it as a file first, and give that; a file named '-' is './-'",
            "an archive cannot be read from standard input, since it is read from its end");
    if (stat(path, &st) < 0 && is_url(path))
        return ozx_error_set(error, -ENOENT, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "download the file first, and give that",
                             "is a URL, and only files can be opened");
    if (stat(path, &st) < 0)
        return fail_open(-errno, error);
    if (!S_ISREG(st.st_mode))
        return refuse_kind(path, st.st_mode, error);
    fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return fail_open(-errno, error);
    if (!S_ISREG(st.st_mode))
        return refuse_kind(path, st.st_mode, error);
    failure = ozx_source_open_fd(fd, out);
    if (failure)
        return fail_open(failure, error);
    (void)ozx_take_fd(&fd);
    return 0;
}

int ozx_input_open(const char *path, const struct ozx_remote_options *remote,
                   struct ozx_source **out, struct ozx_error *error)
{
    return ozx_remote_is(path) ? ozx_remote_open(path, remote, out, error)
                               : ozx_input_open_file(path, out, error);
}

int ozx_input_archive(const char *path, struct ozx_source **source, struct ozx_archive **out)
{
    struct ozx_error error = OZX_ERROR_INIT;

    if (ozx_archive_open(*source, NULL, out, &error) == 0) {
        *source = NULL;
        return OZX_EXIT_OK;
    }
    ozx_report_error(path, &error);
    return ozx_report_exit_status(&error);
}

int ozx_input_caged(const char *path, const struct ozx_remote_options *remote,
                    struct ozx_source **source, int (*work)(void *context), void *context)
{
    struct ozx_error error = OZX_ERROR_INIT;
    int status;

    if (ozx_input_open(path, remote, source, &error)) {
        ozx_report_error(path, &error);
        return ozx_report_exit_status(&error);
    }
    status = ozx_caged(&(struct ozx_caged){.file = path,
                                           .source = *source,
                                           .allowed = OZX_SANDBOX_READ,
                                           .tree = -1,
                                           .output = -1,
                                           .print_to = -1,
                                           .work = work,
                                           .context = context},
                       NULL);
    ozx_source_close(ozx_take(*source));
    return status;
}

size_t ozx_input_count_archives(char *const *operands, size_t count)
{
    size_t archives = 1;

    while (archives < count && ozx_file_name_is_archive(operands[archives]))
        archives++;
    return archives < count ? archives : count;
}

int ozx_input_glob(const struct ozx_archive *archive, const char *file, const char *pattern,
                   uint32_t **nodes, uint32_t *count)
{
    char escaped[OZX_ESCAPED_SIZE];

    switch (ozx_archive_glob(archive, pattern, nodes, count)) {
    case 0:
        return OZX_EXIT_OK;
    case -ENOENT:
        return ozx_report(OZX_EXIT_NO_INPUT, file, "'%s' matches nothing in the archive",
                          ozx_escape(escaped, sizeof escaped, pattern, strlen(pattern)));
    case -EINVAL:
        return ozx_report(OZX_EXIT_USAGE, file, "a pattern has at most %d components '**'",
                          OZX_GLOB_STARS_MAX);
    default:
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    }
}
