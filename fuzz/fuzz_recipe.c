/* A recipe.yaml: the YAML of it, the table of keys, its rules, and what is made of one that is taken: lines to compare,
 * a cost, a plan. */
#include "fuzz_input.h"

#include "base/memory.h"
#include "corpus/rules.h"
#include "recipe/cost.h"
#include "recipe/flat.h"
#include "recipe/recipe.h"

#include <assert.h>
#include <string.h>

static void sink_error(const hearth_error *error)
{
    char line[600];
    (void)hearth_error_line(error, line, sizeof line);
    assert(line[0] != '\0' && strchr(line, '\n') == NULL);
    fuzz_sink += (uint64_t)line[0];
}

/* A recipe is equal to itself, and each line of it says something. */
static void compare(const recipe *r)
{
    hearth_error error = {0};
    flat_recipe flat = {0};
    flat_change *changes = NULL;
    size_t count = 1;
    arena *a = arena_create(0);
    if (a != NULL && recipe_flatten(r, a, &flat, &error) == HEARTH_OK &&
        recipe_compare(&flat, &flat, a, &changes, &count, &error) == HEARTH_OK) {
        assert(count == 0 && flat.count > 0);
        for (size_t i = 0; i < flat.count; i++) {
            fuzz_sink += strlen(flat.lines[i].key) + strlen(flat.lines[i].value);
        }
    } else {
        assert(error.status == HEARTH_E_MEMORY);
    }
    arena_destroy(a);
}

static void find_cost(const recipe *r)
{
    recipe_cost cost;
    recipe_time time;
    recipe_find_cost(r, 0, &cost);
    recipe_find_time(r, &cost, 1e11, 1000, 1e9, &time);
    assert(cost.parameters > 0 && cost.flops > 0 && cost.bytes_memory > 0 && time.seconds > 0);
    assert(time.machines_used >= 1 && time.machines_used <= r->train.micro_batches);
}

static void check_rules(const recipe *r)
{
    hearth_error error = {0};
    if (rules_check(r, &error) != HEARTH_OK) {
        assert(strncmp(error.place, "line ", 5) == 0);
        sink_error(&error);
        return;
    }
    for (size_t i = 0; i < r->rule_count; i++) {
        const char *sha256 = NULL;
        const char *file = rule_file(&r->rules[i], &sha256);
        fuzz_sink += strlen(sha256) + (file != NULL ? strlen(file) : 0);
    }
}

/* What the rest of the program takes for granted of a recipe that was opened. */
static void check_promises(const recipe *r)
{
    const recipe_train *t = &r->train;
    assert(strlen(r->sha256) == 64 && strlen(r->text) <= r->text_length && r->version == 1 && r->contract == 1);
    assert(r->source_count > 0 && r->tokenizer.special_count > 0);
    assert(t->sequences % t->micro_batches == 0 && t->length <= r->model.context && t->warmup_steps <= t->steps);
    assert(r->model.heads % r->model.kv_heads == 0 && r->model.head_size % 2 == 0 && r->model.head_size > 0);
    for (size_t i = 0; i < r->source_count; i++) {
        const recipe_source *s = &r->sources[i];
        assert(s->name != NULL && s->kind < SOURCE_KINDS);
        assert((s->path != NULL) + (s->command != NULL) + (s->generator != NULL) == 1);
        for (size_t j = 0; j < s->pin_count; j++) {
            assert(strlen(s->pins[j].sha256) == 64 && s->pins[j].path != NULL);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    recipe *r = NULL;
    hearth_error error = {0};
    if (recipe_open(fuzz_file(0, data, size), &r, &error) != HEARTH_OK) {
        assert(r == NULL);
        sink_error(&error);
        return 0;
    }
    check_promises(r);
    check_rules(r);
    compare(r);
    find_cost(r);
    recipe_close(r);
    return 0;
}
