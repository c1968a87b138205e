# SPDX-License-Identifier: BSD-2-Clause
"""write_ozx.py DIR OUT.ozx: ngff-zarr's RFC-9 writer, for as long as `ozxfs pack` is not there."""
import sys

from ngff_zarr.rfc9_zip import write_store_to_zip

write_store_to_zip(sys.argv[1], sys.argv[2], version="0.5")
