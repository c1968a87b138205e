/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The distance of Damerau and Levenshtein (optimal string alignment) between short names.
 */
#include "cli/suggest.h"

#include <string.h>

#define NAME_MAX_SIZE 31
#define SHORT_NAME 4 /* letters: two of them are too many to be wrong */

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Rows of the table are prefixes of `a`; only three are needed at a time. */
static unsigned distance_of(const char *a, size_t a_size, const char *b, size_t b_size)
{
    unsigned rows[3][NAME_MAX_SIZE + 1];

    for (size_t j = 0; j <= b_size; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_size; i++) {
        const unsigned *above = rows[(i - 1) % 3], *two_above = rows[(i + 1) % 3];
        unsigned *row = rows[i % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            unsigned exchanged = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(exchanged, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a_size % 3][b_size];
}

void ozx_suggestion_consider(struct ozx_suggestion *suggestion, const char *prefix,
                             const char *name)
{
    size_t size = strlen(name);
    unsigned distance, allowed;

    if (suggestion->typed_size > NAME_MAX_SIZE || size > NAME_MAX_SIZE)
        return;
    allowed = suggestion->typed_size <= SHORT_NAME || size <= SHORT_NAME ? 1 : 2;
    distance = distance_of(suggestion->typed, suggestion->typed_size, name, size);
    if (distance > allowed || (suggestion->name && distance >= suggestion->distance))
        return;
    suggestion->prefix = prefix;
    suggestion->name = name;
    suggestion->distance = distance;
}
