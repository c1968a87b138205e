/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The child, and the parent that waits for it. Knows signals and processes; not what the work is.
 */
#include "cage/cage.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "base/descriptors.h"
#include "config.h"

#ifdef OZX_SANDBOX

#define PATIENCE_S 5 /* of a child that was asked to end */

/* --- the child -------------------------------------------------------------------------------- */

/* How entering went. In memory that both see until the work begins. */
struct entry {
    bool in_force;
    struct ozx_error error;
};

static void arrange_descriptors(const struct ozx_cage *cage)
{
    int keep[OZX_CAGE_CHANNELS_MAX + 3] = {cage->archive, cage->tree, cage->file};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (null >= 0)
        dup2(null, STDIN_FILENO);
    if (cage->output >= 0)
        dup2(cage->output, STDOUT_FILENO);
    for (size_t i = 0; i < OZX_CAGE_CHANNELS_MAX; i++)
        keep[3 + i] = i < cage->channel_count ? cage->channels[i] : -1;
    ozx_descriptors_close_others(keep, sizeof keep / sizeof keep[0]);
}

static _Noreturn void run_child(const struct ozx_cage *cage, pid_t parent, struct entry *entry)
{
    const struct ozx_sandbox sandbox = {
        .work = cage->allowed,
        .archive = cage->archive,
        .tree = cage->tree,
        .channels = cage->channel_count != 0,
        .parent = parent,
    };
    char report[OZX_SANDBOX_REPORT_SIZE];

    arrange_descriptors(cage);
    if (ozx_sandbox_enter(&sandbox, report, &entry->error))
        _exit(EXIT_FAILURE);
    entry->in_force = true;
    munmap(entry, sizeof *entry); /* from here on it says nothing that would be believed */
    if (ozx_sandbox_probe(&sandbox, report))
        dprintf(STDERR_FILENO, "ozxfs: probe: %s\n", report);
    _exit(cage->work(cage->context));
}

/* --- the parent ------------------------------------------------------------------------------- */

struct watch {
    pid_t child;
    sigset_t signals, before;
    int interrupted;
    struct timespec until; /* once interrupted */
};

/* What is ignored (nohup) or blocked stays so. */
static void add_signal(struct watch *watch, int number)
{
    struct sigaction now;

    if (!sigismember(&watch->before, number) && sigaction(number, NULL, &now) == 0 &&
        now.sa_handler != SIG_IGN)
        sigaddset(&watch->signals, number);
}

/* Before the child is there, so that its end cannot be missed. */
static void begin_watch(struct watch *watch)
{
    static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

    signal(SIGCHLD, SIG_DFL); /* an ignored one would leave no child to wait for */
    sigemptyset(&watch->signals);
    sigprocmask(SIG_BLOCK, NULL, &watch->before);
    for (size_t i = 0; i < sizeof passed_on / sizeof passed_on[0]; i++)
        add_signal(watch, passed_on[i]);
    sigaddset(&watch->signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &watch->signals, NULL);
}

/* A stop is the parent's own, for the shell to see; the child's comes with it. */
static void stop_both(const struct watch *watch)
{
    sigset_t stop;

    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    kill(watch->child, SIGSTOP);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop, NULL); /* stops here */
    sigprocmask(SIG_BLOCK, &stop, NULL);
    kill(watch->child, SIGCONT);
}

static void pass_on(struct watch *watch, int number)
{
    if (number == SIGTSTP) {
        stop_both(watch);
        return;
    }
    kill(watch->child, number);
    if (watch->interrupted)
        return;
    watch->interrupted = number;
    clock_gettime(CLOCK_MONOTONIC, &watch->until);
    watch->until.tv_sec += PATIENCE_S;
}

/* The next signal; 0 when patience is at its end, or somebody interrupted. */
static int next_signal(const struct watch *watch)
{
    struct timespec now, left = {0};
    int number;

    if (!watch->interrupted)
        return sigwaitinfo(&watch->signals, NULL);
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec < watch->until.tv_sec)
        left.tv_sec = watch->until.tv_sec - now.tv_sec;
    else
        left.tv_nsec = 100000000;
    number = sigtimedwait(&watch->signals, NULL, &left);
    if (number < 0 && errno == EAGAIN)
        kill(watch->child, SIGKILL);
    return number;
}

/* The child's status as of waitpid(2), or -errno. */
static int wait_for_child(struct watch *watch)
{
    for (;;) {
        int number = next_signal(watch), status;
        pid_t gone;

        if (number > 0 && number != SIGCHLD) {
            pass_on(watch, number);
            continue;
        }
        gone = waitpid(watch->child, &status, WNOHANG);
        if (gone == watch->child)
            return status;
        if (gone < 0 && errno != EINTR)
            return -errno;
    }
}

static int fail(int code, const char *what, struct ozx_error *error)
{
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "%s: %s", what,
                         strerror(-code));
}

static int run(const struct ozx_cage *cage, struct entry *entry, struct ozx_cage_end *end,
               struct ozx_error *error)
{
    struct watch watch = {.child = -1};
    pid_t parent = getpid();
    int status;

    begin_watch(&watch);
    watch.child = fork();
    if (watch.child == 0) {
        sigprocmask(SIG_SETMASK, &watch.before, NULL);
        run_child(cage, parent, entry);
    }
    status = watch.child < 0 ? -errno : wait_for_child(&watch);
    sigprocmask(SIG_SETMASK, &watch.before, NULL);
    if (status < 0)
        return fail(status, "cannot start a process", error);
    *end = (struct ozx_cage_end){.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                                 .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                                 .interrupted = watch.interrupted};
    if (!entry->in_force && WIFEXITED(status)) {
        *error = entry->error;
        return error->code ? error->code : fail(-EPERM, "cannot drop privileges", error);
    }
    return 0;
}

int ozx_cage_run(const struct ozx_cage *cage, struct ozx_cage_end *end, struct ozx_error *error)
{
    struct entry *entry = mmap(NULL, sizeof *entry, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int failure;

    if (entry == MAP_FAILED)
        return fail(-errno, "cannot start a process", error);
    entry->error.offset_bytes = OZX_OFFSET_NONE;
    failure = run(cage, entry, end, error);
    munmap(entry, sizeof *entry);
    return failure;
}

bool ozx_cage_is_there(void)
{
    return true;
}

#else

int ozx_cage_run(const struct ozx_cage *cage, struct ozx_cage_end *end, struct ozx_error *error)
{
    int kept = -1;

    (void)error;
    if (cage->output >= 0) {
        kept = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        dup2(cage->output, STDOUT_FILENO);
    }
    *end = (struct ozx_cage_end){.status = cage->work(cage->context)};
    if (kept >= 0) {
        dup2(kept, STDOUT_FILENO);
        close(kept);
    }
    return 0;
}

bool ozx_cage_is_there(void)
{
    return false;
}

#endif
