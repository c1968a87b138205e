/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lists of mount options, written and read.
 */
#include "mount/option_list.h"

char *ozx_option_escape(char *to, const char *text)
{
    for (; *text; text++) {
        if (*text == ',' || *text == '\\')
            *to++ = '\\';
        *to++ = *text;
    }
    *to = '\0';
    return to;
}

bool ozx_option_next(const char **list, char *option)
{
    const char *from = *list;

    if (!*from)
        return false;
    while (*from && *from != ',') {
        if (*from == '\\' && from[1])
            from++;
        *option++ = *from++;
    }
    *option = '\0';
    *list = from + (*from == ',');
    return true;
}
