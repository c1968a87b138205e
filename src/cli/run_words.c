/* SPDX-License-Identifier: BSD-2-Clause
 *
 * {} and {N} in a command line.
 */
#include "cli/run_words.h"

#include <string.h>

/* The mark that `text` begins with: its size, and the number in it (0: {}). 0: none. */
static size_t read_mark(const char *text, size_t path_count, size_t *number)
{
    size_t size = 1, n = 0;

    if (text[0] != '{')
        return 0;
    for (; text[size] >= '0' && text[size] <= '9' && n <= path_count; size++)
        n = 10 * n + (size_t)(text[size] - '0');
    if (text[size] != '}' || n > path_count || (n == 0 && size > 1) || text[1] == '0')
        return 0;
    *number = n;
    return size + 1;
}

bool ozx_run_words_check(char *const *words, size_t path_count, const char **bad)
{
    if (path_count == 1)
        return true;
    for (; *words; words++)
        if (strcmp(*words, "{}") != 0 && strstr(*words, "{}")) {
            *bad = *words;
            return false;
        }
    return true;
}

/* `word` with paths in it, to `to` (NULL: nowhere). Returns its size. */
static size_t replace(const char *word, const char *const *paths, size_t path_count, char *to)
{
    size_t total = 0, number;

    while (*word) {
        size_t mark = read_mark(word, path_count, &number);
        const char *piece = mark ? paths[number ? number - 1 : 0] : word;
        size_t size = mark ? strlen(piece) : 1;

        if (to)
            mempcpy(to + total, piece, size);
        total += size;
        word += mark ? mark : 1;
    }
    return total;
}

static char *make_word(const char *word, const char *const *paths, size_t path_count)
{
    size_t size = replace(word, paths, path_count, NULL);
    char *made = malloc(size + 1);

    if (made) {
        replace(word, paths, path_count, made);
        made[size] = '\0';
    }
    return made;
}

char **ozx_run_words_make(char *const *words, const char *const *paths, size_t path_count)
{
    size_t count = 0, room = 1;
    char **made;

    for (size_t i = 0; words[i]; i++)
        room += strcmp(words[i], "{}") == 0 ? path_count : 1;
    made = calloc(room, sizeof *made);
    if (!made)
        return NULL;
    for (size_t i = 0; words[i]; i++) {
        bool all = i > 0 && strcmp(words[i], "{}") == 0;

        for (size_t path = 0; path < (all ? path_count : 1); path++) {
            made[count] = all      ? strdup(paths[path])
                          : i == 0 ? strdup(words[0])
                                   : make_word(words[i], paths, path_count);
            if (!made[count++]) {
                ozx_run_words_free(made);
                return NULL;
            }
        }
    }
    return made;
}

void ozx_run_words_free(char **words)
{
    for (size_t i = 0; words && words[i]; i++)
        free(words[i]);
    free(words);
}
