/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The files are opened before the rights are given up, and stay open: who renews credentials
 * writes the same file.
 */
#include "fetch/aws.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)1 << 20) /* bytes */
#define BLANKS " \t\r"

/* --- files of profiles ------------------------------------------------------------------------ */

struct line {
    const char *text; /* without blanks around it */
    size_t size;
    bool indented;
};

/* The next one that says something; moves *text behind it. */
static bool next_line(const char **text, struct line *line)
{
    while (**text) {
        const char *first = *text;
        size_t size = strcspn(first, "\n");

        *text = first + size + (first[size] != '\0');
        line->indented = size && strchr(BLANKS, *first);
        while (size && strchr(BLANKS, *first)) {
            first++;
            size--;
        }
        while (size && strchr(BLANKS, first[size - 1]))
            size--;
        if (!size || *first == '#' || *first == ';')
            continue;
        line->text = first;
        line->size = size;
        return true;
    }
    return false;
}

/* "[ NAME ]", blanks as they may be, and a comment behind it. */
static bool is_section(const struct line *line, const char *name)
{
    const char *from = line->text + 1, *to = memrchr(line->text, ']', line->size);

    if (!to)
        return false;
    while (from < to && strchr(BLANKS, *from))
        from++;
    while (to > from && strchr(BLANKS, to[-1]))
        to--;
    return (size_t)(to - from) == strlen(name) && memcmp(from, name, strlen(name)) == 0;
}

/* The value behind "KEY ="; NULL: the line has another key. */
static const char *value_of(const struct line *line, const char *key, size_t key_size, size_t *size)
{
    const char *equals = memchr(line->text, '=', line->size), *end = line->text + line->size;
    size_t name_size = equals ? (size_t)(equals - line->text) : 0;

    while (name_size && strchr(BLANKS, line->text[name_size - 1]))
        name_size--;
    if (!equals || name_size != key_size || memcmp(line->text, key, key_size) != 0)
        return NULL;
    equals++;
    while (equals < end && strchr(BLANKS, *equals))
        equals++;
    *size = (size_t)(end - equals);
    return equals;
}

char *ozx_aws_find(const char *text, const char *section, const char *key)
{
    const char *dot = strchr(key, '.'), *value;
    size_t outer_size = dot ? (size_t)(dot - key) : 0, size;
    bool inside = false, outer = false;
    char *found = NULL;
    struct line line;

    while (text && next_line(&text, &line)) {
        if (*line.text == '[' && !line.indented) {
            inside = is_section(&line, section);
            outer = false;
            continue;
        }
        if (!inside)
            continue;
        if (dot && !line.indented)
            outer = value_of(&line, key, outer_size, &size) && !size;
        if (line.indented != (dot != NULL) || (dot && !outer))
            continue;
        value = value_of(&line, dot ? dot + 1 : key, strlen(dot ? dot + 1 : key), &size);
        if (!value || !size)
            continue;
        free(found); /* the last one counts, as it does to AWS's programs */
        found = strndup(value, size);
    }
    return found;
}

/* Of a large file only a NUL in it hides what follows. */
char *ozx_aws_read_file(int fd, size_t max_bytes)
{
    struct stat st;
    size_t size = 0;
    ssize_t got = 1;
    char *text;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return NULL;
    text = malloc(max_bytes + 1);
    while (text && size < max_bytes &&
           (got = pread(fd, text + size, max_bytes - size, (off_t)size)) > 0)
        size += (size_t)got;
    if (!text || got != 0) {
        free(text);
        return NULL;
    }
    text[size] = '\0';
    return text;
}

/* --- the chain -------------------------------------------------------------------------------- */

static const char *environment(const struct ozx_aws *aws, const char *name)
{
    const char *value = aws->environment(aws->context, name);

    return value && *value ? value : NULL;
}

static int open_file(const struct ozx_aws *aws, const char *variable, const char *name)
{
    const char *path = environment(aws, variable), *home = environment(aws, "HOME");
    OZX_AUTO_FREE char *made = NULL;

    if (!path && (!home || asprintf(&made, "%s/.aws/%s", home, name) < 0)) {
        made = NULL;
        return -1;
    }
    return open(path ? path : made, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static void set(char **to, char *value)
{
    free(*to);
    *to = value;
}

static void forget(char **secret)
{
    if (*secret)
        explicit_bzero(*secret, strlen(*secret));
    free(ozx_take(*secret));
}

static void forget_secrets(struct ozx_aws *aws)
{
    forget(&aws->key_id);
    forget(&aws->secret);
    forget(&aws->token);
}

struct files {
    char *credentials, *config; /* owned; NULL: none */
    const char *profile;
    char *section; /* of it in config; owned */
};

static void release(struct files *f)
{
    forget(&f->credentials);
    forget(&f->config);
    free(f->section);
}

/* -ENOMEM. */
static int read_files(const struct ozx_aws *aws, struct files *f)
{
    f->profile = aws->profile ? aws->profile : environment(aws, "AWS_PROFILE");
    if (!f->profile)
        f->profile = "default";
    f->credentials = ozx_aws_read_file(aws->credentials_fd, FILE_MAX);
    f->config = ozx_aws_read_file(aws->config_fd, FILE_MAX);
    if (strcmp(f->profile, "default") == 0)
        f->section = strdup("default");
    else if (asprintf(&f->section, "profile %s", f->profile) < 0)
        f->section = NULL;
    return f->section ? 0 : -ENOMEM;
}

static char *find_secret(const struct files *f, const char *key)
{
    char *found = ozx_aws_find(f->credentials, f->profile, key);

    return found ? found : ozx_aws_find(f->config, f->section, key);
}

/* They go into headers as they are, and a line break in one would begin another header. */
static bool is_plain(const char *secret)
{
    for (; secret && *secret; secret++)
        if (*secret <= ' ' || *secret == 0x7f)
            return false;
    return true;
}

bool ozx_aws_are_plain(const struct ozx_aws *aws)
{
    return is_plain(aws->key_id) && is_plain(aws->secret) && is_plain(aws->token);
}

static bool has_key(const struct files *f, const char *key)
{
    OZX_AUTO_FREE char *found = find_secret(f, key);

    return found != NULL;
}

/* All of one file: another one's token is that of another key. */
static void take_secrets(struct ozx_aws *aws, const struct files *f)
{
    const char *text = f->credentials, *section = f->profile;

    aws->key_id = ozx_aws_find(text, section, "aws_access_key_id");
    if (!aws->key_id) {
        text = f->config;
        section = f->section;
        aws->key_id = ozx_aws_find(text, section, "aws_access_key_id");
    }
    aws->secret = ozx_aws_find(text, section, "aws_secret_access_key");
    aws->token = ozx_aws_find(text, section, "aws_session_token");
}

/* One of the two alone is a mistake: the keys of a file would be those of somebody else. */
static int take_environment(struct ozx_aws *aws, struct ozx_error *error)
{
    const char *key_id = environment(aws, "AWS_ACCESS_KEY_ID");
    const char *secret = environment(aws, "AWS_SECRET_ACCESS_KEY");
    const char *token = environment(aws, "AWS_SESSION_TOKEN");

    if (!key_id || !secret)
        return ozx_error_set(error, -EACCES, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "set both, or -o profile, or -o anonymous",
                             "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set");
    aws->key_id = strdup(key_id);
    aws->secret = strdup(secret);
    aws->token = token ? strdup(token) : NULL;
    return aws->key_id && aws->secret && (aws->token || !token) ? 0 : ozx_error_memory(error);
}

static void take_settings(struct ozx_aws *aws, const struct files *f)
{
    OZX_AUTO_FREE char *services = ozx_aws_find(f->config, f->section, "services");
    OZX_AUTO_FREE char *section = NULL;

    set(&aws->region, ozx_aws_find(f->config, f->section, "region"));
    set(&aws->style, ozx_aws_find(f->config, f->section, "s3.addressing_style"));
    if (services && asprintf(&section, "services %s", services) >= 0)
        set(&aws->endpoint, ozx_aws_find(f->config, section, "s3.endpoint_url"));
    if (!aws->endpoint)
        set(&aws->endpoint, ozx_aws_find(f->config, f->section, "s3.endpoint_url"));
    if (!aws->endpoint)
        set(&aws->endpoint, ozx_aws_find(f->config, f->section, "endpoint_url"));
}

static int refuse(const char *profile, const char *hint, const char *text, struct ozx_error *error)
{
    char name[128];

    return ozx_error_set(error, -EACCES, OZX_RULE_NONE, OZX_OFFSET_NONE, hint,
                         "AWS profile '%s' %s",
                         ozx_escape(name, sizeof name, profile, strlen(profile)), text);
}

/* A profile that is there and has no keys of its own, and one that is not there. */
static int check_profile(const struct ozx_aws *aws, const struct files *f, struct ozx_error *error)
{
    static const char *const others[] = {"credential_process", "sso_session", "sso_start_url",
                                         "role_arn"};
    const char *named = aws->profile ? aws->profile : environment(aws, "AWS_PROFILE");

    if (!aws->key_id != !aws->secret)
        return refuse(f->profile, "give both, or -o anonymous",
                      "has only one of aws_access_key_id and aws_secret_access_key", error);
    if (aws->key_id)
        return 0;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (has_key(f, others[i]))
            return refuse(f->profile,
                          "run 'eval \"$(aws configure export-credentials --format env)\"' before",
                          "has no keys of its own, but a program, SSO or a role to ask for them",
                          error);
    if (named && !aws->region && !aws->endpoint && !aws->style)
        return refuse(f->profile, "check AWS_PROFILE or -o profile",
                      "is not in the AWS configuration files", error);
    return 0;
}

static bool is_of_environment(const struct ozx_aws *aws)
{
    return !aws->profile &&
           (environment(aws, "AWS_ACCESS_KEY_ID") || environment(aws, "AWS_SECRET_ACCESS_KEY"));
}

int ozx_aws_open(struct ozx_aws *aws, struct ozx_error *error)
{
    struct files files = {.credentials = NULL};
    int failure;

    aws->credentials_fd = open_file(aws, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
    aws->config_fd = open_file(aws, "AWS_CONFIG_FILE", "config");
    failure = read_files(aws, &files);
    if (failure) {
        failure = ozx_error_memory(error);
    } else {
        take_settings(aws, &files);
        if (is_of_environment(aws)) {
            failure = take_environment(aws, error);
        } else {
            take_secrets(aws, &files);
            failure = check_profile(aws, &files, error);
        }
    }
    release(&files);
    if (!failure && !ozx_aws_are_plain(aws))
        failure = ozx_error_set(error, -EACCES, OZX_RULE_NONE, OZX_OFFSET_NONE,
                                "check the credentials for a blank or a line break",
                                "the AWS credentials contain an invalid character");
    return failure;
}

static bool differ(const char *one, const char *other)
{
    return strcmp(one ? one : "", other ? other : "") != 0;
}

bool ozx_aws_renew(struct ozx_aws *aws)
{
    struct files files = {.credentials = NULL};
    struct ozx_aws now = OZX_AWS_INIT;
    bool renewed = false;

    if (!aws->key_id || is_of_environment(aws))
        return false; /* what is in an environment stays as it is */
    if (read_files(aws, &files) == 0) {
        take_secrets(&now, &files);
        renewed = now.key_id && now.secret && ozx_aws_are_plain(&now) &&
                  (differ(now.key_id, aws->key_id) || differ(now.token, aws->token));
    }
    if (renewed) {
        forget_secrets(aws);
        aws->key_id = ozx_take(now.key_id);
        aws->secret = ozx_take(now.secret);
        aws->token = ozx_take(now.token);
    }
    forget_secrets(&now);
    release(&files);
    return renewed;
}

void ozx_aws_close(struct ozx_aws *aws)
{
    if (aws->credentials_fd >= 0)
        close(ozx_take_fd(&aws->credentials_fd));
    if (aws->config_fd >= 0)
        close(ozx_take_fd(&aws->config_fd));
    forget_secrets(aws);
    free(ozx_take(aws->region));
    free(ozx_take(aws->endpoint));
    free(ozx_take(aws->style));
}
