/* Learning a tokenizer from a corpus. */
#include "corpus/learn.h"

typedef struct learn_job {
    learner *learner;
    uint64_t left; /* bytes; UINT64_MAX: all */
} learn_job;

static hearth_status add_document(void *context, const corpus_document *d, hearth_error *error)
{
    learn_job *job = context;
    if (d->held_out || job->left == 0) {
        return HEARTH_OK;
    }
    if (job->left != UINT64_MAX) {
        job->left -= d->length < job->left ? d->length : job->left;
    }
    return learner_add(job->learner, d->text, d->length, error);
}

hearth_status corpus_learn_add(const char *folder, uint64_t sample_bytes, learner *l, hearth_error *error)
{
    learn_job job = {.learner = l, .left = sample_bytes == 0 ? UINT64_MAX : sample_bytes};
    return corpus_each(folder, add_document, &job, error);
}

learn_options corpus_learn_options(const recipe_tokenizer *wanted)
{
    return (learn_options){.unigram = wanted->kind == TOKENIZER_LEARN_UNIGRAM,
                           .vocab_size = wanted->vocab_size,
                           .min_frequency = wanted->min_frequency,
                           .pretokenizer = wanted->pretokenizer,
                           .special = wanted->special,
                           .special_count = wanted->special_count};
}

hearth_status corpus_learn_tokenizer(const char *folder, const recipe_tokenizer *wanted, const corpus_options *options,
                                     char **ret_json, size_t *ret_length, learn_facts *ret_facts, hearth_error *error)
{
    learn_options how = corpus_learn_options(wanted);
    how.threads = options->threads < 1 ? 1 : options->threads;
    how.progress = options->progress;
    how.progress_context = options->progress_context;
    learner *l = NULL;
    TRY(learner_create(&how, &l, error));
    hearth_status status = corpus_learn_add(folder, wanted->sample_bytes, l, error);
    status = status != HEARTH_OK ? status : learner_finish(l, ret_json, ret_length, error);
    if (status == HEARTH_OK && ret_facts != NULL) {
        *ret_facts = learner_facts(l);
    }
    learner_free(l);
    return status;
}
