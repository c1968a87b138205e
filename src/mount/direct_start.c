/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The start of a mount by a backend in the supervisor.
 */
#include "mount/direct_start.h"

#include <fcntl.h>
#include <string.h>

#define PIPE_BYTES (1 << 20)

static int fail(struct ozx_error *why, int code, const char *what)
{
    return ozx_error_set(why, -ENODEV, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "%s: %s", what,
                         strerror(-code));
}

static int open_pipe(struct ozx_direct_start *start, struct ozx_error *why)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return fail(why, -errno, "cannot create a pipe");
    start->pipe = ends[0];
    start->worker_pipe = ends[1];
    (void)!fcntl(start->pipe, F_SETPIPE_SZ, PIPE_BYTES); /* fewer turns, no more */
    return fcntl(start->pipe, F_SETFL, O_NONBLOCK) < 0 ? fail(why, -errno, "fcntl") : 0;
}

int ozx_direct_start_begin(const struct ozx_mount_options *options,
                           const struct ozx_mount_contents *contents,
                           struct ozx_direct_start *start, struct ozx_error *why)
{
    int failure;

    *start = (struct ozx_direct_start){
        .backend = options->direct, .pipe = -1, .worker_pipe = -1, .alarm = -1};
    if (!options->direct)
        return 0;
    if (contents->several || contents->directory >= 0)
        return ozx_error_set(why, -ENODEV, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "several archives in one mount are served by FUSE");
    if (ozx_source_fd(contents->archives[0].source) < 0)
        return ozx_error_set(why, -ENODEV, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "an archive on a server is served by FUSE");
    failure = options->direct->hold(options, ozx_source_fd(contents->archives[0].source),
                                    &start->direct, why);
    if (failure)
        return failure;
    start->alarm = options->direct->alarm(start->direct);
    return open_pipe(start, why);
}

void ozx_direct_start_begun(struct ozx_direct_start *start)
{
    if (start->worker_pipe >= 0)
        close(ozx_take_fd(&start->worker_pipe));
}

/* Once, by the first that is heard of the size. */
static void expect(struct ozx_direct_start *start)
{
    const struct ozx_table_reader *reader = &start->reader;

    if (start->is_expected || (!reader->guessed_count && !reader->has_head))
        return;
    start->is_expected = true;
    if (reader->guessed_count)
        start->backend->expect(start->direct, reader->guessed_count, reader->guessed_names_size);
    else
        start->backend->expect(start->direct, reader->table.count, reader->table.names_size);
}

int ozx_direct_start_continue(struct ozx_direct_start *start, bool is_alarm, struct ozx_error *why)
{
    int result;

    if (is_alarm)
        return ozx_error_set(why, -ENODEV, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "the archive is being changed");
    if (start->pipe < 0)
        return 0;
    result = ozx_table_receive(&start->reader, start->pipe);
    expect(start);
    if (result == -EPIPE) {
        close(ozx_take_fd(&start->pipe)); /* the worker says why */
        return 0;
    }
    if (result < 0)
        return fail(why, result, "the worker sent no table of files");
    if (result == 0)
        close(ozx_take_fd(&start->pipe));
    return 0;
}

int ozx_direct_start_attach(struct ozx_direct_start *start, struct ozx_mount_id *out,
                            struct ozx_error *why)
{
    int failure = start->pipe >= 0 ? ozx_direct_start_continue(start, false, why) : 0;

    if (!failure && (start->pipe >= 0 || !start->reader.is_whole))
        failure = fail(why, -EPROTO, "the worker sent no table of files");
    if (!failure)
        failure = start->backend->attach(start->direct, &start->reader.table, out, why);
    if (failure)
        return failure;
    ozx_table_free(&start->reader.table);
    start->alarm = -1;
    start->attached = true;
    return 0;
}

void ozx_direct_start_end(struct ozx_direct_start *start)
{
    if (start->direct)
        start->backend->release(start->direct);
    start->direct = NULL;
    start->alarm = -1;
    ozx_direct_start_begun(start);
    if (start->pipe >= 0)
        close(ozx_take_fd(&start->pipe));
    ozx_table_free(&start->reader.table);
}

void ozx_direct_start_explain(const struct ozx_error *why, struct ozx_error *out)
{
    int code =
        why->code == -EPERM || why->code == -EACCES || why->code == -EBUSY || why->code == -ESTALE
            ? why->code
            : -ENODEV;

    ozx_error_set(out, code, why->rule, why->offset_bytes, "use backend=fuse",
                  "the kernel cannot serve this mount: %.500s", why->text);
}
