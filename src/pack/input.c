/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What inputs have in common.
 */
#include "pack/input.h"

#include <string.h>

void ozx_input_close(struct ozx_input *input)
{
    if (input)
        input->kind->close(input);
}

int ozx_input_changed(const struct ozx_input *input, const char *path, struct ozx_error *error)
{
    char name[OZX_ESCAPED_SIZE];

    return ozx_error_set(error, -ESTALE, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "pack again once nothing is writing there",
                         "%s'%s' changed while it was being packed", input->kind->subject,
                         ozx_escape(name, sizeof name, path, strlen(path)));
}

struct ozx_input_place ozx_input_place_of(const char *path, const struct ozx_input_file *file,
                                          char directory[OZX_PATH_SIZE])
{
    const char *slash = strrchr(path, '/');
    size_t size = slash ? (size_t)(slash - path) : 0;

    memcpy(directory, path, size);
    directory[size] = '\0';
    return (struct ozx_input_place){.path = path,
                                    .directory_path = directory,
                                    .name = slash ? slash + 1 : path,
                                    .directory = UINT32_MAX,
                                    .size_bytes = file->size_bytes,
                                    .key = file->key};
}

int ozx_input_read_file(const struct ozx_input *input, const char *path,
                        const struct ozx_input_file *file, uint64_t most_bytes, char **text,
                        struct ozx_error *error)
{
    OZX_CLEANUP(ozx_input_reader_release) struct ozx_input_reader reader = OZX_INPUT_READER_INIT;
    OZX_AUTO_CLOSE int fd = -1;
    OZX_AUTO_FREE char *read = NULL;
    char directory[OZX_PATH_SIZE], name[OZX_ESCAPED_SIZE];
    const struct ozx_input_place place = ozx_input_place_of(path, file, directory);
    int failure;

    if (file->size_bytes > most_bytes)
        return ozx_error_set(error, -EFBIG, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "%s'%s' is larger than %llu MiB", input->kind->subject,
                             ozx_escape(name, sizeof name, path, strlen(path)),
                             (unsigned long long)(most_bytes >> 20));
    read = malloc(file->size_bytes + 1);
    if (!read)
        return ozx_error_memory(error);
    read[file->size_bytes] = '\0';
    failure = input->kind->open(input, &reader, &place, &fd, error);
    if (!failure)
        failure = input->kind->read(input, &reader, &place, fd, read, file->size_bytes, 0,
                                   error);
    if (!failure)
        failure = input->kind->check(input, &reader, &place, fd, error);
    if (failure)
        return failure;
    *text = ozx_take(read);
    return 0;
}
