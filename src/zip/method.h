/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names of compression methods (APPNOTE 4.4.5).
 */
#ifndef OZX_ZIP_METHOD_H
#define OZX_ZIP_METHOD_H

#include <stdint.h>

/* "stored", "deflate", ...; static. NULL: it has no name here. */
const char *ozx_zip_method_name(uint16_t method);

#endif
