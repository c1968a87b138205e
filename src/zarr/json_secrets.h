/* SPDX-License-Identifier: BSD-2-Clause
 *
 * JSON that has keys in it, as a cloud's credentials service answers it.
 */
#ifndef OZX_ZARR_JSON_SECRETS_H
#define OZX_ZARR_JSON_SECRETS_H

#include <stddef.h>

/* For a process whose JSON holds secrets, once, before it reads any and has threads: what jansson
 * frees is wiped, and its seed is the kernel's without a file being opened, as a cage may forbid
 * that. */
void ozx_json_secrets_begin(void);

/* The texts of these names in the object `text`, NUL-terminated. out[i] is the caller's to wipe and
 * free; NULL where there is no such text, `text` is no object, or memory is out. */
void ozx_json_secrets_take(const char *text, const char *const *names, char **out, size_t count);

#endif
