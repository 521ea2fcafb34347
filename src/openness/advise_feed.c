/* Feeds: fetched or read, checked, remembered. The copy in the user's state is the memory: it is signed like the feed
 * itself, and what comes next must not be older. */
#include "openness/advise_feed.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "hub/pull.h"
#include "net/http.h"
#include "net/url.h"
#include "platform/file.h"
#include "platform/file_lock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CLOCK_SLACK_S 86400 /* of clocks that are set wrong */
#define RETRIES 2u

/* One feed that is looked at. */
typedef struct looking {
    const char *place;
    const sign_key *key;
    http_client *client; /* of a URL */
    char *state;         /* the folder of what is remembered of it; NULL before its name is known */
    bool unreached;      /* it could not be fetched, or an advisory of it */
    json_t *payload;     /* what the feed says, checked */
    char digest[HASH_HEX_SIZE];
    advise_feed *feed;
} looking;

/* ---- where it is ---- */

static hearth_status fetch_url(looking *l, const char *name, size_t most, buffer *out, hearth_error *error)
{
    http_exchange *x = NULL;
    char *escaped = url_escape(name, "/");
    const size_t length = strlen(l->place);
    const bool slash = length > 0 && l->place[length - 1] == '/';
    char *url = escaped != NULL ? text_format("%s%s%s", l->place, slash ? "" : "/", escaped) : NULL;
    buffer_init(out, most);
    const http_request request = {.url = url};
    hearth_status status = url != NULL ? http_fetch(l->client, &request, out, &x, error) : error_memory(error, length);
    if (status == HEARTH_OK && http_code(x) != 200) {
        status = http_refused(x, error);
    }
    l->unreached = status == HEARTH_E_IO || status == HEARTH_E_NOT_FOUND;
    http_end(l->client, x);
    mem_free(url);
    mem_free(escaped);
    return status;
}

static hearth_status read_folder(const char *folder, const char *name, size_t most, buffer *out, hearth_error *error)
{
    char *path = file_join(folder, name);
    buffer_init(out, most);
    const hearth_status status = path != NULL ? file_read(path, most, out, error) : error_memory(error, strlen(name));
    mem_free(path);
    return status;
}

static hearth_status fetch(looking *l, const char *name, size_t most, buffer *out, hearth_error *error)
{
    return l->client != NULL ? fetch_url(l, name, most, out, error) : read_folder(l->place, name, most, out, error);
}

/* ---- what it says ---- */

static hearth_status read_row(const json_t *row, const char *name, hearth_error *error)
{
    static const char *const known[] = {"id", "file", "sha256", NULL};
    const char *id = NULL;
    const char *file = NULL;
    const char *digest = NULL;
    if (!json_is_object(row)) {
        return sign_wrong(name, "advisories", "objects", row, error);
    }
    TRY(sign_only_keys(row, known, name, error));
    TRY(sign_text(row, "id", 64, name, &id, error));
    TRY(sign_text(row, "file", 80, name, &file, error));
    TRY(sign_text(row, "sha256", HASH_HEX_SIZE, name, &digest, error));
    if (!advise_is_id(id) || !text_starts(file, id) || strcmp(file + strlen(id), ".json") != 0) {
        return sign_wrong(name, "file", "ID.json", json_object_get(row, "file"), error);
    }
    return text_is_hex(digest, 64)
               ? HEARTH_OK
               : sign_wrong(name, "sha256", "64 hexadecimal digits", json_object_get(row, "sha256"), error);
}

static hearth_status read_payload(const json_t *json, const char *name, advise_feed *ret, hearth_error *error)
{
    static const char *const known[] = {"feed", "sequence", "issued", "expires", "advisories", NULL};
    const char *text = NULL;
    const json_t *sequence = json_object_get(json, "sequence");
    const json_t *rows = json_object_get(json, "advisories");
    if (!json_is_object(json)) {
        return sign_wrong(name, "feed", "an object", json, error);
    }
    TRY(sign_only_keys(json, known, name, error));
    TRY(sign_text(json, "feed", 64, name, &text, error));
    if (!advise_is_name(text)) {
        return sign_wrong(name, "feed", "letters, digits, -, _ and .", json_object_get(json, "feed"), error);
    }
    (void)snprintf(ret->name, sizeof ret->name, "%s", text);
    if (!json_is_integer(sequence) || json_integer_value(sequence) <= 0) {
        return sign_wrong(name, "sequence", "a number from 1", sequence, error);
    }
    ret->sequence = (uint64_t)json_integer_value(sequence);
    TRY(sign_text(json, "issued", 32, name, &text, error));
    const bool issued = advise_time(text, &ret->issued_s);
    TRY(sign_text(json, "expires", 32, name, &text, error));
    if (!issued || !advise_time(text, &ret->expires_s) || ret->expires_s <= ret->issued_s) {
        return sign_wrong(name, "expires", "a time behind issued", json_object_get(json, "expires"), error);
    }
    if (!json_is_array(rows) || json_array_size(rows) > LIMIT_FEED_ADVISORIES) {
        return sign_wrong(name, "advisories", "an array of at most 1000", rows, error);
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        TRY(read_row(json_array_get(rows, i), name, error));
    }
    return HEARTH_OK;
}

/* The signature, then what is signed. */
static hearth_status open_feed(const buffer *text, const sign_key *key, const char *name, json_t **ret_payload,
                               advise_feed *ret, hearth_error *error)
{
    json_t *value = NULL;
    sign_envelope envelope = {.type = ""};
    TRY(json_door_parse(buffer_text(text), text->length, name, &value, error));
    hearth_status status = sign_envelope_read(value, name, &envelope, error);
    json_decref(value);
    status = status == HEARTH_OK ? sign_envelope_check(&envelope, ADVISE_FEED_TYPE, key, name, error) : status;
    if (status == HEARTH_OK) {
        const buffer *payload = &envelope.payload;
        status = json_door_parse(buffer_text(payload), payload->length, name, ret_payload, error);
    }
    sign_envelope_free(&envelope);
    return status == HEARTH_OK ? read_payload(*ret_payload, name, ret, error) : status;
}

/* ---- what is remembered ---- */

static hearth_status no_state(hearth_error *error)
{
    return file_has_user_folder("state")
               ? error_memory(error, HASH_HEX_SIZE)
               : error_set(error, HEARTH_E_NOT_FOUND, "XDG_STATE_HOME", "a place to remember feeds", "no HOME");
}

/* STATE/advisories/KEY-NAME; one folder for a key and a feed's name, wherever the feed comes from. */
static char *state_folder(const sign_key *key, const char *name)
{
    char *state = file_user_folder("state");
    char *folder = state != NULL ? text_format("%s/advisories/%.32s-%s", state, sign_key_hint(key), name) : NULL;
    mem_free(state);
    return folder;
}

static hearth_status refuse(const looking *l, const char *place, const char *expected, const char *found,
                            hearth_error *error)
{
    char shown[200];
    const hearth_status status = error_set(error, HEARTH_E_FORMAT, place, expected, "%s", found);
    error_in_file(error, url_is_web(l->place) ? url_shown(l->place, shown, sizeof shown) : l->place);
    return status;
}

static hearth_status check_times(const looking *l, hearth_error *error)
{
    const char *expected = l->feed->offline ? "a feed that has not ended (this is the copy of the last time)"
                                            : "a feed that has not ended";
    char issued[32], expires[32];
    const int64_t now = (int64_t)time(NULL);
    (void)text_time(l->feed->issued_s, issued);
    (void)text_time(l->feed->expires_s, expires);
    if (l->feed->issued_s > now + CLOCK_SLACK_S) {
        return refuse(l, "issued", "a time that has come", issued, error);
    }
    return l->feed->expires_s > now ? HEARTH_OK : refuse(l, "expires", expected, expires, error);
}

/* Not older than the last one, and where it has its number, the same. */
static hearth_status check_memory(const looking *l, hearth_error *error)
{
    buffer text;
    advise_feed before = {.count = 0};
    json_t *payload = NULL;
    char digest[HASH_HEX_SIZE], expected[64], found[64];
    char *path = file_join(l->state, ADVISE_FEED_FILE);
    if (path == NULL || !file_exists(path)) {
        mem_free(path);
        return path == NULL ? error_memory(error, strlen(l->state)) : HEARTH_OK;
    }
    hearth_status status = read_folder(l->state, ADVISE_FEED_FILE, LIMIT_FEED_BYTES, &text, error);
    status = status == HEARTH_OK ? open_feed(&text, l->key, path, &payload, &before, error) : status;
    status = status == HEARTH_OK ? hash_bytes_hex(buffer_text(&text), text.length, digest, error) : status;
    if (status == HEARTH_OK && l->feed->sequence < before.sequence) {
        (void)snprintf(expected, sizeof expected, "%llu or more: that was seen before",
                       (unsigned long long)before.sequence);
        (void)snprintf(found, sizeof found, "%llu", (unsigned long long)l->feed->sequence);
        status = refuse(l, "sequence", expected, found, error);
    } else if (status == HEARTH_OK && l->feed->sequence == before.sequence && strcmp(digest, l->digest) != 0) {
        (void)snprintf(expected, sizeof expected, "what number %llu said before", (unsigned long long)before.sequence);
        status = refuse(l, "sequence", expected, "another feed of that number", error);
    }
    json_decref(payload);
    buffer_free(&text);
    mem_free(path);
    return status;
}

static hearth_status remember(const looking *l, const char *name, const buffer *text, hearth_error *error)
{
    char *path = file_join(l->state, name);
    hearth_status status = path != NULL ? file_make_place(path, error) : error_memory(error, strlen(name));
    status = status == HEARTH_OK ? file_replace(path, buffer_text(text), text->length, error) : status;
    mem_free(path);
    return status;
}

/* ---- its advisories ---- */

static bool has_digest(const buffer *text, const char *digest)
{
    char found[HASH_HEX_SIZE];
    return hash_bytes_hex(buffer_text(text), text->length, found, NULL) == HEARTH_OK && strcmp(found, digest) == 0;
}

/* The remembered one where it has the same bytes. `kept` is its name there, by its digest: what the copy's feed names
 * stays until the next feed is whole. */
static hearth_status get_bytes(looking *l, const char *file, const char *kept, const char *digest, buffer *out,
                               bool *ret_new, hearth_error *error)
{
    *ret_new = false;
    if (read_folder(l->state, kept, LIMIT_ADVISORY_BYTES, out, NULL) == HEARTH_OK && has_digest(out, digest)) {
        return HEARTH_OK;
    }
    buffer_free(out);
    *ret_new = true;
    TRY(fetch(l, file, LIMIT_ADVISORY_BYTES, out, error));
    return has_digest(out, digest) ? HEARTH_OK : refuse(l, file, "the bytes that the feed says", "others", error);
}

static hearth_status add_advisory(looking *l, const json_t *row, hearth_error *error)
{
    buffer text;
    bool fresh = false;
    char kept[HASH_HEX_SIZE + 5];
    const char *id = json_string_value(json_object_get(row, "id"));
    const char *file = json_string_value(json_object_get(row, "file"));
    const char *digest = json_string_value(json_object_get(row, "sha256"));
    advisory *a = &l->feed->advisories[l->feed->count];
    buffer_init(&text, 0);
    (void)snprintf(kept, sizeof kept, "%.64s.json", digest);
    hearth_status status = get_bytes(l, file, kept, digest, &text, &fresh, error);
    if (status == HEARTH_OK) {
        status = advisory_open(buffer_text(&text), text.length, l->key, file, a, error);
        l->feed->count += status == HEARTH_OK;
    }
    if (status == HEARTH_OK && strcmp(a->id, id) != 0) {
        status = refuse(l, file, id, a->id, error);
    }
    status = status == HEARTH_OK && fresh ? remember(l, kept, &text, error) : status;
    buffer_free(&text);
    return status;
}

static hearth_status add_advisories(looking *l, hearth_error *error)
{
    const json_t *rows = json_object_get(l->payload, "advisories");
    const size_t count = json_array_size(rows);
    l->feed->advisories = count > 0 ? mem_calloc(count, sizeof(advisory)) : NULL;
    if (count > 0 && l->feed->advisories == NULL) {
        return error_memory(error, count * sizeof(advisory));
    }
    for (size_t i = 0; i < count; i++) {
        TRY(add_advisory(l, json_array_get(rows, i), error));
    }
    return HEARTH_OK;
}

/* ---- what is not named any more ---- */

static bool is_named(const looking *l, const char *kept)
{
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(json_object_get(l->payload, "advisories"), i, row)
    {
        if (strncmp(kept, json_string_value(json_object_get(row, "sha256")), HASH_HEX_SIZE - 1) == 0) {
            return true;
        }
    }
    return false;
}

/* Advisories of earlier feeds, by their names DIGEST.json. One that stays does no harm: nothing asks for it. */
static void forget_others(const looking *l)
{
    file_list files = {0};
    if (file_list_folder(l->state, &files, NULL) != HEARTH_OK) {
        return;
    }
    for (size_t i = 0; i < files.count; i++) {
        const char *name = files.names[i];
        char digest[HASH_HEX_SIZE];
        (void)snprintf(digest, sizeof digest, "%.64s", name);
        if (text_is_hex(digest, HASH_HEX_SIZE - 1) && strcmp(name + HASH_HEX_SIZE - 1, ".json") == 0 &&
            !is_named(l, name)) {
            char *path = file_join(l->state, name);
            if (path != NULL) {
                (void)unlink(path);
            }
            mem_free(path);
        }
    }
    file_list_free(&files);
}

/* ---- the story ---- */

/* With the lock on what is remembered. */
static hearth_status take(looking *l, const buffer *text, hearth_error *error)
{
    TRY(check_memory(l, error));
    TRY(check_times(l, error));
    TRY(add_advisories(l, error));
    TRY(remember(l, ADVISE_FEED_FILE, text, error));
    forget_others(l);
    return HEARTH_OK;
}

static hearth_status take_locked(looking *l, const buffer *text, hearth_error *error)
{
    file_lock lock = {-1};
    l->state = state_folder(l->key, l->feed->name);
    char *path = l->state != NULL ? text_format("%s.lock", l->state) : NULL;
    if (path == NULL) {
        return no_state(error);
    }
    hearth_status status = file_lock_take(path, FILE_LOCK_ALONE, NULL, NULL, &lock, error);
    status = status == HEARTH_OK ? take(l, text, error) : status;
    file_lock_free(&lock);
    mem_free(path);
    return status;
}

/* The copies are kept by key and feed; a place's name is kept beside, so that it is known without asking. */
static char *place_file(const looking *l)
{
    char name[HASH_HEX_SIZE];
    char *state = file_user_folder("state");
    char *whole = text_format("%s %s", sign_key_hint(l->key), l->place);
    char *path = state != NULL && whole != NULL && hash_bytes_hex(whole, strlen(whole), name, NULL) == HEARTH_OK
                     ? text_format("%s/advisories/places/%s", state, name)
                     : NULL;
    mem_free(whole);
    mem_free(state);
    return path;
}

/* One URL has one feed: another one of the same key would bring its own numbers, and an old one could hide behind it.
 */
static hearth_status check_place(const looking *l, hearth_error *error)
{
    buffer name;
    char expected[96];
    char *path = place_file(l);
    if (path == NULL || !file_exists(path)) {
        mem_free(path);
        return path == NULL ? no_state(error) : HEARTH_OK;
    }
    buffer_init(&name, 65);
    hearth_status status = file_read(path, 64, &name, error);
    if (status == HEARTH_OK && strcmp(buffer_text(&name), l->feed->name) != 0) {
        (void)snprintf(expected, sizeof expected, "%.64s, which was there before", buffer_text(&name));
        status = refuse(l, "feed", expected, l->feed->name, error);
    }
    buffer_free(&name);
    mem_free(path);
    return status;
}

static hearth_status note_place(const looking *l, hearth_error *error)
{
    char *path = place_file(l);
    hearth_status status = path != NULL ? file_make_place(path, error) : no_state(error);
    status = status == HEARTH_OK ? file_replace(path, l->feed->name, strlen(l->feed->name), error) : status;
    mem_free(path);
    return status;
}

/* The copy of the last time: its own signature and those of its advisories are checked as ever, and its end. */
static hearth_status use_copy(looking *l, const hearth_error *problem, hearth_error *error)
{
    buffer name, text;
    hearth_error none = {0};
    char *path = place_file(l);
    buffer_init(&name, 65);
    buffer_init(&text, 0);
    hearth_status status = path != NULL ? file_read(path, 64, &name, &none) : HEARTH_E_MEMORY;
    l->state = status == HEARTH_OK && advise_is_name(buffer_text(&name)) ? state_folder(l->key, name.data) : NULL;
    status =
        l->state != NULL ? read_folder(l->state, ADVISE_FEED_FILE, LIMIT_FEED_BYTES, &text, &none) : HEARTH_E_NOT_FOUND;
    if (status != HEARTH_OK) {
        if (error != NULL) {
            *error = *problem;
        }
        status = problem->status;
    } else {
        l->unreached = false;
        l->feed->offline = true;
        (void)hearth_error_line(problem, l->feed->reason, sizeof l->feed->reason);
        status = open_feed(&text, l->key, path, &l->payload, l->feed, error);
        status = status == HEARTH_OK ? check_times(l, error) : status;
        http_client *client = l->client;
        l->client = NULL; /* nothing is asked any more */
        l->place = l->state;
        status = status == HEARTH_OK ? add_advisories(l, error) : status;
        l->client = client;
    }
    buffer_free(&text);
    buffer_free(&name);
    mem_free(path);
    return status;
}

static hearth_status fetch_feed(looking *l, buffer *out, hearth_error *error)
{
    if (l->client != NULL && hub_is_offline()) {
        l->unreached = true;
        return error_set(error, HEARTH_E_IO, NULL, NULL, "HF_HUB_OFFLINE is set: nothing is fetched");
    }
    return fetch(l, ADVISE_FEED_FILE, LIMIT_FEED_BYTES, out, error);
}

static hearth_status check_feed(looking *l, const buffer *text, hearth_error *error)
{
    char shown[200];
    const char *name = url_is_web(l->place) ? url_shown(l->place, shown, sizeof shown) : l->place;
    TRY(hash_bytes_hex(buffer_text(text), text->length, l->digest, error));
    TRY(open_feed(text, l->key, name, &l->payload, l->feed, error));
    return l->client != NULL ? check_place(l, error) : HEARTH_OK;
}

/* Nothing of what was read is kept for the copy. */
static void drop(looking *l)
{
    advise_feed_free(l->feed);
    json_decref(l->payload);
    mem_free(l->state);
    l->payload = NULL;
    l->state = NULL;
}

/* Where the network or the disk fails on the way, the copy of the last time serves; what is refused is refused. */
static hearth_status open_place(looking *l, hearth_error *error)
{
    buffer text;
    hearth_error problem = {0};
    buffer_init(&text, 0);
    hearth_status status = fetch_feed(l, &text, &problem);
    bool failed = status != HEARTH_OK;
    status = status == HEARTH_OK ? check_feed(l, &text, &problem) : status;
    if (status == HEARTH_OK) {
        status = take_locked(l, &text, &problem);
        status = status == HEARTH_OK && l->client != NULL ? note_place(l, &problem) : status;
        failed = status != HEARTH_OK;
    }
    buffer_free(&text);
    if (failed && l->client != NULL && (status == HEARTH_E_IO || status == HEARTH_E_NOT_FOUND)) {
        drop(l);
        return use_copy(l, &problem, error);
    }
    if (status != HEARTH_OK && error != NULL) {
        *error = problem;
    }
    return status;
}

hearth_status advise_feed_open(const char *place, const sign_key *key, advise_feed *ret, hearth_error *error)
{
    looking l = {.place = place, .key = key, .feed = ret};
    *ret = (advise_feed){.count = 0};
    if (url_is_web(place)) {
        const http_settings settings = {.retries = RETRIES, .connect_timeout_s = 5, .stall_timeout_s = 15};
        TRY(http_client_create(&settings, &l.client, error));
    }
    const hearth_status status = open_place(&l, error);
    http_client_free(l.client);
    json_decref(l.payload);
    mem_free(l.state);
    if (status != HEARTH_OK) {
        advise_feed_free(ret);
        ret->unreached = l.unreached && (status == HEARTH_E_IO || status == HEARTH_E_NOT_FOUND);
    }
    return status;
}

void advise_feed_free(advise_feed *feed)
{
    for (size_t i = 0; i < feed->count; i++) {
        advisory_free(&feed->advisories[i]);
    }
    mem_free(feed->advisories);
    *feed = (advise_feed){.count = 0};
}

/* ---- making one ---- */

static hearth_status number_before(const char *folder, const char *name, const sign_key *key, uint64_t *ret,
                                   hearth_error *error)
{
    buffer text;
    json_t *payload = NULL;
    advise_feed before = {.count = 0};
    char *path = file_join(folder, ADVISE_FEED_FILE);
    *ret = 0;
    if (path == NULL || !file_exists(path)) {
        mem_free(path);
        return path == NULL ? error_memory(error, strlen(folder)) : HEARTH_OK;
    }
    hearth_status status = read_folder(folder, ADVISE_FEED_FILE, LIMIT_FEED_BYTES, &text, error);
    status = status == HEARTH_OK ? open_feed(&text, key, path, &payload, &before, error) : status;
    if (status == HEARTH_OK && strcmp(before.name, name) != 0) {
        status = error_set(error, HEARTH_E_ARGUMENT, "feed", before.name, "%s", name);
        error_in_file(error, path);
    }
    *ret = before.sequence;
    json_decref(payload);
    buffer_free(&text);
    mem_free(path);
    return status;
}

static hearth_status add_row(const char *folder, const char *file, const sign_key *key, json_t **rows,
                             hearth_error *error)
{
    buffer text;
    advisory a = {.json = NULL};
    char digest[HASH_HEX_SIZE];
    hearth_status status = read_folder(folder, file, LIMIT_ADVISORY_BYTES, &text, error);
    status = status == HEARTH_OK ? advisory_open(buffer_text(&text), text.length, key, file, &a, error) : status;
    status = status == HEARTH_OK ? hash_bytes_hex(buffer_text(&text), text.length, digest, error) : status;
    if (status == HEARTH_OK && (!text_starts(file, a.id) || strcmp(file + strlen(a.id), ".json") != 0)) {
        status = error_set(error, HEARTH_E_FORMAT, file, "the name ID.json", "id %s", a.id);
    }
    if (status == HEARTH_OK) {
        json_t *row = json_pack("{s:s, s:s, s:s}", "id", a.id, "file", file, "sha256", digest);
        *rows = json_door_append(*rows, row);
        status = *rows != NULL ? HEARTH_OK : error_memory(error, 0);
    }
    advisory_free(&a);
    buffer_free(&text);
    return status;
}

static hearth_status write_feed(const char *folder, const advise_feed *feed, json_t *rows, const sign_key *key,
                                hearth_error *error)
{
    buffer payload, text;
    json_t *envelope = NULL;
    char issued[32], expires[32];
    (void)text_time(feed->issued_s, issued);
    (void)text_time(feed->expires_s, expires);
    buffer_init(&payload, LIMIT_FEED_BYTES / 2);
    buffer_init(&text, LIMIT_FEED_BYTES);
    json_t *whole = json_pack("{s:s, s:I, s:s, s:s, s:O}", "feed", feed->name, "sequence", (json_int_t)feed->sequence,
                              "issued", issued, "expires", expires, "advisories", rows);
    hearth_status status =
        whole != NULL ? json_door_write(whole, 2, &payload, error) : error_memory(error, LIMIT_FEED_BYTES);
    json_decref(whole);
    status = status == HEARTH_OK ? sign_envelope_make(&payload, ADVISE_FEED_TYPE, key, true, &envelope, error) : status;
    status = status == HEARTH_OK ? json_door_write(envelope, 2, &text, error) : status;
    json_decref(envelope);
    char *path = file_join(folder, ADVISE_FEED_FILE);
    status = status == HEARTH_OK && path == NULL ? error_memory(error, strlen(folder)) : status;
    status = status == HEARTH_OK ? file_replace(path, buffer_text(&text), text.length, error) : status;
    mem_free(path);
    buffer_free(&payload);
    buffer_free(&text);
    return status;
}

hearth_status advise_feed_publish(const char *folder, const char *name, const sign_key *key, int64_t valid_s,
                                  advise_feed *ret, hearth_error *error)
{
    file_list files = {0};
    json_t *rows = json_array();
    *ret = (advise_feed){.issued_s = (int64_t)time(NULL)};
    (void)snprintf(ret->name, sizeof ret->name, "%s", name);
    ret->expires_s = ret->issued_s + valid_s;
    hearth_status status = number_before(folder, name, key, &ret->sequence, error);
    ret->sequence++;
    status = status == HEARTH_OK ? file_list_folder(folder, &files, error) : status;
    for (size_t i = 0; status == HEARTH_OK && i < files.count; i++) {
        if (text_ends(files.names[i], ".json") && strcmp(files.names[i], ADVISE_FEED_FILE) != 0) {
            status = add_row(folder, files.names[i], key, &rows, error);
        }
    }
    status = status == HEARTH_OK ? write_feed(folder, ret, rows, key, error) : status;
    json_decref(rows);
    file_list_free(&files);
    return status;
}
