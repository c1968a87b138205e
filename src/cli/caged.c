/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the libraries would open later is opened before, and a child's end is put into words.
 */
#include "cli/caged.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "archive/archive.h"
#include "cli/report.h"

#define STDOUT_BUFFER_SIZE 16384

_Static_assert(OZX_SOURCE_DESCRIPTORS_MAX <= OZX_CAGE_CHANNELS_MAX, "a cage keeps all of them");

/* In the cage there is no asking whether standard output is a terminal before the first line is
 * printed there, and no file to take random numbers from. */
static void prepare(void)
{
    static char buffer[STDOUT_BUFFER_SIZE];
    static bool prepared;

    if (!prepared && ozx_cage_is_there())
        setvbuf(stdout, buffer, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, sizeof buffer);
    if (!prepared)
        ozx_archive_prepare();
    prepared = true;
    fflush(stdout);
}

/* What a user or the system ends a process with, as opposed to its own faults. */
static bool is_end(int number)
{
    static const int ends[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGPIPE,
                               SIGXCPU, SIGXFSZ, SIGALRM, SIGUSR1, SIGUSR2};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (ends[i] == number)
            return true;
    return false;
}

/* As if there were one process. */
static void end_likewise(int number)
{
    sigset_t one;

    signal(number, SIG_DFL);
    sigemptyset(&one);
    sigaddset(&one, number);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    raise(number);
}

static void explain(const struct ozx_cage_end *end, struct ozx_error *error)
{
    if (is_end(end->signal) || (end->signal == SIGKILL && end->interrupted))
        ozx_error_set(error, -EINTR, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "interrupted");
    else if (end->signal == SIGKILL)
        ozx_error_set(error, -ENOMEM, OZX_RULE_NONE, OZX_OFFSET_NONE,
                      "check that there is enough memory",
                      "the process that was reading it was killed");
    else
        ozx_error_set(error, -EFAULT, OZX_RULE_NONE, OZX_OFFSET_NONE,
                      "this is a bug in ozxfs: please report it, with the archive",
                      "the process that was reading it crashed (%s)", strsignal(end->signal));
}

int ozx_caged(const struct ozx_caged *caged, struct ozx_caged_end *end)
{
    int channels[OZX_SOURCE_DESCRIPTORS_MAX];
    const bool is_remote = ozx_source_fd(caged->source) < 0;
    const struct ozx_cage cage = {
        .allowed = caged->allowed,
        .archive = ozx_source_fd(caged->source),
        .channels = channels,
        .channel_count = is_remote ? ozx_source_descriptors(caged->source, channels) : 0,
        .tree = caged->tree,
        .file = caged->output,
        .output = caged->print_to,
        .work = caged->work,
        .context = caged->context,
    };
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_cage_end gone = {.status = -1};

    prepare();
    if (ozx_cage_run(&cage, &gone, &error) == 0 && gone.status < 0) {
        /* But for what is to be removed then. */
        if (is_end(gone.signal) && caged->tree < 0 && caged->output < 0)
            end_likewise(gone.signal);
        explain(&gone, &error);
    }
    if (error.code)
        ozx_report_error(caged->file, &error);
    if (end)
        *end = (struct ozx_caged_end){.interrupted = gone.interrupted != 0, .error = error};
    return !error.code                ? gone.status
           : error.code == -EFAULT ? OZX_EXIT_BUG
                                   : ozx_report_exit_status(&error);
}

void *ozx_caged_memory(size_t size_bytes)
{
    void *memory =
        mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void ozx_caged_memory_free(void *memory, size_t size_bytes)
{
    if (memory)
        munmap(memory, size_bytes);
}
