/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A table of magic numbers: of what is taken for an archive, and of what microscopes write.
 */
#include "zip/kind.h"

#include <string.h>
#include <strings.h>

#define HEAD_MAX 512

#define CONVERT "convert it to OME-Zarr, and pack that"
#define EXTRACT "extract it, and 'ozxfs pack' the image directory"
#define PACK "give 'ozxfs pack' the directory that it is in"
#define AGAIN "get the file again"

struct kind {
    const char *magic;
    size_t size_bytes, offset_bytes;
    const char *text, *hint;
};

#define AT(offset, magic) (magic), sizeof(magic) - 1, (offset)

static const struct kind kinds[] = {
    {AT(0, "PK\3\4"), "a ZIP archive whose end is missing",
     "get the file again, or save what is there with 'ozxfs repack --recover'"},
    {AT(0, "\x1f\x8b"), "a gzip file", EXTRACT},
    {AT(257, "ustar"), "a tar archive", EXTRACT},
    {AT(0, "BZh"), "a bzip2 file", EXTRACT},
    {AT(0, "\xfd"
           "7zXZ\0"),
     "an xz file", EXTRACT},
    {AT(0, "\x28\xb5\x2f\xfd"), "a zstd file", EXTRACT},
    {AT(0, "7z\xbc\xaf\x27\x1c"), "a 7-Zip archive", EXTRACT},
    {AT(0, "Rar!\x1a\7"), "a RAR archive", EXTRACT},
    {AT(0, "\x89HDF\r\n\x1a\n"), "an HDF5 file", CONVERT},
    {AT(512, "\x89HDF\r\n\x1a\n"), "an HDF5 file", CONVERT},
    {AT(0, "CDF\1"), "a NetCDF file", CONVERT},
    {AT(0, "CDF\2"), "a NetCDF file", CONVERT},
    {AT(0, "II*\0"), "a TIFF file", CONVERT},
    {AT(0, "MM\0*"), "a TIFF file", CONVERT},
    {AT(0, "II+\0"), "a TIFF file", CONVERT},
    {AT(0, "MM\0+"), "a TIFF file", CONVERT},
    {AT(0, "ZISRAWFILE"), "a CZI file", CONVERT},
    {AT(0, "\xda\xce\xbe\x0a"), "an ND2 file", CONVERT},
    {AT(0, "\x89PNG\r\n\x1a\n"), "a PNG file", CONVERT},
    {AT(0, "\xff\xd8\xff"), "a JPEG file", CONVERT},
    {AT(0, "\x93NUMPY"), "a NumPy file", CONVERT},
    {AT(0, "hsqs"), "a squashfs image", EXTRACT},
    {AT(0, "version https://git-lfs"), "a Git LFS pointer, not the file itself",
     "get the file with 'git lfs pull'"},
};

/* Texts begin with white space, or with the mark of UTF-8. */
static const struct kind texts[] = {
    {AT(0, "<!doctype"), "an HTML page, as servers send in place of a file", AGAIN},
    {AT(0, "<html"), "an HTML page, as servers send in place of a file", AGAIN},
    {AT(0, "<?xml"), "an XML text, as servers send in place of a file", AGAIN},
    {AT(0, "{"), "a JSON text", PACK},
};

static const struct kind *find(const char *head, size_t size)
{
    const char *text = head;
    size_t left = size;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (size >= kinds[i].offset_bytes + kinds[i].size_bytes &&
            memcmp(head + kinds[i].offset_bytes, kinds[i].magic, kinds[i].size_bytes) == 0)
            return &kinds[i];
    if (left >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        left -= 3;
    }
    while (left && strchr(" \t\r\n", *text) && *text) {
        text++;
        left--;
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (left >= texts[i].size_bytes &&
            strncasecmp(text, texts[i].magic, texts[i].size_bytes) == 0)
            return &texts[i];
    return NULL;
}

int ozx_zip_kind_explain(struct ozx_source *source, struct ozx_error *error)
{
    char head[HEAD_MAX + 8];
    uint64_t size = ozx_source_size(source);
    size_t wanted = size < sizeof head ? (size_t)size : sizeof head;
    const struct kind *kind;

    if (ozx_source_read(source, head, wanted, 0))
        return error->code;
    kind = find(head, wanted);
    if (!kind)
        return error->code;
    return ozx_error_set(error, error->code, error->rule, error->offset_bytes, kind->hint,
                         "no end of central directory record: this is %s", kind->text);
}
