/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keys of clouds and passwords of proxies stand in environments. What is read of one behind this
 * is how to print, and what the tests say.
 */
#include <string.h>
#include <unistd.h>

#include "cage/sandbox.h"

static bool is_kept(const char *variable)
{
    static const char *const kept[] = {"COLUMNS=", "LANG=",     "LANGUAGE=", "LC_", "NO_COLOR=",
                                       "OZXFS_",   "TERM=",     "TZ=",       "ASAN_OPTIONS=",
                                       "GCOV_",    "LSAN_OPTI", "UBSAN_OPTI"};

    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (strncmp(variable, kept[i], strlen(kept[i])) == 0)
            return true;
    return false;
}

void ozx_sandbox_forget_environment(void)
{
    char **to = environ;

    for (char **from = environ; from && *from; from++)
        if (is_kept(*from))
            *to++ = *from;
        else
            explicit_bzero(*from, strlen(*from)); /* /proc/PID/environ shows that, too */
    if (to)
        *to = NULL;
}
