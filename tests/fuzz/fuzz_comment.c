/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as an archive comment: never a failure, always either a version or a defect; and a
 * version that was read, written again, reads the same.
 */
#include <string.h>

#include "fuzz.h"
#include "zarr/comment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ozx_comment comment, again;
    char *text;
    size_t text_size;

    FUZZ_CHECK(ozx_comment_parse((const char *)data, size, &comment) == 0);
    FUZZ_CHECK(comment.present == (size > 0));
    FUZZ_CHECK(comment.version[0] || comment.defect[0]);
    FUZZ_CHECK(strlen(comment.version) < sizeof comment.version);
    FUZZ_CHECK(strlen(comment.defect) < sizeof comment.defect);
    if (!comment.version[0])
        return 0;
    FUZZ_CHECK(ozx_comment_format(comment.version, comment.json_first, &text, &text_size) == 0);
    FUZZ_CHECK(ozx_comment_parse(text, text_size, &again) == 0);
    FUZZ_CHECK(strcmp(again.version, comment.version) == 0);
    FUZZ_CHECK(again.json_first == comment.json_first && !again.defect[0]);
    free(text);
    return 0;
}
