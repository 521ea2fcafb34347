/* The input is an index of one shard: nine files, each behind its length (2 bytes, little endian), in the order of
 * `names`; one of length 0xFFFF is absent. What is left is searched for, by bytes and by tokens, every answer
 * followed to its document, and the text traced as an answer. The tokenizer is the fuzzer's own. */
#include "fuzz_input.h"

#include "trace/attribute.h"
#include "trace/trace_overlap.h"
#include "trace/trace_spans.h"

#include <string.h>

static const char vocabulary[] =
    "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},\"decoder\":{\"type\":\"ByteLevel\"},"
    "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"<s>\":3},\"merges\":[[\"a\",\"b\"]]},"
    "\"added_tokens\":[{\"id\":3,\"content\":\"<s>\",\"special\":true}]}";

static const char *const names[] = {"index.json",   "00000.documents",    "00000.facts",
                                    "00000.text",   "00000.text.order",   "00000.text.keys",
                                    "00000.tokens", "00000.tokens.order", "00000.tokens.keys"};

static void put_files(const uint8_t **data, size_t *size)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const size_t stated = *size >= 2 ? (size_t)((*data)[0] | (*data)[1] << 8) : 0xFFFF;
        *data += *size >= 2 ? 2 : 0;
        *size -= *size >= 2 ? 2 : 0;
        const size_t length = stated < *size ? stated : *size;
        if (stated == 0xFFFF) {
            fuzz_folder_put(names[i], NULL, 0);
            continue;
        }
        fuzz_folder_put(names[i], *data, length);
        *data += length;
        *size -= length;
    }
}

static void follow(const trace_index *x, const trace_matches *m)
{
    trace_followings f = {0};
    for (uint64_t k = 0; k < m->count && k < 16; k++) {
        trace_place p = {0};
        trace_document d = {0};
        buffer text;
        token_list ids = {0};
        buffer_init(&text, 1 << 20);
        if (trace_match_place(x, m, k, &p, NULL) == HEARTH_OK) {
            if (trace_document_read(x, p.document, &d, NULL) == HEARTH_OK) {
                fuzz_sink += strlen(d.place) + strlen(d.licence) + d.bytes;
            }
            (void)trace_document_text(x, p.document, p.begin, p.begin + 20, &text, NULL);
            (void)trace_document_tokens(x, p.document, p.begin, p.begin + 20, &ids, NULL);
        }
        trace_document_free(&d);
        buffer_free(&text);
        token_list_free(&ids);
    }
    if (trace_next(x, m, &f, NULL) == HEARTH_OK) {
        fuzz_sink += f.count;
    }
    trace_followings_free(&f);
}

typedef hearth_status (*search_fn)(const trace_index *x, const trace_query *q, trace_matches *ret, hearth_error *error);

static void search(const trace_index *x, const trace_query *q)
{
    static const search_fn ways[] = {trace_find, trace_find_longest, trace_find_suffix};
    for (size_t i = 0; i < 3; i++) {
        trace_matches m = {0};
        if (ways[i](x, q, &m, NULL) == HEARTH_OK) {
            follow(x, &m);
        }
        trace_matches_free(&m);
    }
}

/* The text as an answer. */
static void attribute(const trace_index *x, const char *text, size_t length)
{
    const rank_text answer = {text, length}, question = {text, length / 2};
    attribution_options how = ATTRIBUTION_DEFAULTS;
    attribution found;
    how.spans.share = 1;
    how.documents = 3;
    how.context = 5;
    if (attribute_answer(x, &question, &answer, &how, &found, NULL) == HEARTH_OK) {
        fuzz_sink += found.span_count;
        json_decref(attribution_json(&found, x, &answer));
    }
    attribution_free(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    trace_index *x = NULL;
    hearth_error error;
    put_files(&data, &size);
    fuzz_folder_put("tokenizer.json", (const uint8_t *)vocabulary, sizeof vocabulary - 1);
    if (trace_index_open(fuzz_folder(), 1, &x, &error) != HEARTH_OK) {
        return 0;
    }
    int32_t ids[8];
    size_t count = 0;
    for (; count < 8 && count < size; count++) {
        ids[count] = data[count] % 6 - 1;
    }
    const size_t length = size < 64 ? size : 64;
    const trace_query bytes = trace_query_bytes((const char *)data, length), tokens = trace_query_tokens(ids, count);
    trace_overlap o = {0};
    trace_span_count spans[TRACE_SPANS_MOST];
    size_t found = 0;
    uint64_t least = 0;
    search(x, &bytes);
    search(x, &tokens);
    if (trace_overlap_find(x, (const char *)data, length, 2, &o, NULL) == HEARTH_OK) {
        fuzz_sink += o.covered;
    }
    trace_overlap_free(&o);
    if (trace_spans(x, 2, 8, spans, &found, &least, NULL) == HEARTH_OK) {
        fuzz_sink += found;
    }
    attribute(x, (const char *)data, length);
    (void)trace_index_verify(x, NULL);
    trace_index_close(x);
    return 0;
}
