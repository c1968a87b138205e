/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a process of a mount does to itself, and children that run for a moment.
 */
#include "mount/process.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "base/wait.h"

#define ANSWER_MS 1000
#define KILLED_MS 500 /* and how long it takes to end who waits for it */

int ozx_process_detach_standard(void)
{
    OZX_AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0)
        return -errno;
    return 0;
}

void ozx_process_name(char name[OZX_PROCESS_NAME_SIZE], unsigned device_minor)
{
    snprintf(name, OZX_PROCESS_NAME_SIZE, "ozxfs:%u", device_minor);
}

void ozx_process_take_name(unsigned device_minor)
{
    char name[OZX_PROCESS_NAME_SIZE];

    ozx_process_name(name, device_minor);
    prctl(PR_SET_NAME, name, 0, 0, 0);
}

static bool is_ignored(int number)
{
    struct sigaction action;

    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int ozx_process_signals(bool respectful, sigset_t *old, int *signals)
{
    static const int wanted[] = {SIGINT, SIGHUP, SIGQUIT, SIGTERM, SIGCHLD};
    sigset_t mask;
    int fd;

    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        bool optional = wanted[i] != SIGTERM && wanted[i] != SIGCHLD;
        if (!respectful || !optional || !is_ignored(wanted[i]))
            sigaddset(&mask, wanted[i]);
    }
    fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    /* An ignored SIGCHLD would leave no children to wait for. */
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_BLOCK, &mask, old);
    *signals = fd;
    return 0;
}

int ozx_process_next_signal(int signals)
{
    struct signalfd_siginfo info;

    return read(signals, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

/* The first line in `fd`, cut at `said_size`, without "fusermount3: " or "fuse: " in front. */
static void first_line(int fd, char *said, size_t said_size)
{
    static const char *const programs[] = {"fusermount3: ", "fusermount: ", "fuse: "};
    ssize_t got = pread(fd, said, said_size - 1, 0);

    said[got > 0 ? got : 0] = '\0';
    said[strcspn(said, "\n")] = '\0';
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        size_t length = strlen(programs[i]);
        if (strncmp(said, programs[i], length) == 0)
            memmove(said, said + length, strlen(said + length) + 1);
    }
}

int ozx_process_run(int (*work)(void *context), void *context, char *said, size_t said_size)
{
    OZX_AUTO_CLOSE int text = memfd_create("ozxfs", MFD_CLOEXEC);
    pid_t child;
    int status;

    if (text < 0)
        return -errno;
    child = fork();
    if (child < 0)
        return -errno;
    if (child == 0) {
        if (dup2(text, STDERR_FILENO) < 0)
            _exit(127);
        _exit(work(context));
    }
    status = ozx_wait_child(child);
    first_line(text, said, said_size);
    if (status < 0)
        return status;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* The child's status as of waitpid(2); -ETIMEDOUT if it does not end, killed or not. */
static int wait_for_answer(pid_t child)
{
    OZX_AUTO_CLOSE int pidfd = pidfd_open(child, 0);
    struct pollfd end = {.fd = pidfd, .events = POLLIN};

    if (pidfd >= 0 && poll(&end, 1, ANSWER_MS) == 0) {
        kill(child, SIGKILL);
        if (poll(&end, 1, KILLED_MS) == 0)
            return -ETIMEDOUT;
    }
    return ozx_wait_child(child);
}

int ozx_process_ask(int (*question)(void *context, void *answer), void *context, void *answer,
                    size_t answer_size)
{
    void *shared = NULL;
    pid_t child;
    int status;

    if (answer) {
        shared = mmap(NULL, answer_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED)
            return -errno;
    }
    child = fork();
    status = child < 0 ? -errno : 0;
    if (child == 0) {
        for (int fd = 0; fd <= STDERR_FILENO; fd++)
            close(fd); /* who reads our output is not to wait for it, too */
        _exit(question(context, shared));
    }
    if (child > 0) {
        status = wait_for_answer(child);
        status = status >= 0 && WIFEXITED(status) ? -WEXITSTATUS(status) : -ETIMEDOUT;
    }
    if (answer && !status)
        memcpy(answer, shared, answer_size);
    if (answer)
        munmap(shared, answer_size);
    return status;
}
