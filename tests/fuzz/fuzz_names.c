/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as a name: decoding stays in its room and gives UTF-8, a name without a defect is a
 * path that stays below its root, and no message can carry a control character.
 */
#include <string.h>

#include "fuzz.h"
#include "zip/format.h"
#include "zip/name.h"

static void check_path(const char *path, size_t size)
{
    size_t start = 0;

    FUZZ_CHECK(size >= 1 && path[0] != '/' && size <= OZX_NAME_PATH_MAX + 1);
    if (path[size - 1] == '/')
        size--;
    for (size_t i = 0; i <= size; i++) {
        size_t length = i - start;
        if (i < size && path[i] != '/') {
            FUZZ_CHECK((unsigned char)path[i] >= 0x20 && path[i] != 0x7F && path[i] != '\\');
            continue;
        }
        FUZZ_CHECK(length >= 1 && length <= OZX_NAME_COMPONENT_MAX);
        FUZZ_CHECK(!(length == 1 && path[start] == '.'));
        FUZZ_CHECK(!(length == 2 && path[start] == '.' && path[start + 1] == '.'));
        start = i + 1;
    }
}

static void check_escape(const void *name, size_t size)
{
    char buffer[OZX_ESCAPED_SIZE];

    for (size_t room = 1; room <= sizeof buffer; room *= 2) {
        ozx_escape(buffer, room, name, size);
        FUZZ_CHECK(strlen(buffer) < room);
        FUZZ_CHECK(ozx_utf8_valid(buffer, strlen(buffer)));
        for (const char *p = buffer; *p; p++)
            FUZZ_CHECK((unsigned char)*p >= 0x20 && *p != 0x7F);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *decoded;
    size_t decoded_size;

    if (size > 65535)
        return 0;
    check_escape(data, size);
    if (!ozx_zip_name_defect((const char *)data, size))
        check_path((const char *)data, size);
    decoded = malloc(3 * size + 1);
    if (!decoded)
        return 0;
    decoded_size = ozx_zip_name_from_cp437(decoded, (const char *)data, size);
    FUZZ_CHECK(decoded_size <= 3 * size && ozx_utf8_valid(decoded, decoded_size));
    if (!ozx_zip_name_defect(decoded, decoded_size))
        check_path(decoded, decoded_size);
    free(decoded);
    return 0;
}
