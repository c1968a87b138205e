/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Options that pack and repack share.
 */
#ifndef OZX_CLI_PACK_ARGUMENTS_H
#define OZX_CLI_PACK_ARGUMENTS_H

#include "pack/pack.h"

/* Each takes the value of an option: OZX_EXIT_OK, or says what is wrong with it as `verb` and
 * returns OZX_EXIT_USAGE. */
int ozx_take_ome_version(const char *verb, const char *value, struct ozx_pack_options *options);
int ozx_take_align(const char *verb, const char *value, struct ozx_pack_options *options);

#endif
