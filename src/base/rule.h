/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rules that an archive is judged by, as one table: RFC-9's, the policy's for every case of a
 * ZIP that could be read in two ways or not at all, and those of the metadata inside. What breaks
 * them is found elsewhere: by the reader (a refusal), by the tree's builder (warnings of a mount)
 * and by verify. The ids are stable: messages, `verify` and its JSON name them, and ozxfs-verify(1)
 * lists them. A new rule is a row here, one there, and a recipe in tests/data/policy.tsv.
 */
#ifndef OZX_BASE_RULE_H
#define OZX_BASE_RULE_H

enum ozx_rule_level {
    OZX_LEVEL_MUST, /* of RFC-9, as are the next two */
    OZX_LEVEL_SHOULD,
    OZX_LEVEL_MAY,
    OZX_LEVEL_POLICY,   /* what a reader of ZIP files may rely on */
    OZX_LEVEL_METADATA, /* Zarr v3 and OME-Zarr */
};

enum ozx_verdict {
    OZX_VERDICT_OK,
    OZX_VERDICT_WARN,
    OZX_VERDICT_FAIL,
};

/* X(name, id, level, the worst that breaking it comes to (OK: it is never reported), what is
 * asked), in the order in which verify reports them. */
#define OZX_RULES(X)                                                                               \
    X(ROOT_ZARR_JSON, "root-zarr-json", MUST, FAIL, "a readable zarr.json is at the root")         \
    X(ONE_HIERARCHY, "one-hierarchy", MUST, FAIL,                                                  \
      "the archive holds one hierarchy, all of it below the root")                                 \
    X(NO_NESTING, "no-nesting", MUST, FAIL, "no .ozx inside the hierarchy")                        \
    X(SINGLE_PART, "single-part", MUST, FAIL, "the archive is not split into parts")               \
    X(ZIP64, "zip64", SHOULD, WARN, "ZIP64 end record, and ZIP64 extra field in every header")     \
    X(STORED, "stored", SHOULD, WARN, "no entry is compressed by the ZIP")                         \
    X(SHARDING, "sharding", SHOULD, WARN, "arrays of several chunks are sharded")                  \
    X(JSON_FIRST, "json-first", SHOULD, FAIL,                                                      \
      "the root zarr.json comes first, the others follow breadth-first; if claimed, true")         \
    X(EXTENSION, "extension", SHOULD, WARN, "the file's name ends in .ozx")                        \
    X(COMMENT, "comment", SHOULD, WARN, "the comment states the OME-Zarr version, in JSON")        \
    X(COMMENT_FLAG, "comment-flag", MAY, WARN, "jsonFirst in the comment is a boolean")            \
    X(EXTRA_FIELDS, "extra-fields", MUST, FAIL,                                                    \
      "draft: extra fields are those of ZIP64, times and Unix ids")                                \
    X(COMMENT_KEYS, "comment-keys", SHOULD, WARN,                                                  \
      "draft: the comment has no keys of its own under \"ome\"")                                   \
    X(NO_END, "no-end", POLICY, FAIL, "one end record fits the end of the file: one archive")      \
    X(TAIL_FIT, "tail-fit", POLICY, FAIL,                                                          \
      "the central directory and the end records fit each other exactly")                          \
    X(TAIL_PADDING, "tail-padding", POLICY, WARN, "nothing follows the end record")                \
    X(LEADING, "leading", POLICY, WARN, "nothing precedes the first entry")                        \
    X(GAP, "gap", POLICY, WARN, "nothing lies between the entries; no local entry is unlisted")    \
    X(COUNT, "count", POLICY, FAIL, "the number of entries is as stated")                          \
    X(DISKS, "disks", POLICY, FAIL, "everything is on one disk")                                   \
    X(ZIP64_TAIL, "zip64-tail", POLICY, FAIL, "ZIP64 records agree with the end record")           \
    X(ZIP64_EXTRA, "zip64-extra", POLICY, FAIL, "every ZIP64 size and offset is stated once")      \
    X(EXTRA_ODD, "extra-odd", POLICY, WARN, "extra fields can be parsed and are needed")           \
    X(BOUNDS, "bounds", POLICY, FAIL, "entries lie in the file, before the directory")             \
    X(OVERLAP, "overlap", POLICY, FAIL, "no two entries share a byte")                             \
    X(NAME, "name", POLICY, FAIL, "names are normalized relative paths")                           \
    X(NAME_CHARSET, "name-charset", POLICY, WARN, "names beyond ASCII are flagged as UTF-8")       \
    X(CONFLICT, "conflict", POLICY, FAIL, "no name is both a file and a directory")                \
    X(DUPLICATE, "duplicate", POLICY, FAIL, "no name appears twice")                               \
    X(ENCRYPTED, "encrypted", POLICY, FAIL, "no entry is encrypted")                               \
    X(METHOD, "method", POLICY, FAIL, "every compression method is known")                         \
    X(SPECIAL, "special", POLICY, FAIL, "no symbolic links, no special files")                     \
    X(LOCAL, "local", POLICY, FAIL, "local headers agree with the directory")                      \
    X(COMPRESSED, "compressed", POLICY, WARN, "entries can be read without decompression")         \
    X(DESCRIPTOR, "descriptor", POLICY, WARN, "no data descriptors")                               \
    X(ATTRIBUTES, "attributes", POLICY, OK, "permissions and owners are ignored")                  \
    X(NO_ROOT, "no-root", POLICY, FAIL, "the root can be opened as an image")                      \
    X(NESTED, "nested", POLICY, FAIL, "no entry is named like an archive")                         \
    X(CASE, "case", POLICY, WARN, "names differ by more than the case of ASCII letters")           \
    X(CHANGED, "changed", POLICY, OK, "the archive does not change while it is read")              \
    X(CRC, "crc", POLICY, FAIL, "the data match the CRC-32 in the directory")                      \
    X(ZARR_JSON, "zarr-json", METADATA, FAIL, "every zarr.json is valid Zarr v3 metadata")         \
    X(OME_BLOCK, "ome-block", METADATA, WARN,                                                      \
      "OME metadata have the fields that their version requires")                                  \
    X(OME_PATH, "ome-path", METADATA, FAIL, "everything that OME metadata refer to exists")        \
    X(CONSOLIDATED, "consolidated", METADATA, FAIL,                                                \
      "consolidated metadata match the hierarchy")                                                 \
    X(CHUNK_KEY, "chunk-key", METADATA, WARN, "every file below an array is a chunk of its grid")  \
    X(SHARD_INDEX, "shard-index", METADATA, WARN, "the index of each shard fits the shard")

enum ozx_rule {
    OZX_RULE_NONE, /* about no rule */
#define OZX_RULE_NAME(name, id, level, verdict, text) OZX_RULE_##name,
    OZX_RULES(OZX_RULE_NAME)
#undef OZX_RULE_NAME
        OZX_RULE_END, /* rules are 1 ... OZX_RULE_END - 1 */
};

struct ozx_rule_info {
    const char *id; /* lower-case letters, digits, '-'; "" for OZX_RULE_NONE */
    enum ozx_rule_level level;
    enum ozx_verdict verdict;
    const char *text; /* one line */
};

/* The row of a rule; static. A number that is no rule, as a process that is not trusted may send
 * it, gives that of OZX_RULE_NONE. */
const struct ozx_rule_info *ozx_rule_info(enum ozx_rule rule);

/* RFC-9 as it stands (revision R2), or its authors' draft of the next one. */
enum ozx_rule_set {
    OZX_RULES_R2,
    OZX_RULES_DRAFT,
};

/* The same as that set has it: the draft demands what R2 recommends (stored), and some of what is
 * policy under R2 (leading, encrypted, duplicate). */
const struct ozx_rule_info *ozx_rule_info_in(enum ozx_rule_set set, enum ozx_rule rule);

/* True if the set knows the rule; extra-fields and comment-keys are the draft's alone. */
static inline int ozx_rule_is_in(enum ozx_rule_set set, enum ozx_rule rule)
{
    return set == OZX_RULES_DRAFT ||
           (rule != OZX_RULE_EXTRA_FIELDS && rule != OZX_RULE_COMMENT_KEYS);
}

static inline const char *ozx_rule_id(enum ozx_rule rule)
{
    return ozx_rule_info(rule)->id;
}

/* "MUST", "SHOULD", "MAY", "policy", "metadata" */
const char *ozx_level_name(enum ozx_rule_level level);

/* "ok", "warn", "fail" */
const char *ozx_verdict_name(enum ozx_verdict verdict);

#endif
