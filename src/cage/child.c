/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Descriptors first, then rights, then the work.
 */
#include "cage/child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "base/descriptors.h"
#include "config.h"

int ozx_cage_fail(int code, const char *what, struct ozx_error *error)
{
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "%s: %s", what,
                         strerror(-code));
}

struct ozx_cage_entry *ozx_cage_entry_make(void)
{
    struct ozx_cage_entry *entry =
        mmap(NULL, sizeof *entry, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (entry == MAP_FAILED)
        return NULL;
    entry->error.offset_bytes = OZX_OFFSET_NONE;
    return entry;
}

void ozx_cage_entry_free(struct ozx_cage_entry *entry)
{
    munmap(entry, sizeof *entry);
}

static void arrange_descriptors(const struct ozx_cage *cage, int entered)
{
    int keep[2 * OZX_CAGE_CHANNELS_MAX + 4] = {cage->archive, cage->tree, cage->file, entered};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (null >= 0)
        dup2(null, STDIN_FILENO);
    if (cage->output >= 0)
        dup2(cage->output, STDOUT_FILENO);
    for (size_t i = 0; i < OZX_CAGE_CHANNELS_MAX; i++) {
        keep[4 + 2 * i] = i < cage->channel_count ? cage->channels[i] : -1;
        keep[5 + 2 * i] = i < cage->socket_count ? cage->sockets[i] : -1;
    }
    ozx_descriptors_close_others(keep, sizeof keep / sizeof keep[0]);
}

#ifdef OZX_SANDBOX

static void enter(const struct ozx_cage *cage, pid_t parent, struct ozx_cage_entry *entry)
{
    const struct ozx_sandbox sandbox = {
        .work = cage->allowed,
        .archive = cage->archive,
        .tree = cage->tree,
        .channels = cage->channel_count != 0 || cage->socket_count != 0,
        .parent = parent,
    };
    char report[OZX_SANDBOX_REPORT_SIZE];

    if (ozx_sandbox_enter(&sandbox, report, &entry->error))
        _exit(EXIT_FAILURE);
    entry->in_force = true;
    ozx_cage_entry_free(entry); /* from here on it says nothing that would be believed */
    if (ozx_sandbox_probe(&sandbox, report))
        dprintf(STDERR_FILENO, "ozxfs: probe: %s\n", report);
}

#else

/* A process of its own, with its rights. */
static void enter(const struct ozx_cage *cage, pid_t parent, struct ozx_cage_entry *entry)
{
    (void)cage;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    entry->in_force = true;
}

#endif

_Noreturn void ozx_cage_child(const struct ozx_cage *cage, pid_t parent,
                              struct ozx_cage_entry *entry, int entered)
{
    arrange_descriptors(cage, entered);
    enter(cage, parent, entry);
    if (entered >= 0)
        close(entered);
    _exit(cage->work(cage->context));
}
