/* SPDX-License-Identifier: BSD-2-Clause
 *
 * No message has anything in it that was read here.
 */
#include "fetch/secrets.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "fetch/aws.h"
#include "fetch/place.h"

#define FILE_MAX ((size_t)64 << 10) /* bytes */

static int refuse(struct ozx_error *error, int code, const char *hint, const char *text)
{
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, hint, "%s", text);
}

int ozx_secret_open(const char *path, const char *name, int *out, struct ozx_error *error)
{
    OZX_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return ozx_error_set(error, -errno, OZX_RULE_NONE, OZX_OFFSET_NONE, "check the path",
                             "cannot open the file of %s: %s", name, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE, "give a regular file",
                             "the file of %s is not a regular file", name);
    if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 077))
        return ozx_error_set(error, -EACCES, OZX_RULE_NONE, OZX_OFFSET_NONE, "chmod 600 it",
                             "others may read the file of %s", name);
    *out = ozx_take_fd(&fd);
    return 0;
}

/* The next line that says something, ended by a NUL; NULL: there is none. Moves *text behind it. */
static char *next_line(char **text)
{
    while (*text) {
        char *line = *text + strspn(*text, " \t\r\n"), *end = strchr(line, '\n');

        *text = end ? end + 1 : NULL;
        if (!end)
            end = line + strlen(line);
        while (end > line && strchr(" \t\r", end[-1]))
            end--;
        *end = '\0';
        if (*line && *line != '#')
            return line;
    }
    return NULL;
}

int ozx_secret_url(int fd, const char *shown, char **url, struct ozx_error *error)
{
    OZX_AUTO_FREE char *text = ozx_aws_read_file(fd, FILE_MAX);
    char *rest = text, *line = text ? next_line(&rest) : NULL;
    int failure = 0;

    if (!line || ozx_place_check(line))
        failure = refuse(error, -EINVAL, "write an http or https URL into it",
                         "there is no valid URL in url_file");
    else if (!ozx_place_is_file(line, shown))
        failure = refuse(error, -EINVAL, "give the same URL, as far as its query",
                         "the URL in url_file is that of another file");
    else if (!(*url = strdup(line)))
        failure = ozx_error_memory(error);
    if (text)
        explicit_bzero(text, strlen(text));
    return failure;
}

/* A name, a colon, and no byte of control; none of those that say what is asked for and how. */
static bool is_header(const char *line)
{
    static const char *const ours[] = {"accept-encoding",
                                       "connection",
                                       "content-length",
                                       "expect",
                                       "host",
                                       "if-match",
                                       "if-modified-since",
                                       "if-none-match",
                                       "if-range",
                                       "if-unmodified-since",
                                       "range",
                                       "te",
                                       "trailer",
                                       "transfer-encoding",
                                       "upgrade"};
    size_t size = strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "!#$%&'*+-.^_`|~");

    if (!size || line[size] != ':')
        return false;
    for (const char *byte = line; *byte; byte++)
        if ((*byte > 0 && *byte < ' ' && *byte != '\t') || *byte == 0x7f)
            return false;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strlen(ours[i]) == size && strncasecmp(ours[i], line, size) == 0)
            return false;
    return true;
}

int ozx_secret_headers(int fd, struct curl_slist **headers, struct ozx_error *error)
{
    OZX_AUTO_FREE char *text = ozx_aws_read_file(fd, FILE_MAX);
    size_t size = text ? strlen(text) : 0;
    char *rest = text;
    int failure = text ? 0
                       : refuse(error, -EINVAL, NULL,
                                "cannot read header_file, or it "
                                "is too large");

    for (char *line; !failure && (line = next_line(&rest));) {
        struct curl_slist *more = is_header(line) ? curl_slist_append(*headers, line) : NULL;

        if (more)
            *headers = more;
        else if (is_header(line))
            failure = ozx_error_memory(error);
        else
            failure = refuse(error, -EINVAL, "write lines like 'Authorization: Bearer TOKEN'",
                             "a line in header_file is not a header, or one that ozxfs "
                             "sets itself");
    }
    if (text)
        explicit_bzero(text, size);
    return failure;
}
