/* Does an advisory concern a model? By the bytes of its files, or by the name and version under which it came. */
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/hub_cache.h"
#include "formats/model_name.h"
#include "hub/verify.h"
#include "openness/advise.h"
#include "platform/file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* ---- what the model is ---- */

/* HUB/models--ORG--NAME/snapshots/COMMIT says package and commit, whatever the user called it. A file there is a link
 * to its blob: where the folder is tells. */
static void read_snapshot(const char *path, advise_subject *ret)
{
    char real[PATH_MAX], folder[PATH_MAX];
    const char *slash = file_is_folder(path) ? NULL : strrchr(path, '/');
    const size_t length = slash != NULL ? (size_t)(slash - path) + 1 : strlen(path);
    const bool beside = slash == NULL && !file_is_folder(path); /* in this folder */
    if (length >= sizeof folder) {
        return;
    }
    (void)snprintf(folder, sizeof folder, "%.*s", beside ? 1 : (int)length, beside ? "." : path);
    char *at = realpath(folder, real) != NULL ? strstr(real, "/snapshots/") : NULL;
    if (at == NULL) {
        return;
    }
    *at = '\0';
    slash = strrchr(real, '/');
    const char *commit = at + 11;
    if (slash != NULL && hub_cache_repository_name(slash + 1, ret->package, sizeof ret->package)) {
        (void)snprintf(ret->commit, sizeof ret->commit, "%.*s", (int)strcspn(commit, "/"), commit);
    }
}

void advise_subject_of(const char *name, const char *path, advise_subject *ret)
{
    model_name parts = {.source = MODEL_SOURCE_NONE};
    *ret = (advise_subject){.path = path};
    if (path == NULL || !file_exists(name)) { /* a name, not a path */
        (void)model_name_parse(name, &parts, NULL);
    }
    if (parts.source == MODEL_SOURCE_HF) {
        (void)snprintf(ret->package, sizeof ret->package, "%s%s%s", parts.owner, parts.owner[0] != '\0' ? "/" : "",
                       parts.name);
        (void)snprintf(ret->revision, sizeof ret->revision, "%.250s", parts.revision);
    }
    if (path != NULL) {
        read_snapshot(path, ret);
    }
}

/* ---- versions ---- */

/* A number without zeros before it; false where there is none. */
static bool take_number(const char **text, uint64_t *ret)
{
    char *end = NULL;
    if (**text < '0' || **text > '9' || (**text == '0' && (*text)[1] >= '0' && (*text)[1] <= '9') ||
        strspn(*text, "0123456789") > 18) {
        return false;
    }
    *ret = strtoull(*text, &end, 10);
    *text = end;
    return true;
}

/* MAJOR.MINOR.PATCH; *text is left at "-PRE", "+BUILD" or the end. */
static bool take_triple(const char **text, uint64_t ret[3])
{
    *text += **text == 'v';
    for (size_t i = 0; i < 3; i++) {
        if ((i > 0 && *(*text)++ != '.') || !take_number(text, &ret[i])) {
            return false;
        }
    }
    return **text == '\0' || **text == '-' || **text == '+';
}

/* One identifier of what stands behind "-": numbers before words, numbers by value. */
static int compare_identifier(const char *a, size_t x, const char *b, size_t y)
{
    const bool number_a = strspn(a, "0123456789") >= x;
    const bool number_b = strspn(b, "0123456789") >= y;
    if (number_a != number_b) {
        return number_a ? -1 : 1;
    }
    if (number_a && x != y) {
        return x < y ? -1 : 1;
    }
    const int order = memcmp(a, b, x < y ? x : y);
    return order != 0 ? (order < 0 ? -1 : 1) : x == y ? 0 : x < y ? -1 : 1;
}

static int compare_pre(const char *a, const char *b)
{
    if (*a != '-' || *b != '-') { /* one that has a "-PRE" comes first */
        return (int)(*b == '-') - (int)(*a == '-');
    }
    for (a++, b++;;) {
        const size_t x = strcspn(a, ".+");
        const size_t y = strcspn(b, ".+");
        const int order = compare_identifier(a, x, b, y);
        a += x;
        b += y;
        if (order != 0) {
            return order;
        }
        if (*a != '.' || *b != '.') { /* the one with more identifiers comes later */
            return (int)(*a == '.') - (int)(*b == '.');
        }
        a++;
        b++;
    }
}

int advise_compare_versions(const char *a, const char *b, bool *ret_good)
{
    uint64_t x[3] = {0}, y[3] = {0};
    *ret_good = take_triple(&a, x) && take_triple(&b, y);
    for (size_t i = 0; i < 3 && *ret_good; i++) {
        if (x[i] != y[i]) {
            return x[i] < y[i] ? -1 : 1;
        }
    }
    return *ret_good ? compare_pre(a, b) : 0;
}

/* Is the event at or before the version? "0" is before all. */
static bool has_come(const char *event, const char *version)
{
    bool good = false;
    return strcmp(event, "0") == 0 || (advise_compare_versions(event, version, &good) <= 0 && good);
}

/* Of two events' versions, "0" before all. */
static int compare_events(const char *a, const char *b)
{
    const bool first = strcmp(a, "0") == 0;
    const bool other = strcmp(b, "0") == 0;
    bool good = false;
    return first || other ? (int)other - (int)first : advise_compare_versions(a, b, &good);
}

/* The last event at which it came in before the version; NULL. Events stand in any order. */
static const char *last_introduced(const json_t *events, const char *version)
{
    const char *last = NULL;
    for (size_t i = 0; i < json_array_size(events); i++) {
        const char *at = json_string_value(json_object_get(json_array_get(events, i), "introduced"));
        if (at != NULL && has_come(at, version) && (last == NULL || compare_events(at, last) > 0)) {
            last = at;
        }
    }
    return last;
}

static bool in_range(const json_t *range, const char *version)
{
    bool good = false;
    (void)advise_compare_versions(version, version, &good);
    const json_t *events = json_object_get(range, "events");
    const char *since = good ? last_introduced(events, version) : NULL;
    bool inside = since != NULL;
    for (size_t i = 0; inside && i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        const char *fixed = json_string_value(json_object_get(event, "fixed"));
        const char *last = json_string_value(json_object_get(event, "last_affected"));
        const bool mended = fixed != NULL && has_come(fixed, version) && compare_events(fixed, since) > 0;
        const bool past = last != NULL && compare_events(version, last) > 0 && compare_events(last, since) >= 0;
        inside = !mended && !past;
    }
    return inside;
}

static bool is_version(const json_t *versions, const char *version)
{
    for (size_t i = 0; version[0] != '\0' && i < json_array_size(versions); i++) {
        if (strcmp(json_string_value(json_array_get(versions, i)), version) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_commit(const char *version)
{
    return text_is_hex(version, 40);
}

/* A tag can be told from other tags, a commit from other commits, a version is in a range or not; "main", or another
 * kind than the advisory's, tells nothing. */
static bool can_be_compared(const json_t *versions, const json_t *ranges, const advise_subject *s)
{
    bool good = false;
    const bool named = s->revision[0] != '\0' && strcmp(s->revision, MODEL_REVISION_MAIN) != 0;
    const bool commit = s->commit[0] != '\0' || is_commit(s->revision);
    const bool tag = named && !is_commit(s->revision);
    (void)advise_compare_versions(s->revision, s->revision, &good);
    if (json_array_size(ranges) > 0 && !good) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(versions); i++) {
        if (is_commit(json_string_value(json_array_get(versions, i))) ? !commit : !tag) {
            return false;
        }
    }
    return true;
}

/* A package without versions and ranges means every one of its. Hubs take Org/Name for org/name. */
static advise_match concerns_package(const json_t *affected, const advise_subject *s, char ret_why[256])
{
    const char *package = json_string_value(json_object_get(json_object_get(affected, "package"), "name"));
    const json_t *versions = json_object_get(affected, "versions");
    const json_t *ranges = json_object_get(affected, "ranges");
    if (package == NULL || s->package[0] == '\0' || strcasecmp(package, s->package) != 0) {
        return ADVISE_OTHER;
    }
    bool yes = (json_array_size(versions) == 0 && json_array_size(ranges) == 0) || is_version(versions, s->revision) ||
               is_version(versions, s->commit);
    for (size_t i = 0; !yes && i < json_array_size(ranges); i++) {
        yes = in_range(json_array_get(ranges, i), s->revision);
    }
    const bool may = !yes && !can_be_compared(versions, ranges, s);
    (void)snprintf(ret_why, 256, "%s%.120s %.80s", may ? "may concern it: version not known: " : "", s->package,
                   s->commit[0] != '\0' ? s->commit : s->revision);
    return yes ? ADVISE_CONCERNS : may ? ADVISE_MAY_CONCERN : ADVISE_OTHER;
}

/* ---- bytes ---- */

/* A blob of a hub's cache ("…/blobs/HEX") or of Ollama's store ("…/blobs/sha256-HEX") was hashed when it came. */
static bool digest_of_blob(const char *real, char ret[HASH_HEX_SIZE])
{
    const char *slash = strrchr(real, '/');
    const char *name = slash != NULL ? slash + 1 : real;
    const char *digits = text_starts(name, "sha256-") ? name + 7 : name;
    if (slash == NULL || slash - real < 6 || strncmp(slash - 6, "/blobs", 6) != 0 || !text_is_hex(digits, 64)) {
        return false;
    }
    (void)snprintf(ret, HASH_HEX_SIZE, "%s", digits);
    return true;
}

/* CACHE/hashes/NAME has a line: what the file was like when it was hashed, and its hash. */
static char *memory_path(const char *real)
{
    char name[HASH_HEX_SIZE];
    char *cache = file_user_folder("cache");
    char *path = cache != NULL && hash_bytes_hex(real, strlen(real), name, NULL) == HEARTH_OK
                     ? text_format("%s/hashes/%s", cache, name)
                     : NULL;
    mem_free(cache);
    return path;
}

static void describe(const struct stat *info, char ret[128])
{
    (void)snprintf(ret, 128, "%llu %lld.%09ld %lld.%09ld %llu %llu ", (unsigned long long)info->st_size,
                   (long long)info->st_mtim.tv_sec, info->st_mtim.tv_nsec, (long long)info->st_ctim.tv_sec,
                   info->st_ctim.tv_nsec, (unsigned long long)info->st_dev, (unsigned long long)info->st_ino);
}

static bool remembered(const char *path, const char *like, char ret[HASH_HEX_SIZE])
{
    buffer text;
    buffer_init(&text, 512);
    const size_t length = strlen(like);
    const bool good = path != NULL && file_read(path, 512, &text, NULL) == HEARTH_OK &&
                      text_starts(buffer_text(&text), like) && text_is_hex(text.data + length, 64);
    if (good) {
        (void)snprintf(ret, HASH_HEX_SIZE, "%s", text.data + length);
    }
    buffer_free(&text);
    return good;
}

static hearth_status digest_of(const char *file, const struct stat *info, const advise_subject *s,
                               char ret[HASH_HEX_SIZE], hearth_error *error)
{
    char real[PATH_MAX], like[128], line[256];
    if (realpath(file, real) == NULL || digest_of_blob(real, ret)) {
        return realpath(file, real) != NULL ? HEARTH_OK : error_set(error, HEARTH_E_IO, file, "a file", "none");
    }
    char *memory = memory_path(real);
    describe(info, like);
    hearth_status status = HEARTH_OK;
    if (!remembered(memory, like, ret)) {
        status = hub_sha256(real, s->progress, s->context, ret, error);
        const int length = snprintf(line, sizeof line, "%s%s", like, ret);
        if (status == HEARTH_OK && memory != NULL && file_make_place(memory, NULL) == HEARTH_OK) {
            (void)file_replace(memory, line, (size_t)length, NULL); /* else it is hashed again the next time */
        }
    }
    mem_free(memory);
    return status;
}

static hearth_status compare_file(const json_t *rows, const char *file, const char *shown, const advise_subject *s,
                                  bool *ret_yes, char ret_why[256], hearth_error *error)
{
    struct stat info;
    char digest[HASH_HEX_SIZE] = "";
    if (stat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
        return HEARTH_OK;
    }
    for (size_t i = 0; i < json_array_size(rows) && !*ret_yes; i++) {
        const json_t *row = json_array_get(rows, i);
        const json_t *size = json_object_get(row, "size");
        if (size != NULL && json_integer_value(size) != (json_int_t)info.st_size) {
            continue;
        }
        if (digest[0] == '\0') {
            TRY(digest_of(file, &info, s, digest, error));
        }
        *ret_yes = strcmp(digest, json_string_value(json_object_get(row, "sha256"))) == 0;
        (void)snprintf(ret_why, 256, "%.150s has SHA-256 %.64s", shown, digest);
    }
    return HEARTH_OK;
}

static hearth_status concerns_files(const json_t *affected, const advise_subject *s, bool *ret_yes, char ret_why[256],
                                    hearth_error *error)
{
    const json_t *rows = json_object_get(json_object_get(affected, "database_specific"), "files");
    file_list files = {0};
    if (json_array_size(rows) == 0 || s->path == NULL) {
        return HEARTH_OK;
    }
    if (!file_is_folder(s->path)) {
        const char *slash = strrchr(s->path, '/');
        return compare_file(rows, s->path, slash != NULL ? slash + 1 : s->path, s, ret_yes, ret_why, error);
    }
    TRY(hub_cache_list_files(s->path, &files, error));
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < files.count && !*ret_yes; i++) {
        char *file = file_join(s->path, files.names[i]);
        status = file != NULL ? compare_file(rows, file, files.names[i], s, ret_yes, ret_why, error)
                              : error_memory(error, strlen(files.names[i]));
        mem_free(file);
    }
    file_list_free(&files);
    return status;
}

hearth_status advise_concerns(const advisory *a, const advise_subject *subject, advise_match *ret, char ret_why[256],
                              hearth_error *error)
{
    const json_t *all = json_object_get(a->json, "affected");
    char why[256];
    *ret = ADVISE_OTHER;
    ret_why[0] = '\0';
    for (size_t i = 0; i < json_array_size(all) && *ret != ADVISE_CONCERNS; i++) {
        const json_t *one = json_array_get(all, i);
        bool yes = false;
        advise_match match = concerns_package(one, subject, why);
        if (match != ADVISE_CONCERNS) {
            char file_why[256] = "";
            TRY(concerns_files(one, subject, &yes, file_why, error));
            if (yes) {
                match = ADVISE_CONCERNS;
                memcpy(why, file_why, sizeof why);
            }
        }
        if (match > *ret) { /* surer than what another row said */
            *ret = match;
            memcpy(ret_why, why, sizeof why);
        }
    }
    return HEARTH_OK;
}
