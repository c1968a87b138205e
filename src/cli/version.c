/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Versions, of what is loaded at run time where a library can tell.
 */
#include "cli/version.h"

#include <stdio.h>

#include "cli/report.h"
#include "config.h"
#include "zarr/libraries.h"
#include "zip/crc.h"
#include "zip/decompress.h"
#ifdef OZX_HAVE_MOUNT
#include "mount/fuse/backend.h"
#endif

int ozx_version(void)
{
    printf("ozxfs %s\n", OZX_VERSION);
#ifdef OZX_HAVE_MOUNT
#ifdef OZX_HAVE_FUSE_IO_URING
    printf("libfuse %s, with io_uring\n", ozx_fuse_library_version());
#else
    printf("libfuse %s\n", ozx_fuse_library_version());
#endif
#ifdef OZX_SANDBOX
    puts("sandbox: yes");
#else
    puts("sandbox: built without");
#endif
#else
    puts("libfuse: built without mount");
#endif
    printf("libzip %s\njansson %s\nCRC-32: %s\n", ozx_zip_library_version(),
           ozx_json_library_version(), ozx_crc32_library());
    return ozx_report_stdout(OZX_EXIT_OK);
}
