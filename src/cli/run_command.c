/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command of `ozxfs run`.
 *
 *     ozxfs                       child
 *     fork                        waits for a byte
 *     tells the supervisors
 *     writes the byte             execvp
 *     reads the end: it runs      (closed by exec)
 *     reads an errno: it does not writes it
 *
 * Were ozxfs killed before the supervisors know of the command, the child would read the end of the
 * channel and never become the command.
 */
#include "cli/run_command.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/wait.h"
#include "cli/report.h"
#include "mount/process.h"

struct watch {
    const struct ozx_run *run;
    const char *name;     /* of the command */
    pid_t child;
    int channel;          /* to the child, until it has executed; else -1 */
    struct pollfd *polls; /* owned; signals, channel, then a lease each */
    int failure;          /* errno of exec, 0: none */
};

int ozx_run_hold_signals(struct ozx_run_signals *signals)
{
    static const int always[] = {SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGCHLD};
    static const int unless_ignored[] = {SIGINT, SIGQUIT, SIGHUP, SIGTSTP};
    struct sigaction now;
    sigset_t mask;

    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        sigaddset(&mask, always[i]);
    for (size_t i = 0; i < sizeof unless_ignored / sizeof unless_ignored[0]; i++)
        if (sigaction(unless_ignored[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(&mask, unless_ignored[i]);
    signals->fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals->fd < 0)
        return -errno;
    /* an ignored SIGCHLD leaves no child to wait for */
    now = (struct sigaction){.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &now, &signals->child);
    now.sa_handler = SIG_IGN; /* a reader of our messages that leaves ends nothing */
    sigaction(SIGPIPE, &now, &signals->pipe);
    sigprocmask(SIG_BLOCK, &mask, &signals->mask);
    return 0;
}

/* --- the child -------------------------------------------------------------------------------- */

static void set_environment(const struct ozx_run *run)
{
    char name[32];

    for (size_t i = 0; i < run->count; i++) {
        snprintf(name, sizeof name, "OZXFS_%zu", i + 1);
        setenv(name, run->paths[i], 1);
    }
    /* Those of another `run` around this one. */
    for (size_t i = run->count + 1; snprintf(name, sizeof name, "OZXFS_%zu", i), getenv(name); i++)
        unsetenv(name);
}

static _Noreturn void become(const struct ozx_run *run, char *const *words, int channel)
{
    char go;
    int code;

    if (read(channel, &go, 1) != 1)
        _exit(OZX_RUN_NOT_EXECUTABLE);
    set_environment(run);
    sigaction(SIGCHLD, &run->signals->child, NULL);
    sigaction(SIGPIPE, &run->signals->pipe, NULL);
    signal(SIGXFSZ, SIG_DFL); /* see main() */
    sigprocmask(SIG_SETMASK, &run->signals->mask, NULL);
    execvp(words[0], words);
    code = errno;
    (void)!send(channel, &code, sizeof code, MSG_NOSIGNAL);
    _exit(code == ENOENT ? OZX_RUN_NOT_FOUND : OZX_RUN_NOT_EXECUTABLE);
}

/* --- the parent ------------------------------------------------------------------------------- */

/* True once all who are to end the command if we cannot know of it. */
static void hand_to_supervisors(const struct watch *watch)
{
    OZX_AUTO_CLOSE int pidfd = pidfd_open(watch->child, 0);

    /* A supervisor that is gone is noticed by its channel. */
    for (size_t i = 0; pidfd >= 0 && i < watch->run->count; i++)
        (void)!ozx_mount_lease_hand_command(&watch->run->leases[i], pidfd);
}

static int start(struct watch *watch, char *const *words)
{
    int channels[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channels) < 0)
        return -errno;
    watch->child = fork();
    if (watch->child == 0) {
        close(channels[0]);
        become(watch->run, words, channels[1]);
    }
    close(channels[1]);
    if (watch->child < 0) {
        int failure = -errno;
        close(channels[0]);
        return failure;
    }
    watch->channel = channels[0];
    hand_to_supervisors(watch);
    (void)!send(watch->channel, "", 1, MSG_NOSIGNAL);
    return 0;
}

/* The shell is to see us stopped. Where there is no shell that could go on (an orphaned process
 * group), the kernel does not stop us. */
static void stop_too(void)
{
    sigset_t stop;

    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop, NULL); /* stops here */
    sigprocmask(SIG_BLOCK, &stop, NULL);
}

/* True once the command has ended, with its status as of waitpid(2). */
static bool reap(const struct watch *watch, int *status)
{
    while (waitpid(watch->child, status, WNOHANG | WUNTRACED) == watch->child) {
        if (!WIFSTOPPED(*status))
            return true;
        /* Not for SIGSTOP: who sends that to the command alone continues it alone, too. */
        if (WSTOPSIG(*status) != SIGSTOP)
            stop_too();
    }
    return false;
}

/* What the kernel sends for the terminal goes to the whole group; a command that signals its group
 * has got that signal itself. */
static bool is_for_us_alone(const struct watch *watch, const struct signalfd_siginfo *signal)
{
    return signal->ssi_code <= 0 && (pid_t)signal->ssi_pid != watch->child;
}

static bool handle_signals(const struct watch *watch, int *status)
{
    struct signalfd_siginfo signal;

    while (read(watch->run->signals->fd, &signal, sizeof signal) == (ssize_t)sizeof signal)
        if (signal.ssi_signo != SIGCHLD && is_for_us_alone(watch, &signal))
            kill(watch->child, (int)signal.ssi_signo);
    return reap(watch, status);
}

static void hear_child(struct watch *watch)
{
    int code;

    if (recv(watch->channel, &code, sizeof code, MSG_DONTWAIT) == (ssize_t)sizeof code)
        watch->failure = code;
    close(ozx_take_fd(&watch->channel));
}

/* A mount that is not served any more: told once, the command goes on. */
static void hear_lease(struct watch *watch, size_t number)
{
    struct ozx_error error = OZX_ERROR_INIT;

    if (!ozx_mount_lease_look(&watch->run->leases[number], &error))
        return;
    watch->polls[2 + number].fd = -1;
    ozx_report_warning(watch->run->archives[number], &error);
}

static int watch_command(struct watch *watch)
{
    size_t count = watch->run->count;
    int status = 0;

    watch->polls[0] = (struct pollfd){.fd = watch->run->signals->fd, .events = POLLIN};
    for (size_t i = 0; i < count; i++)
        watch->polls[2 + i] =
            (struct pollfd){.fd = watch->run->leases[i].channel, .events = POLLIN};
    do {
        watch->polls[1] = (struct pollfd){.fd = watch->channel, .events = POLLIN};
        if (poll(watch->polls, 2 + count, -1) < 0 && errno != EINTR)
            return ozx_wait_child(watch->child);
        if (watch->polls[1].revents && watch->channel >= 0)
            hear_child(watch);
        for (size_t i = 0; i < count; i++)
            if (watch->polls[2 + i].revents && watch->polls[2 + i].fd >= 0)
                hear_lease(watch, i);
    } while (!handle_signals(watch, &status));
    if (watch->channel >= 0)
        hear_child(watch);
    return status;
}

static int exit_status(const struct watch *watch, int status)
{
    if (watch->failure)
        return ozx_report(watch->failure == ENOENT ? OZX_RUN_NOT_FOUND : OZX_RUN_NOT_EXECUTABLE,
                          watch->name, "cannot run the command: %s", strerror(watch->failure));
    return WIFSIGNALED(status) ? OZX_RUN_SIGNALED + WTERMSIG(status) : WEXITSTATUS(status);
}

int ozx_run_command(const struct ozx_run *run, char *const *words)
{
    struct watch watch = {.run = run, .name = words[0], .channel = -1};
    int failure, status;

    watch.polls = calloc(2 + run->count, sizeof *watch.polls);
    if (!watch.polls)
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    failure = start(&watch, words);
    status = failure ? ozx_report(OZX_EXIT_SYSTEM, words[0], "cannot start a process: %s",
                                  strerror(-failure))
                     : exit_status(&watch, watch_command(&watch));
    free(watch.polls);
    return status;
}
