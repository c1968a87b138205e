/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a file is that is no ZIP archive, by its first bytes: a message that says so helps more than
 * one that says what is missing.
 */
#ifndef OZX_ZIP_KIND_H
#define OZX_ZIP_KIND_H

#include "io/source.h"

/* If the kind of the file is known, says so in `error`, which has rule and offset already, and what
 * to do. Returns its code. */
int ozx_zip_kind_explain(struct ozx_source *source, struct ozx_error *error);

#endif
