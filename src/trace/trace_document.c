/* Documents of an index: facts, text, tokens. */
#include "trace/trace_state.h"

#include "base/json.h"

hearth_status trace_shard_of(const trace_index *x, uint64_t number, const trace_shard **ret, uint64_t *ret_document,
                             hearth_error *error)
{
    for (size_t i = 0; i < x->facts.shards; i++) {
        const trace_shard *s = &x->shards[i];
        if (number >= s->first && number - s->first < s->documents) {
            *ret = s;
            *ret_document = number - s->first;
            return HEARTH_OK;
        }
    }
    return error_set(error, HEARTH_E_ARGUMENT, "document", "one of the index", "%llu", (unsigned long long)number);
}

hearth_status trace_document_read(const trace_index *x, uint64_t number, trace_document *ret, hearth_error *error)
{
    const trace_shard *s = NULL;
    uint64_t at = 0;
    const char *line = NULL;
    size_t length = 0;
    json_t *facts = NULL;
    trace_span bytes = {0}, tokens = {0};
    TRY(trace_shard_of(x, number, &s, &at, error));
    TRY(trace_shard_span(s, TRACE_BYTES, at, &bytes, error));
    if (x->tokenizer != NULL) {
        TRY(trace_shard_span(s, TRACE_TOKENS, at, &tokens, error));
    }
    TRY(trace_shard_facts(s, at, &line, &length, error));
    TRY(json_door_parse(line, length, s->files[TRACE_FILE_FACTS].path, &facts, error));
    const json_int_t row = json_integer_value(json_object_get(facts, "row"));
    *ret = (trace_document){.number = number,
                            .shard = (size_t)(s - x->shards),
                            .row = row > 0 ? (uint64_t)row : 0,
                            .id = trace_text_of(facts, "id"),
                            .source = trace_text_of(facts, "source"),
                            .place = trace_text_of(facts, "place"),
                            .licence = trace_text_of(facts, "licence"),
                            .evidence = trace_text_of(facts, "evidence"),
                            .language = trace_text_of(facts, "language"),
                            .held_out = json_is_true(json_object_get(facts, "held_out")),
                            .bytes = bytes.end - bytes.begin,
                            .tokens = tokens.end - tokens.begin,
                            .memory = facts};
    return HEARTH_OK;
}

void trace_document_free(trace_document *d)
{
    json_decref(d->memory);
    *d = (trace_document){0};
}

/* What of [begin, end) a document has, in the shard's file. */
static hearth_status part_of(const trace_index *x, trace_unit unit, uint64_t number, uint64_t begin, uint64_t end,
                             const trace_shard **ret_shard, trace_span *ret, hearth_error *error)
{
    uint64_t at = 0;
    trace_span span = {0};
    TRY(trace_shard_of(x, number, ret_shard, &at, error));
    TRY(trace_shard_span(*ret_shard, unit, at, &span, error));
    const uint64_t length = span.end - span.begin;
    end = end < length ? end : length;
    begin = begin < end ? begin : end;
    *ret = (trace_span){.begin = span.begin + begin, .end = span.begin + end};
    return HEARTH_OK;
}

hearth_status trace_document_text(const trace_index *x, uint64_t number, uint64_t begin, uint64_t end, buffer *out,
                                  hearth_error *error)
{
    const trace_shard *s = NULL;
    trace_span part = {0};
    TRY(part_of(x, TRACE_BYTES, number, begin, end, &s, &part, error));
    return buffer_append(out, s->files[TRACE_FILE_TEXT].data + part.begin, (size_t)(part.end - part.begin), error);
}

hearth_status trace_document_tokens(const trace_index *x, uint64_t number, uint64_t begin, uint64_t end,
                                    token_list *out, hearth_error *error)
{
    const trace_shard *s = NULL;
    trace_span part = {0};
    if (x->tokenizer == NULL) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "tokens", "an index with a tokenizer", "one by bytes alone");
    }
    TRY(part_of(x, TRACE_TOKENS, number, begin, end, &s, &part, error));
    const trace_array *a = &s->arrays[TRACE_TOKENS];
    const size_t vocabulary = tokenizer_vocabulary_size(x->tokenizer);
    for (uint64_t i = part.begin; i < part.end; i++) {
        const uint32_t id = trace_get_unit(a->units->data + i * a->width, a->width);
        if (id >= vocabulary) {
            return trace_damaged(a->units, "a token", "one of the vocabulary", id, error);
        }
        TRY(token_list_append(out, (int32_t)id, error));
    }
    return HEARTH_OK;
}

hearth_status trace_document_units(const trace_index *x, trace_unit unit, uint64_t number, uint64_t begin, uint64_t end,
                                   unsigned decode, buffer *out, hearth_error *error)
{
    if (unit == TRACE_BYTES) {
        return trace_document_text(x, number, begin, end, out, error);
    }
    token_list ids = {0};
    hearth_status status = trace_document_tokens(x, number, begin, end, &ids, error);
    for (size_t i = 0; status == HEARTH_OK && i < ids.count; i++) {
        status = tokenizer_piece(x->tokenizer, ids.ids[i], decode, out, error);
    }
    token_list_free(&ids);
    return status;
}
