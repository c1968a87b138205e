/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Of the preloaded library: the calls by which a file system is mounted, and leases.
 */
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mount.h>

/* `call` is made unless it is to fail, and may be the last one of the process. */
#define JUDGED(call)                                                                               \
    ({                                                                                             \
        enum verdict verdict = inject_judge(MOUNT);                                                \
        int result = verdict == PASS || verdict == AFTER ? (call) : -1;                            \
        if (verdict == AFTER)                                                                      \
            raise(SIGKILL);                                                                        \
        result;                                                                                    \
    })

int fsopen(const char *name, unsigned flags)
{
    return JUDGED(REAL(fsopen)(name, flags));
}

int fsconfig(int fd, unsigned command, const char *key, const void *value, int aux)
{
    return JUDGED(REAL(fsconfig)(fd, command, key, value, aux));
}

int fsmount(int fd, unsigned flags, unsigned attributes)
{
    return JUDGED(REAL(fsmount)(fd, flags, attributes));
}

int open_tree(int directory, const char *path, unsigned flags)
{
    return JUDGED(REAL(open_tree)(directory, path, flags));
}

int move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags)
{
    return JUDGED(REAL(move_mount)(from, from_path, to, to_path, flags));
}

/* Who is built with 64-bit offsets calls it so. */
int fcntl64(int fd, int command, ...)
{
    int (*next)(int fd, int command, ...) = REAL(fcntl64);
    va_list arguments;
    void *argument;

    va_start(arguments, command);
    argument = va_arg(arguments, void *); /* an int is as good */
    va_end(arguments);
    return command == F_SETLEASE ? JUDGED(next(fd, command, argument))
                                 : next(fd, command, argument);
}
