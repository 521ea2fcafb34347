/* The keys in memory, their buckets, and the thread that writes what was used. */
#include "serve/keys.h"

#include "base/memory.h"
#include "platform/cpu.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WRITE_MS 1000
#define GUESSES 10 /* wrong secrets of one id within GUESS_S */
#define GUESS_S 60.0

/* So much that may be taken at once, coming back over a minute; an answer that took more than was there leaves it below
 * zero. */
typedef struct bucket {
    double level, at; /* time_seconds; 0: never used, full */
} bucket;

struct ring_key {
    key_row row;
    bool listed;   /* in the database when it was last read whole */
    uint64_t seen; /* the reading that had its row last */
    bool proved;
    uint8_t mark[32]; /* of the secret that was proved */
    unsigned guesses;
    double guessed; /* the first of them */
    bucket requests, tokens;
    uint64_t running;
    int64_t day; /* of day_tokens */
    uint64_t day_tokens;
    key_usage unwritten; /* of `day` */
};

struct key_ring {
    keys_file *file; /* of the writer's thread; else under file_lock */
    pthread_mutex_t file_lock;
    int64_t version;  /* of what was read whole; file_lock, as the next three */
    uint64_t reading; /* readings that began */
    bool unread;      /* the last one failed */
    bool unwritten;   /* what was used could not be written last */
    keys_told_fn told;
    void *told_context;
    uint8_t mark_key[32];
    pthread_mutex_t proving;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    ring_key **keys;
    size_t count, capacity;
    key_usage *late; /* of days that are over, and not written yet */
    size_t late_count, late_capacity;
    bool ending;
    pthread_t writer;
    bool writing;
};

static int64_t now_s(void)
{
    return (int64_t)time(NULL);
}

static int64_t today(void)
{
    return now_s() / DAY_SECONDS;
}

/* ---- reading the database ---- */

static ring_key *find(const key_ring *k, const char *id)
{
    for (size_t i = 0; i < k->count; i++) {
        if (strcmp(k->keys[i]->row.id, id) == 0) {
            return k->keys[i];
        }
    }
    return NULL;
}

static ring_key *add(key_ring *k, const char *id)
{
    if (k->count == k->capacity) {
        const size_t capacity = k->capacity == 0 ? 16 : k->capacity * 2;
        ring_key **grown = mem_realloc(k->keys, capacity * sizeof(ring_key *));
        if (grown == NULL) {
            return NULL;
        }
        k->keys = grown;
        k->capacity = capacity;
    }
    ring_key *y = mem_calloc(1, sizeof *y);
    if (y != NULL) {
        k->keys[k->count++] = y;
        y->day = today();
        (void)snprintf(y->unwritten.id, sizeof y->unwritten.id, "%s", id);
        y->unwritten.day = y->day;
    }
    return y;
}

static hearth_status take_row(void *context, const key_row *row, hearth_error *error)
{
    key_ring *k = context;
    pthread_mutex_lock(&k->lock);
    ring_key *y = find(k, row->id);
    y = y != NULL ? y : add(k, row->id);
    if (y != NULL) {
        const bool other = memcmp(&y->row.hash, &row->hash, sizeof row->hash) != 0;
        y->proved = y->proved && !other;
        y->row = *row;
        y->seen = k->reading;
    }
    pthread_mutex_unlock(&k->lock);
    return y != NULL ? HEARTH_OK : error_memory(error, sizeof *y);
}

static hearth_status take_usage(void *context, const key_usage *u, hearth_error *error)
{
    (void)error;
    key_ring *k = context;
    pthread_mutex_lock(&k->lock);
    ring_key *y = find(k, u->id);
    if (y != NULL && u->day == y->day) {
        y->day_tokens = u->prompt_tokens + u->tokens + y->unwritten.prompt_tokens + y->unwritten.tokens;
        for (size_t i = 0; i < k->late_count; i++) {
            const bool own = k->late[i].day == y->day && strcmp(k->late[i].id, y->row.id) == 0;
            y->day_tokens += own ? k->late[i].prompt_tokens + k->late[i].tokens : 0;
        }
    }
    pthread_mutex_unlock(&k->lock);
    return HEARTH_OK;
}

/* With file_lock. Keys stay what they were until all rows are there, and where they cannot be read. */
static hearth_status read_all(key_ring *k, hearth_error *error)
{
    int64_t version = 0;
    k->reading++;
    TRY(keys_file_version(k->file, &version, error));
    TRY(keys_file_each(k->file, take_row, k, error));
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->count; i++) {
        k->keys[i]->listed = k->keys[i]->seen == k->reading;
    }
    pthread_mutex_unlock(&k->lock);
    TRY(keys_file_each_usage(k->file, NULL, today(), take_usage, k, error));
    k->version = version; /* else it is read again */
    return HEARTH_OK;
}

hearth_status keys_reload(key_ring *k, hearth_error *error)
{
    pthread_mutex_lock(&k->file_lock);
    const hearth_status status = read_all(k, error);
    pthread_mutex_unlock(&k->file_lock);
    return status;
}

/* ---- writing what was used ---- */

static bool has_usage(const key_usage *u)
{
    return u->requests > 0 || u->prompt_tokens > 0 || u->tokens > 0;
}

/* With the lock: nothing is lost where memory is out, it stays where it is. */
static void keep_late(key_ring *k, const key_usage *u)
{
    if (k->late_count == k->late_capacity) {
        const size_t capacity = k->late_capacity == 0 ? 16 : k->late_capacity * 2;
        key_usage *grown = mem_realloc(k->late, capacity * sizeof *grown);
        if (grown == NULL) {
            return;
        }
        k->late = grown;
        k->late_capacity = capacity;
    }
    k->late[k->late_count++] = *u;
}

/* With the lock. */
static void turn_day(key_ring *k, ring_key *y)
{
    const int64_t day = today();
    if (y->day != day) {
        if (has_usage(&y->unwritten)) {
            keep_late(k, &y->unwritten);
        }
        y->day = day;
        y->day_tokens = 0;
        y->unwritten.day = day;
        y->unwritten.requests = y->unwritten.prompt_tokens = y->unwritten.tokens = 0;
    }
}

/* What is to be written, taken out; NULL and 0 where there is nothing. */
static key_usage *take_unwritten(key_ring *k, size_t *ret_count)
{
    size_t count = 0;
    pthread_mutex_lock(&k->lock);
    key_usage *items = mem_alloc((k->late_count + k->count + 1) * sizeof *items);
    for (size_t i = 0; items != NULL && i < k->late_count; i++) {
        items[count++] = k->late[i];
    }
    for (size_t i = 0; items != NULL && i < k->count; i++) {
        key_usage *u = &k->keys[i]->unwritten;
        if (has_usage(u)) {
            items[count++] = *u;
            u->requests = u->prompt_tokens = u->tokens = 0;
        }
    }
    k->late_count = items != NULL ? 0 : k->late_count;
    pthread_mutex_unlock(&k->lock);
    *ret_count = count;
    return items;
}

/* The first of failures that follow each other; `failing` is theirs. */
static void tell_once(const key_ring *k, bool *failing, hearth_status status, const char *what,
                      const hearth_error *error)
{
    char line[1024], text[900];
    if (status != HEARTH_OK && !*failing && k->told != NULL) {
        (void)snprintf(line, sizeof line, "keys: %s: %s", what, hearth_error_line(error, text, sizeof text));
        k->told(k->told_context, line);
    }
    *failing = status != HEARTH_OK;
}

/* With file_lock. */
static void write_usage(key_ring *k)
{
    size_t count = 0;
    hearth_error error = {0};
    key_usage *items = take_unwritten(k, &count);
    const hearth_status status = count > 0 ? keys_file_add_usage(k->file, items, count, &error) : HEARTH_OK;
    if (status != HEARTH_OK) {
        pthread_mutex_lock(&k->lock);
        for (size_t i = 0; i < count; i++) {
            keep_late(k, &items[i]);
        }
        pthread_mutex_unlock(&k->lock);
    }
    if (count > 0) {
        tell_once(k, &k->unwritten, status, "usage is kept in memory until it can be written", &error);
    }
    mem_free(items);
}

static void read_changes(key_ring *k)
{
    int64_t version = 0;
    hearth_error error = {0};
    hearth_status status = keys_file_version(k->file, &version, &error);
    if (status == HEARTH_OK && version != k->version) {
        status = read_all(k, &error);
    }
    tell_once(k, &k->unread, status, "they stay as they were until they can be read", &error);
}

static void *write_on(void *context)
{
    key_ring *k = context;
    pthread_mutex_lock(&k->lock);
    while (!k->ending) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += WRITE_MS / 1000;
        (void)pthread_cond_timedwait(&k->wake, &k->lock, &until);
        pthread_mutex_unlock(&k->lock);
        pthread_mutex_lock(&k->file_lock);
        write_usage(k);
        read_changes(k);
        pthread_mutex_unlock(&k->file_lock);
        pthread_mutex_lock(&k->lock);
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

/* ---- from the beginning to the end ---- */

hearth_status keys_open(const char *path, keys_told_fn told, void *context, key_ring **ret, hearth_error *error)
{
    key_ring *k = mem_calloc(1, sizeof *k);
    if (k == NULL) {
        return error_memory(error, sizeof *k);
    }
    k->told = told;
    k->told_context = context;
    pthread_mutex_init(&k->file_lock, NULL);
    pthread_mutex_init(&k->proving, NULL);
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->wake, NULL);
    hearth_status status = secret_random(k->mark_key, sizeof k->mark_key, error);
    status = status == HEARTH_OK ? keys_file_open(path, &k->file, error) : status;
    status = status == HEARTH_OK ? read_all(k, error) : status;
    if (status == HEARTH_OK) {
        k->writing = pthread_create(&k->writer, NULL, write_on, k) == 0;
        status = k->writing ? HEARTH_OK : error_set(error, HEARTH_E_IO, "keys", "a thread", "none");
    }
    if (status != HEARTH_OK) {
        keys_close(k);
        return status;
    }
    *ret = k;
    return HEARTH_OK;
}

void keys_close(key_ring *k)
{
    if (k == NULL) {
        return;
    }
    if (k->writing) {
        pthread_mutex_lock(&k->lock);
        k->ending = true;
        pthread_cond_broadcast(&k->wake);
        pthread_mutex_unlock(&k->lock);
        (void)pthread_join(k->writer, NULL);
        write_usage(k);
    }
    keys_file_close(k->file);
    for (size_t i = 0; i < k->count; i++) {
        mem_free(k->keys[i]);
    }
    mem_free(k->keys);
    mem_free(k->late);
    secret_wipe(k->mark_key, sizeof k->mark_key);
    pthread_mutex_destroy(&k->file_lock);
    pthread_mutex_destroy(&k->proving);
    pthread_mutex_destroy(&k->lock);
    pthread_cond_destroy(&k->wake);
    mem_free(k);
}

/* ---- who it is ---- */

static key_state state_of(const ring_key *y)
{
    return !y->listed                                         ? KEY_WRONG
           : y->row.revoked != 0                              ? KEY_REVOKED
           : y->row.expires != 0 && y->row.expires <= now_s() ? KEY_EXPIRED
                                                              : KEY_GOOD;
}

static bool is_guessed(const ring_key *y)
{
    return y->guesses >= GUESSES && time_seconds() - y->guessed < GUESS_S;
}

/* What is told of a key goes to whoever has its secret: a revoked or expired one that was never proved is unproven. */
static key_state look_up(key_ring *k, const char *id, const uint8_t mark[32], ring_key **ret)
{
    ring_key *y = find(k, id);
    if (y == NULL || !y->listed) {
        return KEY_WRONG;
    }
    if (!y->proved || !secret_equal(y->mark, mark, sizeof y->mark)) {
        return is_guessed(y) ? KEY_GUESSED : KEY_UNPROVEN;
    }
    *ret = y;
    return state_of(y);
}

key_state keys_look_up(key_ring *k, const char *text, ring_key **ret)
{
    char id[KEY_ID_SIZE];
    const char *secret = NULL;
    uint8_t mark[32];
    if (!key_parse(text, id, &secret) || secret_mark(k->mark_key, secret, strlen(secret), mark, NULL) != HEARTH_OK) {
        return KEY_WRONG;
    }
    pthread_mutex_lock(&k->lock);
    const key_state state = look_up(k, id, mark, ret);
    pthread_mutex_unlock(&k->lock);
    return state;
}

/* With the lock. */
static void note_guess(ring_key *y)
{
    const double now = time_seconds();
    if (y->guesses == 0 || now - y->guessed >= GUESS_S) {
        y->guesses = 0;
        y->guessed = now;
    }
    y->guesses++;
}

/* With `proving`. */
static key_state prove(key_ring *k, const char *id, const char *secret, ring_key **ret)
{
    secret_hash hash;
    bool same = false;
    uint8_t mark[32];
    pthread_mutex_lock(&k->lock);
    ring_key *y = find(k, id);
    hash = y->row.hash; /* it was there: keys are never taken out */
    pthread_mutex_unlock(&k->lock);
    if (secret_hash_check(&hash, secret, strlen(secret), &same, NULL) != HEARTH_OK ||
        secret_mark(k->mark_key, secret, strlen(secret), mark, NULL) != HEARTH_OK) {
        return KEY_GUESSED; /* memory is out: later */
    }
    pthread_mutex_lock(&k->lock);
    key_state state = KEY_WRONG;
    if (same && memcmp(&hash, &y->row.hash, sizeof hash) == 0) {
        y->proved = true;
        memcpy(y->mark, mark, sizeof mark);
        *ret = y;
        state = state_of(y);
    } else {
        note_guess(y);
    }
    pthread_mutex_unlock(&k->lock);
    return state;
}

key_state keys_prove(key_ring *k, const char *text, ring_key **ret)
{
    char id[KEY_ID_SIZE];
    const char *secret = NULL;
    pthread_mutex_lock(&k->proving);
    key_state state = keys_look_up(k, text, ret);
    if (state == KEY_UNPROVEN && key_parse(text, id, &secret)) {
        state = prove(k, id, secret, ret);
    }
    pthread_mutex_unlock(&k->proving);
    return state;
}

key_state keys_state(key_ring *k, const ring_key *y)
{
    pthread_mutex_lock(&k->lock);
    const key_state state = state_of(y);
    pthread_mutex_unlock(&k->lock);
    return state;
}

const char *key_id(const ring_key *y)
{
    return y->row.id;
}

bool keys_may_use(key_ring *k, const ring_key *y, const char *model)
{
    pthread_mutex_lock(&k->lock);
    bool may = y->row.admin || y->row.models[0] == '\0';
    const size_t length = strlen(model);
    for (const char *at = y->row.models; !may && *at != '\0'; at += *at == '\n' ? 1 : 0) {
        const size_t own = strcspn(at, "\n"); /* another program may have left the last line feed out */
        may = own == length && memcmp(at, model, length) == 0;
        at += own;
    }
    pthread_mutex_unlock(&k->lock);
    return may;
}

bool keys_may_watch(key_ring *k, const ring_key *y)
{
    pthread_mutex_lock(&k->lock);
    const bool may = y->row.admin || y->row.metrics;
    pthread_mutex_unlock(&k->lock);
    return may;
}

bool keys_may_manage(key_ring *k, const ring_key *y)
{
    pthread_mutex_lock(&k->lock);
    const bool may = y->row.admin;
    pthread_mutex_unlock(&k->lock);
    return may;
}

/* ---- how much ---- */

static void refill(bucket *b, uint64_t limit, double now)
{
    const double most = (double)limit;
    b->level = b->at == 0 ? most : fmin(most, b->level + (now - b->at) * most / 60);
    b->at = now;
}

static uint64_t left_in(double level)
{
    return level > 0 ? (uint64_t)level : 0;
}

static void refuse(key_allowance *a, const char *which, double retry_s)
{
    if (a->refused == NULL || retry_s > a->retry_s) {
        a->refused = which;
        a->retry_s = retry_s;
    }
}

static void look_at_minute(ring_key *y, key_allowance *a)
{
    const double now = time_seconds();
    const key_limits *l = &y->row.limits;
    if (l->requests_minute > 0) {
        refill(&y->requests, l->requests_minute, now);
        const double each_s = 60 / (double)l->requests_minute;
        a->requests_left = left_in(y->requests.level);
        a->requests_reset_s = ((double)l->requests_minute - y->requests.level) * each_s;
        if (y->requests.level < 1) {
            refuse(a, "requests per minute", (1 - y->requests.level) * each_s);
        }
    }
    if (l->tokens_minute > 0) {
        refill(&y->tokens, l->tokens_minute, now);
        const double each_s = 60 / (double)l->tokens_minute;
        a->tokens_limit = l->tokens_minute;
        a->tokens_left = left_in(y->tokens.level);
        a->tokens_reset_s = ((double)l->tokens_minute - y->tokens.level) * each_s;
        if (y->tokens.level < 1) {
            refuse(a, "tokens per minute", (1 - y->tokens.level) * each_s);
        }
    }
}

static void look_at_day(const ring_key *y, key_allowance *a)
{
    const uint64_t limit = y->row.limits.tokens_day;
    if (limit == 0) {
        return;
    }
    const uint64_t left = limit > y->day_tokens ? limit - y->day_tokens : 0;
    const double reset_s = (double)(DAY_SECONDS - now_s() % DAY_SECONDS);
    if (a->tokens_limit == 0 || left < a->tokens_left) {
        a->tokens_limit = limit;
        a->tokens_left = left;
        a->tokens_reset_s = reset_s;
    }
    if (left == 0) {
        refuse(a, "tokens per day", reset_s);
    }
}

bool keys_begin(key_ring *k, ring_key *y, key_allowance *ret)
{
    pthread_mutex_lock(&k->lock);
    *ret = (key_allowance){.limits = y->row.limits};
    turn_day(k, y);
    look_at_minute(y, ret);
    look_at_day(y, ret);
    if (y->row.limits.concurrency > 0 && y->running >= y->row.limits.concurrency) {
        refuse(ret, "requests at a time", 1);
    }
    if (ret->refused == NULL) {
        y->running++;
        y->unwritten.requests++;
        y->requests.level -= 1;
        ret->requests_left -= ret->requests_left > 0 ? 1 : 0;
    }
    pthread_mutex_unlock(&k->lock);
    return ret->refused == NULL;
}

void keys_end(key_ring *k, ring_key *y)
{
    pthread_mutex_lock(&k->lock);
    y->running--;
    pthread_mutex_unlock(&k->lock);
}

void keys_spend(key_ring *k, ring_key *y, uint64_t prompt_tokens, uint64_t tokens)
{
    pthread_mutex_lock(&k->lock);
    turn_day(k, y);
    y->unwritten.prompt_tokens += prompt_tokens;
    y->unwritten.tokens += tokens;
    y->day_tokens += prompt_tokens + tokens;
    y->tokens.level -= (double)(prompt_tokens + tokens);
    pthread_mutex_unlock(&k->lock);
}
