/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The parent that waits for its child. Knows signals and processes; not what the work is.
 */
#include "cage/cage.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "cage/child.h"
#include "config.h"

#ifdef OZX_SANDBOX

#define PATIENCE_S 5 /* of a child that was asked to end */

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

static int run(const struct ozx_cage *cage, struct ozx_cage_entry *entry, struct ozx_cage_end *end,
               struct ozx_error *error)
{
    struct watch watch = {.child = -1};
    pid_t parent = getpid();
    int status;

    begin_watch(&watch);
    watch.child = fork();
    if (watch.child == 0) {
        sigprocmask(SIG_SETMASK, &watch.before, NULL);
        ozx_cage_child(cage, parent, entry, -1);
    }
    status = watch.child < 0 ? -errno : wait_for_child(&watch);
    sigprocmask(SIG_SETMASK, &watch.before, NULL);
    if (status < 0)
        return ozx_cage_fail(status, "cannot start a process", error);
    *end = (struct ozx_cage_end){.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                                 .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                                 .interrupted = watch.interrupted};
    if (!entry->in_force && WIFEXITED(status)) {
        *error = entry->error;
        return error->code ? error->code : ozx_cage_fail(-EPERM, "cannot drop privileges", error);
    }
    return 0;
}

int ozx_cage_run(const struct ozx_cage *cage, struct ozx_cage_end *end, struct ozx_error *error)
{
    struct ozx_cage_entry *entry = ozx_cage_entry_make();
    int failure;

    if (!entry)
        return ozx_cage_fail(-ENOMEM, "cannot start a process", error);
    failure = run(cage, entry, end, error);
    ozx_cage_entry_free(entry);
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
