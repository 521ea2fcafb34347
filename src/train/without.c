/* All steps of a recipe, in one go: no log, no checkpoints, one model at the end. */
#include "train/without.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

#include <stdio.h>
#include <string.h>

static hearth_status steps(trainer *t, const without_options *o, uint64_t all, without_result *ret, hearth_error *error)
{
    const recipe_train *r = &o->data->recipe->train;
    for (uint64_t step = 1; step <= all; step++) {
        trainer_step_record record;
        TRY(trainer_step(t, step, &record, error));
        ret->steps = step;
        ret->loss = record.loss;
        ret->targets += record.tokens;
        ret->left_out += (uint64_t)r->sequences * r->length - record.tokens;
        if (o->progress != NULL && !o->progress(o->progress_context, "training again", step, all, "steps")) {
            return error_set(error, HEARTH_E_CANCELLED, "training", NULL, "a wish to stop");
        }
    }
    return HEARTH_OK;
}

static hearth_status write_model(trainer *t, const without_options *o, const without_result *r, hearth_error *error)
{
    const train_data *d = o->data;
    checkpoint_values values = trainer_values(t);
    values.mean = NULL;
    values.square = NULL;
    const checkpoint_source source = {.model = trainer_model(t),
                                      .recipe = d->recipe,
                                      .values = values,
                                      .tokenizer = d->tokenizer,
                                      .end_of_document = d->end_of_document,
                                      .end_token = d->end_token};
    checkpoint_state state = {.step = r->steps};
    (void)snprintf(state.recipe, sizeof state.recipe, "%s", d->recipe->sha256);
    memcpy(state.weights, r->weights, sizeof state.weights);
    memcpy(state.model, r->model, sizeof state.model);
    return checkpoint_write(o->folder, &source, &state, error);
}

/* ---- the result's file ---- */

static json_t *result_json(const without_options *o, const without_result *r)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < o->row_count; i++) {
        rows = json_door_append(rows, json_integer((json_int_t)o->rows[i]));
    }
    json_t *made = json_pack("{s:s, s:I, s:I, s:I, s:s, s:s}", "recipe", o->data->recipe->sha256, "steps",
                             (json_int_t)r->steps, "targets", (json_int_t)r->targets, "left_out",
                             (json_int_t)r->left_out, "weights", r->weights, "model", r->model);
    return json_door_put(json_door_put(made, "loss", json_door_number(r->loss)), "without", rows);
}

static hearth_status write_result(const without_options *o, const without_result *r, hearth_error *error)
{
    char *path = text_format("%s.json", o->folder);
    json_t *value = result_json(o, r);
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = path == NULL || value == NULL ? error_memory(error, 0) : HEARTH_OK;
    status = status == HEARTH_OK ? json_door_write(value, 2, &text, error) : status;
    status = status == HEARTH_OK ? buffer_append_char(&text, '\n', error) : status;
    status = status == HEARTH_OK ? file_replace(path, buffer_text(&text), text.length, error) : status;
    json_decref(value);
    buffer_free(&text);
    mem_free(path);
    return status;
}

static hearth_status take_result(const json_t *value, const char *path, without_result *ret, hearth_error *error)
{
    json_int_t steps = 0, targets = 0, left_out = 0;
    const char *weights = NULL, *model = NULL;
    json_error_t problem;
    if (json_unpack_ex((json_t *)(uintptr_t)value, &problem, 0, "{s:I, s:I, s:I, s:s, s:s, s:F}", "steps", &steps,
                       "targets", &targets, "left_out", &left_out, "weights", &weights, "model", &model, "loss",
                       &ret->loss) != 0 ||
        steps < 0 || targets < 0 || left_out < 0 || !text_is_hex(weights, HASH_HEX_SIZE - 1) ||
        !text_is_hex(model, HASH_HEX_SIZE - 1)) {
        (void)error_set(error, HEARTH_E_FORMAT, NULL, "what training without documents gave", "%s", problem.text);
        error_in_file(error, path);
        return HEARTH_E_FORMAT;
    }
    ret->steps = (uint64_t)steps;
    ret->targets = (uint64_t)targets;
    ret->left_out = (uint64_t)left_out;
    memcpy(ret->weights, weights, HASH_HEX_SIZE);
    memcpy(ret->model, model, HASH_HEX_SIZE);
    return HEARTH_OK;
}

hearth_status without_read(const char *folder, without_result *ret, hearth_error *error)
{
    char *path = text_format("%s.json", folder);
    json_t *value = NULL;
    buffer text;
    buffer_init(&text, LIMIT_CONFIG_FILE_BYTES);
    *ret = (without_result){0};
    hearth_status status =
        path == NULL ? error_memory(error, 0) : file_read(path, LIMIT_CONFIG_FILE_BYTES, &text, error);
    status = status == HEARTH_OK ? json_door_parse(buffer_text(&text), text.length, path, &value, error) : status;
    status = status == HEARTH_OK ? take_result(value, path, ret, error) : status;
    json_decref(value);
    buffer_free(&text);
    mem_free(path);
    return status;
}

/* ---- all of it ---- */

hearth_status train_without(engine *e, const without_options *o, without_result *ret, hearth_error *error)
{
    train_data data = *o->data;
    trainer *t = NULL;
    checkpoint_state state = {0};
    *ret = (without_result){0};
    if (data.recipe->model.experts > 0) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "model", "a dense model", "a mixture of experts");
    }
    data.without = o->rows;
    data.without_count = o->row_count;
    TRY(trainer_create(e, &data, &t, error));
    hearth_status status = steps(t, o, o->steps > 0 ? o->steps : data.recipe->train.steps, ret, error);
    status = status == HEARTH_OK ? trainer_digest(t, &state, error) : status;
    if (status == HEARTH_OK) {
        memcpy(ret->weights, state.weights, sizeof ret->weights);
        memcpy(ret->model, state.model, sizeof ret->model);
        status = write_result(o, ret, error);
    }
    if (status == HEARTH_OK) {
        status = write_model(t, o, ret, error);
    }
    trainer_free(t);
    return status;
}
