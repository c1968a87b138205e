/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is shown of a URL, and what is kept from all but the fetcher.
 */
#include "cli/remote_urls.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

bool ozx_remote_is(const char *name)
{
    return !strncasecmp(name, "http://", 7) || !strncasecmp(name, "https://", 8) ||
           !strncasecmp(name, "s3://", 5);
}

/* Where user name and password end; NULL: there are none. */
static char *end_of_login(char *authority)
{
    size_t size = strcspn(authority, "/?#");
    char *at = memrchr(authority, '@', size), *colon = memchr(authority, ':', size);

    if (at)
        return at + 1;
    /* A password with a slash that is not written as %2F: no valid URL, and a password all the
     * same. */
    at = colon && strspn(colon + 1, "0123456789") != (size_t)(authority + size - colon - 1)
             ? strrchr(authority, '@')
             : NULL;
    return at ? at + 1 : NULL;
}

/* True: something was taken away. What is behind the new end is overwritten: ps(1) shows that, too.
 */
static bool cut(char *url)
{
    char *authority = strstr(url, "://"), *login, *query;
    size_t size = strlen(url), kept;

    if (!authority)
        return false;
    authority += 3;
    login = end_of_login(authority);
    if (login)
        memmove(authority, login, strlen(login) + 1);
    query = authority + strcspn(authority, "?#");
    *query = '\0';
    kept = strlen(url);
    memset(url + kept, 0, size - kept);
    return kept < size;
}

static bool has_scheme(const char *word)
{
    size_t size = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");

    return size && strncmp(word + size, "://", 3) == 0;
}

/* A child finds zeros there; a kernel that does not know how (before 4.14) copies it as ever. */
static char *keep(const char *url, size_t size)
{
    char *kept = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (kept == MAP_FAILED)
        return NULL;
    (void)!madvise(kept, size, MADV_WIPEONFORK);
    (void)!madvise(kept, size, MADV_DONTDUMP);
    return memcpy(kept, url, size);
}

int ozx_remote_urls_hide(struct ozx_remote_urls *urls, char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(words[i]) + 1;
        char *whole;

        if (!has_scheme(words[i]))
            continue;
        whole = keep(words[i], size);
        if (!whole)
            return -ENOMEM;
        if (cut(words[i]) && urls->count < OZX_REMOTE_URLS_MAX) {
            urls->shown[urls->count] = words[i];
            urls->whole[urls->count++] = whole;
        } else {
            munmap(whole, size);
        }
    }
    return 0;
}

const char *ozx_remote_urls_whole(const struct ozx_remote_urls *urls, const char *name)
{
    for (size_t i = 0; i < urls->count; i++)
        if (urls->shown[i] == name)
            return urls->whole[i];
    return name;
}
