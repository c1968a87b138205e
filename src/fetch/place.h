/* SPDX-License-Identifier: BSD-2-Clause
 *
 * URLs: where a redirect leads, and whether two are of one origin.
 */
#ifndef OZX_FETCH_PLACE_H
#define OZX_FETCH_PLACE_H

#include <stdbool.h>

#include "base/error.h"

/* Scheme, host and port are the same. */
bool ozx_place_same(const char *one, const char *other);

/* The same, and the path, too: what is behind that may differ. */
bool ozx_place_is_file(const char *one, const char *other);

/* `*out`, owned by the caller: where `location` leads from `url`. -EIO, `*why` a constant: to no
 * http or https, or from https to http. */
int ozx_place_resolve(const char *url, const char *location, char **out,
                      const char **why) OZX_CHECKED;

/* 0, or -EINVAL: no URL of http or https with a host. */
int ozx_place_check(const char *url) OZX_CHECKED;

#endif
