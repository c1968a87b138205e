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
