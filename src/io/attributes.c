/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Extended attributes, one by one.
 */
#include "io/attributes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#define VALUE_MAX 65536 /* XATTR_SIZE_MAX and XATTR_LIST_MAX of Linux */

static bool begins(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool is_copied(const char *name)
{
    return begins(name, "user.") || begins(name, "trusted.") ||
           (begins(name, "security.") && strcmp(name, "security.capability") != 0 &&
            strcmp(name, "security.ima") != 0 && strcmp(name, "security.evm") != 0);
}

static int copy_one(int fd, int old, const char *name, char *value)
{
    ssize_t size = fgetxattr(old, name, value, VALUE_MAX);

    if (size < 0 && errno == ENODATA) /* it was removed meanwhile */
        return 0;
    if (size >= 0 && fsetxattr(fd, name, value, (size_t)size, 0) == 0)
        return 0;
    return begins(name, "security.") ? 0 : -errno;
}

int ozx_attributes_copy(int fd, int old)
{
    OZX_AUTO_FREE char *names = malloc(VALUE_MAX), *value = malloc(VALUE_MAX);
    ssize_t size;
    int failure = 0;

    if (!names || !value)
        return -ENOMEM;
    size = flistxattr(old, names, VALUE_MAX);
    if (size < 0)
        return errno == EOPNOTSUPP ? 0 : -errno;
    for (const char *name = names; !failure && name < names + size; name += strlen(name) + 1)
        if (is_copied(name))
            failure = copy_one(fd, old, name, value);
    return failure;
}
