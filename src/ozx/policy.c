/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of rules. What breaks them is found elsewhere: by the reader (a refusal), by the tree's
 * builder (warnings of a mount) and by verify.
 */
#include "ozx/policy.h"

#include <string.h>

#define MUST OZX_LEVEL_MUST
#define SHOULD OZX_LEVEL_SHOULD
#define MAY OZX_LEVEL_MAY
#define POLICY OZX_LEVEL_POLICY
#define METADATA OZX_LEVEL_METADATA
#define NEVER OZX_VERDICT_OK
#define WARN OZX_VERDICT_WARN
#define FAIL OZX_VERDICT_FAIL

static const struct ozx_rule rules[] = {
    {"root-zarr-json", MUST, FAIL, "a readable zarr.json is at the root"},
    {"one-hierarchy", MUST, FAIL, "the archive holds one hierarchy, all of it below the root"},
    {"no-nesting", MUST, FAIL, "no .ozx inside the hierarchy"},
    {"single-part", MUST, FAIL, "the archive is not split into parts"},
    {"zip64", SHOULD, WARN, "ZIP64 end record, and ZIP64 extra field in every header"},
    {"stored", SHOULD, WARN, "no entry is compressed by the ZIP"},
    {"sharding", SHOULD, WARN, "arrays of several chunks are sharded"},
    {"json-first", SHOULD, FAIL,
     "the root zarr.json comes first, the others follow breadth-first; true if so claimed"},
    {"extension", SHOULD, WARN, "the file's name ends in .ozx"},
    {"comment", SHOULD, WARN, "the comment states the OME-Zarr version, in JSON"},
    {"comment-flag", MAY, WARN, "jsonFirst in the comment is a boolean"},

    {"no-end", POLICY, FAIL, "one end record fits the end of the file"},
    {"tail-fit", POLICY, FAIL, "directory and end records fit each other exactly"},
    {"tail-padding", POLICY, WARN, "nothing follows the end record"},
    {"leading", POLICY, WARN, "nothing precedes the first entry"},
    {"gap", POLICY, WARN, "nothing lies between the entries; no local entry is unlisted"},
    {"count", POLICY, FAIL, "there are as many entries as stated"},
    {"disks", POLICY, FAIL, "everything is on one disk"},
    {"zip64-tail", POLICY, FAIL, "ZIP64 records agree with the end record"},
    {"zip64-extra", POLICY, FAIL, "every ZIP64 size and offset is given once"},
    {"extra-odd", POLICY, WARN, "extra fields can be parsed and are needed"},
    {"bounds", POLICY, FAIL, "entries lie in the file, in front of the directory"},
    {"overlap", POLICY, FAIL, "no two entries share a byte"},
    {"name", POLICY, FAIL, "names are relative paths, in their shortest form"},
    {"name-charset", POLICY, WARN, "names beyond ASCII are flagged as UTF-8"},
    {"conflict", POLICY, FAIL, "no name is a file and a directory at once"},
    {"duplicate", POLICY, FAIL, "no name is there twice"},
    {"encrypted", POLICY, FAIL, "no entry is encrypted"},
    {"method", POLICY, FAIL, "every compression method is known"},
    {"special", POLICY, FAIL, "no symbolic links, no special files"},
    {"local", POLICY, FAIL, "local headers say what the directory says"},
    {"compressed", POLICY, WARN, "no entry must be decompressed to be read"},
    {"descriptor", POLICY, WARN, "no data descriptors"},
    {"attributes", POLICY, NEVER, "permissions and owners are ignored"},
    {"no-root", POLICY, FAIL, "the root can be opened as an image"},
    {"nested", POLICY, FAIL, "no entry is named like an archive"},
    {"case", POLICY, WARN, "names differ by more than the case of ASCII letters"},
    {"changed", POLICY, NEVER, "the archive stays as it is while it is read"},
    {"crc", POLICY, FAIL, "the data have the CRC-32 that the directory states"},

    {"zarr-json", METADATA, WARN, "every zarr.json is valid Zarr v3 metadata"},
    {"ome-block", METADATA, WARN, "OME metadata have what their version requires"},
    {"ome-path", METADATA, WARN, "what OME metadata refer to is there"},
    {"chunk-key", METADATA, WARN, "every file of an array is a chunk of its grid"},
    {"shard-index", METADATA, WARN, "the indices of shards fit the shards"},
};

#define RULE_COUNT (sizeof rules / sizeof rules[0])

const struct ozx_rule *ozx_rules(size_t *count)
{
    *count = RULE_COUNT;
    return rules;
}

const struct ozx_rule *ozx_rule_find(const char *id)
{
    for (size_t i = 0; i < RULE_COUNT; i++)
        if (strcmp(rules[i].id, id) == 0)
            return &rules[i];
    return NULL;
}

const char *ozx_level_name(enum ozx_rule_level level)
{
    static const char *const names[] = {"MUST", "SHOULD", "MAY", "policy", "metadata"};

    return names[level];
}

const char *ozx_verdict_name(enum ozx_verdict verdict)
{
    static const char *const names[] = {"ok", "warn", "fail"};

    return names[verdict];
}
