/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The worker: from the archive's bytes to the last request, which its backend answers. After
 * `lock_in` it opens nothing: the archive and its socket are open, the /dev/fuse descriptor is sent
 * to it.
 */
#include "mount/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "archive/archive.h"
#include "cage/sandbox.h"
#include "config.h"
#include "mount/backend.h"
#include "mount/channel.h"
#include "mount/forest_parse.h"
#include "mount/many/porter.h"
#include "mount/process.h"

static int say(int socket, enum ozx_message_kind kind, uint32_t value,
               const struct ozx_error *error)
{
    return ozx_channel_send(socket, kind, value, error, false);
}

/* Signals are the supervisor's business: it unmounts, and that ends the worker. In a session of its
 * own, so that a ^Z in the terminal does not stop it. */
static void leave_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    sigset_t none;

    setsid();
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What is typed or piped into the command is not the worker's, nor has it anything to print there:
 * what it has to say goes through the channel, but for what libfuse prints with -d. */
static void leave_terminal(bool debug)
{
    OZX_AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        if (!debug)
            dup2(null, STDERR_FILENO);
    }
}

static void tell(int socket, const char *text)
{
    struct ozx_error info = OZX_ERROR_INIT;

    snprintf(info.text, sizeof info.text, "%s", text);
    (void)!say(socket, OZX_MESSAGE_INFO, 0, &info);
}

/* The one place for what takes the worker's rights away (no privileges, no new files), before it
 * has read a byte of the archive. A build with sanitizers, which open files, has nothing of it. */
static int lock_in(const struct ozx_mount_options *options,
                   const struct ozx_mount_contents *contents, int socket)
{
#ifdef OZX_SANDBOX
    const struct ozx_sandbox_ids as = {options->serve_uid, options->serve_gid};
    struct ozx_error error = OZX_ERROR_INIT;
    char report[OZX_SANDBOX_REPORT_SIZE];
    const struct ozx_sandbox sandbox = {
        .work = OZX_SANDBOX_SERVE,
        .archive =
            contents->count ? ozx_source_fd(contents->archives[0].source) : contents->requests,
        .io_uring = options->io_uring && options->backend->has_io_uring,
        .as = options->serve_as ? &as : NULL,
    };
    int failure = ozx_sandbox_enter(&sandbox, report, &error);

    if (failure) {
        (void)!say(socket, OZX_MESSAGE_FAILED,
                   failure == -EACCES ? OZX_MOUNT_STAGE_ARCHIVE : OZX_MOUNT_STAGE_SYSTEM, &error);
        return failure;
    }
    if (options->verbose)
        tell(socket, report);
    if (ozx_sandbox_probe(&sandbox, report))
        tell(socket, report);
#else
    (void)contents;
    if (options->verbose)
        tell(socket, "built without the sandbox");
#endif
    return 0;
}

static int fail(int socket, int code, const char *what)
{
    struct ozx_error error = OZX_ERROR_INIT;

    ozx_error_set(&error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "%s: %s", what,
                  strerror(-code));
    (void)!say(socket, OZX_MESSAGE_FAILED, OZX_MOUNT_STAGE_SYSTEM, &error);
    return code;
}

/* Waits until the supervisor has mounted. The descriptor to serve, -1 if there is nothing to do. */
static int wait_for_device(const struct ozx_mount_options *options, int socket)
{
    int device = options->handed_fd;

    for (;;) {
        struct ozx_message message;
        int sent, got = ozx_channel_receive(socket, &message, &sent);
        if (got == 1 && message.kind == OZX_MESSAGE_DEVICE && sent >= 0 && device < 0) {
            device = sent;
            continue;
        }
        if (sent >= 0)
            close(sent);
        if (got == 1 && message.kind == OZX_MESSAGE_START && device >= 0) {
            if (message.value)
                ozx_process_take_name(message.value);
            return device;
        }
        if (device >= 0)
            close(device);
        return -1;
    }
}

#define THREAD_BYTES (UINT64_C(96) << 20) /* a stack, a read's buffer, the dictionary of a stream */
#define TREE_BYTES UINT64_C(256)          /* of a node, while its tree is made */
#define TREES_BYTES (UINT64_C(256) << 20) /* room to spare */

/* What a worker that is no longer ours may take from the machine. */
static void limit_memory(const struct ozx_mount_options *options, const struct ozx_forest *forest)
{
#ifdef OZX_SANDBOX
    uint64_t threads = options->threads ? options->threads : OZX_MOUNT_THREADS;

    ozx_sandbox_limit_data(threads * THREAD_BYTES + TREES_BYTES + forest->node_count * TREE_BYTES);
#else
    (void)options, (void)forest;
#endif
}

/* From the parsed archive to the last request. */
static int serve(const struct ozx_mount_options *options, const struct ozx_forest *forest,
                 int socket)
{
    const struct ozx_backend *backend = options->backend;
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_served *served;
    int device, failure = backend->start(options, forest, socket, &served);

    if (failure)
        return fail(socket, failure, "cannot serve");
    failure = say(socket, OZX_MESSAGE_PARSED, 0, NULL);
    device = failure ? -1 : wait_for_device(options, socket);
    limit_memory(options, forest);
    if (device >= 0)
        failure = backend->serve(served, device, &error);
    if (device >= 0 && failure)
        (void)!say(socket, OZX_MESSAGE_FAILED, OZX_MOUNT_STAGE_SYSTEM, &error);
    backend->stop(served);
    return failure;
}

static int run(const struct ozx_mount_options *options, struct ozx_mount_contents *contents,
               int socket, int table)
{
    const int others[] = {socket, options->handed_fd, table};
    struct ozx_forest forest = {.gates = NULL};
    int failure;

    leave_signals();
    if (options->foreground)
        leave_terminal(options->debug);
    ozx_archive_prepare();
    failure = ozx_mount_contents_close_others(contents, others, sizeof others / sizeof others[0]);
    if (failure)
        (void)!fail(socket, failure, "cannot close what is not needed");
    ozx_forest_prepare(contents);
    /* Before an archive is parsed: nothing below opens a file or needs a privilege. */
    if (!failure)
        failure = lock_in(options, contents, socket);
    if (!failure)
        failure = ozx_forest_parse(options, contents, socket, table, &forest);
    if (!failure)
        failure = serve(options, &forest, socket);
    ozx_forest_close(&forest);
    ozx_mount_contents_close(contents);
    return failure ? EXIT_FAILURE : EXIT_SUCCESS;
}

int ozx_worker_start(const struct ozx_mount_options *options, struct ozx_mount_contents *contents,
                     int table, pid_t *pid, int *socket)
{
    int sockets[2];
    int failure = ozx_porter_start(options, contents);

    if (!failure)
        failure = ozx_channel_pair(sockets);
    if (failure) {
        ozx_mount_contents_close(contents);
        return failure;
    }
    *pid = fork();
    if (*pid == 0)
        exit(run(options, contents, sockets[1], table));
    failure = *pid < 0 ? -errno : 0;
    ozx_mount_contents_close(contents);
    close(sockets[1]);
    if (failure)
        close(sockets[0]);
    else
        *socket = sockets[0];
    return failure;
}
