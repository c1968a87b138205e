/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Escaping in lists of mount options.
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
