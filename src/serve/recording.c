/* Lines of JSON, one an answer. */
#include "serve/recording.h"

#include "base/memory.h"
#include "hearth/hearth.h"
#include "model/kv_cache.h"
#include "platform/file_append.h"
#include "serve/values.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

const char *const recording_ends[] = {"token", "length", "context", "stop", NULL};

struct recording {
    pthread_mutex_t lock; /* of the file */
    file_append file;
    uint64_t most;
    bool full;
    compute compute;
    cache_type cache;
    recording_told_fn told;
    void *told_context;
};

hearth_status recording_open(const char *path, uint64_t most_bytes, const models_options *how, recording_told_fn told,
                             void *context, recording **ret, hearth_error *error)
{
    recording *k = mem_calloc(1, sizeof *k);
    if (k == NULL) {
        return error_memory(error, sizeof *k);
    }
    const hearth_status status = file_append_open(path, FILE_APPEND_ALL, &k->file, error);
    if (status != HEARTH_OK) {
        mem_free(k);
        return status;
    }
    if (k->file.length == 0) {
        (void)fchmod(k->file.descriptor, S_IRUSR | S_IWUSR);
    }
    pthread_mutex_init(&k->lock, NULL);
    k->most = most_bytes > 0 ? most_bytes : RECORDING_BYTES;
    k->compute = how->compute;
    k->cache = kv_cache_choose(how->compute, how->scheduler.cache);
    k->told = told;
    k->told_context = context;
    *ret = k;
    return HEARTH_OK;
}

void recording_close(recording *k)
{
    if (k != NULL) {
        (void)file_append_sync(&k->file, NULL);
        file_append_close(&k->file);
        pthread_mutex_destroy(&k->lock);
        mem_free(k);
    }
}

/* ---- what is kept ---- */

/* Pairs; null: the token is forbidden. */
static json_t *biases_json(const sampling *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->bias_count; i++) {
        json_t *pair = json_door_append(json_array(), json_integer(s->biases[i].token));
        list = json_door_append(list, json_door_append(pair, json_door_float(s->biases[i].bias)));
    }
    return list;
}

static json_t *sampling_json(const sampling *s)
{
    const struct {
        const char *name;
        float value;
    } reals[] = {{"temperature", s->temperature},
                 {"top_p", s->top_p},
                 {"min_p", s->min_p},
                 {"typical_p", s->typical_p},
                 {"repetition_penalty", s->repetition_penalty},
                 {"presence_penalty", s->presence_penalty},
                 {"frequency_penalty", s->frequency_penalty}};
    json_t *made = json_object();
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        made = json_door_put(made, reals[i].name, json_door_float(reals[i].value));
    }
    made = json_door_put(made, "top_k", json_integer(s->top_k));
    made = json_door_put(made, "penalty_window", json_integer(s->penalty_window));
    made = json_door_put(made, "seed", json_integer((json_int_t)s->seed));
    return json_door_put(made, "biases", biases_json(s));
}

json_t *recording_request(const recording *k, const served_model *m, const generation_request *asked,
                          const json_t *bound)
{
    if (k == NULL) {
        return NULL;
    }
    json_t *made = json_pack("{s:i, s:I, s:I}", "hearth_record", RECORDING_VERSION, "time", (json_int_t)time(NULL),
                             "contract", (json_int_t)hearth_numeric_contract());
    made = json_door_put(made, "model", json_door_string(m->name));
    made = json_door_put(made, "source", json_door_string(m->source));
    made = json_door_put(made, "fingerprint", json_string(m->fingerprint));
    made = json_door_put(made, "compute", json_string(k->compute == COMPUTE_F32 ? "f32" : "native"));
    made = json_door_put(made, "cache", json_string(cache_type_names[k->cache]));
    made = json_door_put(made, "context", json_integer((json_int_t)m->context));
    made = json_door_put(made, "sampling", sampling_json(&asked->sampling));
    made = json_door_put(made, "ignore_end", json_boolean(asked->ignore_end));
    if (bound != NULL) {
        made = json_door_put(made, "constraint", json_deep_copy(bound));
    }
    return json_door_put(made, "prompt", values_append_ids(json_array(), asked->prompt, asked->prompt_count));
}

hearth_status recording_hash(const token_list *ids, char ret[HASH_HEX_SIZE], hearth_error *error)
{
    hash_state *h = hash_create();
    uint8_t digest[32];
    if (h == NULL) {
        return error_memory(error, 0);
    }
    for (size_t i = 0; i < ids->count; i++) {
        const uint32_t id = (uint32_t)ids->ids[i];
        const uint8_t bytes[4] = {(uint8_t)id, (uint8_t)(id >> 8), (uint8_t)(id >> 16), (uint8_t)(id >> 24)};
        hash_update(h, bytes, sizeof bytes);
    }
    hash_finish(h, digest);
    hash_hex(digest, ret);
    return HEARTH_OK;
}

/* ---- writing ---- */

static void stop_keeping(recording *k, const char *why)
{
    char line[512];
    k->full = true;
    if (k->told != NULL) {
        snprintf(line, sizeof line, "%.200s: no more answers are recorded: %.250s", k->file.path, why);
        k->told(k->told_context, line);
    }
}

static void write_line(recording *k, const buffer *line)
{
    hearth_error error = {0};
    char why[256];
    pthread_mutex_lock(&k->lock);
    if (!k->full && k->file.length + line->length > k->most) {
        stop_keeping(k, "the file is as large as it may be");
    } else if (!k->full && file_append_write(&k->file, buffer_text(line), line->length, &error) != HEARTH_OK) {
        stop_keeping(k, hearth_error_line(&error, why, sizeof why));
    }
    pthread_mutex_unlock(&k->lock);
}

void recording_add(recording *k, const json_t *kept, const token_list *drawn, generation_end end)
{
    char hash[HASH_HEX_SIZE];
    buffer line;
    if (k == NULL || kept == NULL || end > GENERATION_END_CALLER || recording_hash(drawn, hash, NULL) != HEARTH_OK) {
        return;
    }
    json_t *made = json_copy((json_t *)kept);
    made = json_door_put(made, "end", json_string(recording_ends[end]));
    made = json_door_put(made, "tokens", values_append_ids(json_array(), drawn->ids, drawn->count));
    made = json_door_put(made, "sha256", json_string(hash));
    buffer_init(&line, 0);
    if (made != NULL && json_door_write(made, 0, &line, NULL) == HEARTH_OK &&
        buffer_append_char(&line, '\n', NULL) == HEARTH_OK) {
        write_line(k, &line);
    }
    buffer_free(&line);
    json_decref(made);
}
