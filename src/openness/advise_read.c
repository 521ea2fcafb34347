/* Reading advisories: everything is checked here, so that who uses one need not. */
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/model_name.h"
#include "openness/advise.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

const char *const advise_severities[] = {"low", "moderate", "high", "critical", NULL};

/* ---- small things ---- */

bool advise_time(const char *text, int64_t *ret_s)
{
    struct tm parts = {0};
    const char *end = strlen(text) == 20 ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts) : NULL;
    if (end == NULL || *end != '\0') {
        return false;
    }
    *ret_s = (int64_t)timegm(&parts);
    return *ret_s > 0;
}

bool advise_is_name(const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const size_t length = strlen(text);
    return length > 0 && length <= 64 && strchr(plain, text[0]) != NULL &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == length;
}

bool advise_is_id(const char *text)
{
    return advise_is_name(text) && strcasecmp(text, "feed") != 0;
}

static hearth_status read_time(const json_t *object, const char *key, bool needed, const char *name,
                               hearth_error *error)
{
    const char *text = NULL;
    int64_t when = 0;
    if (!needed && json_object_get(object, key) == NULL) {
        return HEARTH_OK;
    }
    TRY(sign_text(object, key, 32, name, &text, error));
    return advise_time(text, &when)
               ? HEARTH_OK
               : sign_wrong(name, key, "a time as 2026-11-27T12:00:00Z", json_object_get(object, key), error);
}

static hearth_status needs_array(const json_t *value, const char *key, size_t most, const char *name,
                                 hearth_error *error)
{
    if (!json_is_array(value) || json_array_size(value) > most) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, "an array of at most %zu", most);
        return sign_wrong(name, key, expected, value, error);
    }
    return HEARTH_OK;
}

/* ---- whom it concerns ---- */

static hearth_status read_event(const json_t *event, const char *name, hearth_error *error)
{
    static const char *const kinds[] = {"introduced", "fixed", "last_affected", NULL};
    bool known = false;
    for (size_t i = 0; json_object_size(event) == 1 && kinds[i] != NULL; i++) {
        const char *version = json_string_value(json_object_get(event, kinds[i]));
        bool good = false;
        if (version != NULL && strcmp(version, "0") != 0) {
            (void)advise_compare_versions(version, "1.0.0", &good);
        }
        known = known || (version != NULL && (good || strcmp(version, "0") == 0));
    }
    return known ? HEARTH_OK
                 : sign_wrong(name, "events", "introduced, fixed or last_affected with a version", event, error);
}

static hearth_status read_range(const json_t *range, const char *name, hearth_error *error)
{
    const char *type = NULL;
    const json_t *events = json_object_get(range, "events");
    TRY(sign_text(range, "type", 32, name, &type, error));
    if (strcmp(type, "SEMVER") != 0) {
        return sign_wrong(name, "type", "SEMVER", json_object_get(range, "type"), error);
    }
    TRY(needs_array(events, "events", LIMIT_ADVISORY_ROWS, name, error));
    if (json_array_size(events) == 0) {
        return sign_wrong(name, "events", "at least one", events, error);
    }
    for (size_t i = 0; i < json_array_size(events); i++) {
        TRY(read_event(json_array_get(events, i), name, error));
    }
    return HEARTH_OK;
}

static hearth_status read_hash(const json_t *row, const char *name, hearth_error *error)
{
    const char *file = NULL;
    const char *digest = NULL;
    const json_t *size = json_object_get(row, "size");
    TRY(sign_text(row, "file", LIMIT_FILE_NAME_BYTES, name, &file, error));
    TRY(sign_text(row, "sha256", HASH_HEX_SIZE, name, &digest, error));
    if (!model_name_is_safe_path(file)) {
        return sign_wrong(name, "file", "a path below the model", json_object_get(row, "file"), error);
    }
    if (!text_is_hex(digest, 64)) {
        return sign_wrong(name, "sha256", "64 hexadecimal digits", json_object_get(row, "sha256"), error);
    }
    return size == NULL || (json_is_integer(size) && json_integer_value(size) >= 0)
               ? HEARTH_OK
               : sign_wrong(name, "size", "a number of bytes", size, error);
}

static hearth_status read_package(const json_t *affected, const char *name, hearth_error *error)
{
    const json_t *package = json_object_get(affected, "package");
    const json_t *versions = json_object_get(affected, "versions");
    const json_t *ranges = json_object_get(affected, "ranges");
    const char *text = NULL;
    if (package == NULL) {
        return versions == NULL && ranges == NULL
                   ? HEARTH_OK
                   : sign_wrong(name, "package", "an object, where there are versions or ranges", NULL, error);
    }
    TRY(sign_text(package, "ecosystem", 64, name, &text, error));
    TRY(sign_text(package, "name", 256, name, &text, error));
    if (versions != NULL) {
        TRY(needs_array(versions, "versions", LIMIT_ADVISORY_ROWS, name, error));
    }
    for (size_t i = 0; i < json_array_size(versions); i++) {
        const json_t *version = json_array_get(versions, i);
        if (!json_is_string(version)) {
            return sign_wrong(name, "versions", "strings", version, error);
        }
    }
    if (ranges != NULL) {
        TRY(needs_array(ranges, "ranges", LIMIT_ADVISORY_ROWS, name, error));
    }
    for (size_t i = 0; i < json_array_size(ranges); i++) {
        TRY(read_range(json_array_get(ranges, i), name, error));
    }
    return HEARTH_OK;
}

static hearth_status read_affected(const json_t *all, const char *name, hearth_error *error)
{
    TRY(needs_array(all, "affected", LIMIT_ADVISORY_ROWS, name, error));
    if (json_array_size(all) == 0) {
        return sign_wrong(name, "affected", "at least one model", all, error);
    }
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *one = json_array_get(all, i);
        const json_t *hashes = json_object_get(json_object_get(one, "database_specific"), "files");
        if (!json_is_object(one)) {
            return sign_wrong(name, "affected", "objects", one, error);
        }
        TRY(read_package(one, name, error));
        if (hashes != NULL) {
            TRY(needs_array(hashes, "files", LIMIT_ADVISORY_ROWS, name, error));
        } else if (json_object_get(one, "package") == NULL) {
            return sign_wrong(name, "affected", "a package, or files in database_specific", NULL, error);
        }
        for (size_t h = 0; h < json_array_size(hashes); h++) {
            TRY(read_hash(json_array_get(hashes, h), name, error));
        }
    }
    return HEARTH_OK;
}

/* ---- what to do ---- */

static hearth_status read_mend(const json_t *mend, const char *name, advisory *ret, hearth_error *error)
{
    static const char *const system_keys[] = {"kind", "text", NULL};
    static const char *const adapter_keys[] = {"kind", "file", "sha256", NULL};
    const char *kind = NULL;
    const char *digest = NULL;
    if (mend == NULL) {
        return HEARTH_OK;
    }
    TRY(sign_text(mend, "kind", 32, name, &kind, error));
    if (strcmp(kind, "system") == 0) {
        TRY(sign_only_keys(mend, system_keys, name, error));
        TRY(sign_text(mend, "text", LIMIT_ADVISORY_RULE_BYTES, name, &ret->mend_text, error));
        ret->mend = ADVISE_SYSTEM;
        return ret->mend_text[0] != '\0' ? HEARTH_OK
                                         : sign_wrong(name, "text", "a rule", json_object_get(mend, "text"), error);
    }
    if (strcmp(kind, "adapter") != 0) {
        return sign_wrong(name, "kind", "system or adapter", json_object_get(mend, "kind"), error);
    }
    TRY(sign_only_keys(mend, adapter_keys, name, error));
    TRY(sign_text(mend, "file", LIMIT_FILE_NAME_BYTES, name, &ret->mend_text, error));
    TRY(sign_text(mend, "sha256", HASH_HEX_SIZE, name, &digest, error));
    ret->mend = ADVISE_ADAPTER;
    return model_name_is_safe_path(ret->mend_text) && text_is_hex(digest, 64)
               ? HEARTH_OK
               : sign_wrong(name, "mend", "a safe file name and its SHA-256", mend, error);
}

static hearth_status read_specific(const json_t *specific, const char *name, advisory *ret, hearth_error *error)
{
    const char *severity = NULL;
    if (!json_is_object(specific)) {
        return sign_wrong(name, "database_specific", "an object", specific, error);
    }
    TRY(sign_text(specific, "severity", 32, name, &severity, error));
    while (advise_severities[ret->severity] != NULL && strcmp(advise_severities[ret->severity], severity) != 0) {
        ret->severity++;
    }
    if (advise_severities[ret->severity] == NULL) {
        return sign_wrong(name, "severity", "low, moderate, high or critical", json_object_get(specific, "severity"),
                          error);
    }
    TRY(sign_text(specific, "what_to_do", LIMIT_ADVISORY_RULE_BYTES, name, &ret->what_to_do, error));
    return read_mend(json_object_get(specific, "mend"), name, ret, error);
}

static hearth_status read_all(const json_t *json, const char *name, advisory *ret, hearth_error *error)
{
    const char *text = NULL;
    if (!json_is_object(json)) {
        return sign_wrong(name, "advisory", "an object", json, error);
    }
    TRY(sign_text(json, "schema_version", 16, name, &text, error));
    if (!text_starts(text, "1.")) {
        return sign_wrong(name, "schema_version", "1.x", json_object_get(json, "schema_version"), error);
    }
    TRY(sign_text(json, "id", 64, name, &ret->id, error));
    if (!advise_is_id(ret->id)) {
        return sign_wrong(name, "id", "letters, digits, -, _ and ., and not feed", json_object_get(json, "id"), error);
    }
    TRY(sign_text(json, "summary", 500, name, &ret->summary, error));
    TRY(read_time(json, "modified", true, name, error));
    TRY(read_time(json, "published", false, name, error));
    TRY(read_time(json, "withdrawn", false, name, error));
    ret->withdrawn = json_object_get(json, "withdrawn") != NULL;
    TRY(read_affected(json_object_get(json, "affected"), name, error));
    return read_specific(json_object_get(json, "database_specific"), name, ret, error);
}

hearth_status advisory_parse(const char *text, size_t length, const char *name, advisory *ret, hearth_error *error)
{
    *ret = (advisory){.json = NULL};
    if (length > LIMIT_ADVISORY_BYTES) {
        return error_set(error, HEARTH_E_LIMIT, name, "at most 1 MiB", "%zu bytes", length);
    }
    TRY(json_door_parse(text, length, name, &ret->json, error));
    const hearth_status status = read_all(ret->json, name, ret, error);
    if (status != HEARTH_OK) {
        advisory_free(ret);
    }
    return status;
}

void advisory_free(advisory *a)
{
    json_decref(a->json);
    *a = (advisory){.json = NULL};
}

hearth_status advisory_open(const char *text, size_t length, const sign_key *key, const char *name, advisory *ret,
                            hearth_error *error)
{
    json_t *value = NULL;
    sign_envelope envelope = {.type = ""};
    *ret = (advisory){.json = NULL};
    TRY(json_door_parse(text, length, name, &value, error));
    hearth_status status = sign_envelope_read(value, name, &envelope, error);
    json_decref(value);
    status = status == HEARTH_OK ? sign_envelope_check(&envelope, ADVISE_TYPE, key, name, error) : status;
    if (status == HEARTH_OK) {
        status = advisory_parse(buffer_text(&envelope.payload), envelope.payload.length, name, ret, error);
    }
    sign_envelope_free(&envelope);
    return status;
}
