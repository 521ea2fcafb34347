/* A tokenizer out of a corpus: of its documents for training, and of no others. */
#include "corpus_support.h"

#include "base/memory.h"
#include "corpus/learn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DOCUMENTS 60

static const char *const special[] = {"<|end|>"};

typedef struct chosen {
    learner *learner;
    uint64_t left;
    size_t taken, held_out;
} chosen;

static void good(hearth_status status, const hearth_error *error)
{
    char line[512];
    if (status != HEARTH_OK) {
        fail_msg("%s", hearth_error_line(error, line, sizeof line));
    }
}

static hearth_status choose(void *context, const corpus_document *d, hearth_error *error)
{
    chosen *c = context;
    c->held_out += d->held_out ? 1 : 0;
    if (d->held_out || c->left == 0) {
        return HEARTH_OK;
    }
    c->taken++;
    c->left = d->length < c->left ? c->left - d->length : 0;
    return learner_add(c->learner, d->text, d->length, error);
}

static void check(const recipe_tokenizer *wanted, size_t least, size_t most)
{
    const learn_options how = {.unigram = wanted->kind == TOKENIZER_LEARN_UNIGRAM,
                               .vocab_size = wanted->vocab_size,
                               .min_frequency = wanted->min_frequency,
                               .pretokenizer = wanted->pretokenizer,
                               .special = wanted->special,
                               .special_count = wanted->special_count,
                               .threads = 1};
    hearth_error error = {0};
    chosen c = {.left = wanted->sample_bytes == 0 ? UINT64_MAX : wanted->sample_bytes};
    char *expected = NULL, *made = NULL;
    size_t expected_length = 0, made_length = 0;
    learn_facts facts = {0};
    good(learner_create(&how, &c.learner, &error), &error);
    good(corpus_each(place("corpus"), choose, &c, &error), &error);
    good(learner_finish(c.learner, &expected, &expected_length, &error), &error);
    assert_true(c.held_out > 0 && c.taken >= least && c.taken <= most);
    good(corpus_learn_tokenizer(place("corpus"), wanted, &(corpus_options){.threads = 3}, &made, &made_length, &facts,
                                &error),
         &error);
    assert_string_equal(made, expected);
    assert_int_equal(made_length, expected_length);
    assert_int_equal(facts.bytes, learner_facts(c.learner).bytes);
    learner_free(c.learner);
    mem_free(expected);
    mem_free(made);
}

static void tokenizers_come_of_documents_for_training(void **state)
{
    (void)state;
    buffer lines;
    buffer_init(&lines, 0);
    for (int i = 0; i < DOCUMENTS; i++) {
        good(buffer_printf(&lines, NULL, "{\"text\": \"the %d words of document %d are these words, these %d\"}\n",
                           i * i, i, i % 7),
             NULL);
    }
    place_write("texts.jsonl", lines.data);
    const recipe_source source = {.name = "s", .kind = SOURCE_JSONL, .path = "texts.jsonl"};
    recipe r = make_recipe(&source, 1, NULL, 0);
    r.held_out = 0.3;
    (void)must_build(&r, "corpus", 2);
    recipe_tokenizer wanted = {.kind = TOKENIZER_LEARN_BPE,
                               .vocab_size = 300,
                               .pretokenizer = "gpt-2",
                               .special = special,
                               .special_count = 1,
                               .min_frequency = 2};
    check(&wanted, DOCUMENTS / 2, DOCUMENTS - 1);
    wanted.sample_bytes = 200;
    check(&wanted, 4, 5);
    wanted.kind = TOKENIZER_LEARN_UNIGRAM;
    wanted.sample_bytes = 0;
    check(&wanted, DOCUMENTS / 2, DOCUMENTS - 1);
    hearth_error error = {0};
    char *made = NULL;
    size_t length = 0;
    wanted.vocab_size = 100;
    assert_int_equal(
        corpus_learn_tokenizer(place("corpus"), &wanted, &(corpus_options){0}, &made, &length, NULL, &error),
        HEARTH_E_ARGUMENT);
    wanted.vocab_size = 300;
    assert_int_not_equal(
        corpus_learn_tokenizer(place("nothing"), &wanted, &(corpus_options){0}, &made, &length, NULL, &error),
        HEARTH_OK);
    assert_null(made);
    buffer_free(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tokenizers_come_of_documents_for_training)};
    return cmocka_run_group_tests(tests, place_make, place_remove);
}
