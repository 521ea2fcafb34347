/* From an answer to documents. */
#include "trace/attribute.h"

#include "base/memory.h"
#include "base/random.h"
#include "kernels/kernels.h"

#include <stdlib.h>
#include <string.h>

#define UNSEEN (-10000.0) /* logarithm of the probability of a unit that the corpus lacks */
#define DRAWS 8u          /* for each document that is wanted, at most */

typedef struct attributing {
    const trace_index *x;
    const attribution_options *o;
    const rank_text *answer;
    trace_unit unit;
    token_list ids;   /* of the answer, by tokens */
    span_unit *units; /* [count] */
    size_t count;
    size_t bytes; /* of texts so far */
    attribution *ret;
} attributing;

/* ---- the answer in units ---- */

/* Tokens, and where each ends; *ret_fits false where their texts are not the answer's bytes. */
static hearth_status cut_tokens(attributing *a, bool *ret_fits, hearth_error *error)
{
    const tokenizer *t = trace_index_tokenizer(a->x);
    buffer piece;
    size_t end = 0;
    TRY(tokenizer_encode(t, a->answer->text, a->answer->length, 0, &a->ids, error));
    a->units = mem_calloc(a->ids.count + 1, sizeof *a->units);
    if (a->units == NULL) {
        return error_memory(error, a->ids.count * sizeof *a->units);
    }
    buffer_init(&piece, 0);
    hearth_status status = HEARTH_OK;
    bool same = true;
    for (size_t i = 0; status == HEARTH_OK && same && i < a->ids.count; i++) {
        buffer_clear(&piece);
        status = tokenizer_piece(t, a->ids.ids[i], DECODE_PLAIN, &piece, error);
        same = piece.length <= a->answer->length - end &&
               (piece.length == 0 || memcmp(piece.data, a->answer->text + end, piece.length) == 0);
        end += piece.length;
        a->units[i].end = end;
    }
    *ret_fits = same && end == a->answer->length;
    buffer_free(&piece);
    a->count = a->ids.count;
    return status;
}

static hearth_status cut_bytes(attributing *a, hearth_error *error)
{
    a->unit = TRACE_BYTES;
    a->count = a->answer->length;
    mem_free(a->units);
    a->units = mem_calloc(a->count + 1, sizeof *a->units);
    if (a->units == NULL) {
        return error_memory(error, a->count * sizeof *a->units);
    }
    for (size_t i = 0; i < a->count; i++) {
        a->units[i].end = i + 1;
    }
    return HEARTH_OK;
}

static trace_query query_of(const attributing *a, size_t begin, size_t end)
{
    return a->unit == TRACE_TOKENS ? trace_query_tokens(a->ids.ids + begin, end - begin)
                                   : trace_query_bytes(a->answer->text + begin, end - begin);
}

static hearth_status weigh(attributing *a, hearth_error *error)
{
    const trace_facts *facts = trace_index_facts(a->x);
    const double all = (double)(a->unit == TRACE_TOKENS ? facts->tokens : facts->bytes);
    for (size_t i = 0; i < a->count; i++) {
        const trace_query one = query_of(a, i, i + 1);
        uint64_t count = 0;
        TRY(trace_count(a->x, &one, &count, error));
        a->units[i].log_probability = count > 0 && all > 0 ? math64_log((double)count / all) : UNSEEN;
    }
    return HEARTH_OK;
}

static hearth_status cut_answer(attributing *a, hearth_error *error)
{
    const trace_facts *facts = trace_index_facts(a->x);
    bool fits = false;
    if (facts->has[TRACE_TOKENS] && trace_index_tokenizer(a->x) != NULL) {
        TRY(cut_tokens(a, &fits, error));
    }
    if (!fits) {
        if (!facts->has[TRACE_BYTES]) {
            return error_set(error, HEARTH_E_UNSUPPORTED, "answer", "a text that the index's tokenizer writes back",
                             "another, and the index has no bytes");
        }
        TRY(cut_bytes(a, error));
    }
    span_units_mark(a->answer->text, a->units, a->count);
    return weigh(a, error);
}

/* ---- spans ---- */

/* No span passes its first delimiter: to look further would make a long answer's time grow with its square. */
static hearth_status longest(void *context, size_t begin, size_t *ret_units, hearth_error *error)
{
    const attributing *a = context;
    size_t end = begin;
    while (end < a->count && !a->units[end].delimits) {
        end++;
    }
    const trace_query rest = query_of(a, begin, end + (end < a->count));
    trace_matches m = {0};
    TRY(trace_find_longest(a->x, &rest, &m, error));
    *ret_units = m.length;
    trace_matches_free(&m);
    return HEARTH_OK;
}

static hearth_status count_of(void *context, size_t begin, size_t end, uint64_t *ret, hearth_error *error)
{
    const attributing *a = context;
    const trace_query q = query_of(a, begin, end);
    return trace_count(a->x, &q, ret, error);
}

static size_t words_of(const attributing *a)
{
    size_t words = 0;
    for (size_t i = 0; i < a->count; i++) {
        words += a->units[i].begins_word;
    }
    return words;
}

/* ---- documents ---- */

static hearth_status add_units(const attributing *a, uint64_t number, uint64_t begin, uint64_t end, buffer *out,
                               hearth_error *error)
{
    return trace_document_units(a->x, a->unit, number, begin, end, DECODE_PLAIN, out, error);
}

static hearth_status read_document(const attributing *a, const trace_place *p, size_t length, attributed_document *d,
                                   hearth_error *error)
{
    const uint64_t context = a->o->context;
    const uint64_t from = p->begin > context ? p->begin - context : 0;
    d->begin = p->begin;
    TRY(trace_document_read(a->x, p->document, &d->document, error));
    TRY(add_units(a, p->document, from, p->begin, &d->text, error));
    d->match = d->text.length;
    TRY(add_units(a, p->document, p->begin, p->begin + length, &d->text, error));
    d->after = d->text.length;
    return add_units(a, p->document, p->begin + length, p->begin + length + context, &d->text, error);
}

/* Place `draw` of those that are looked at: each, or where there are too many one that is drawn. */
static uint64_t place_of(const attributing *a, size_t span, uint64_t count, uint64_t draw)
{
    if (count <= a->o->documents) {
        return draw;
    }
    uint32_t words[4];
    random_philox(a->o->seed, RANDOM_TRACE, span, draw, words);
    return ((uint64_t)words[0] << 32 | words[1]) % count;
}

static bool has_document(const attributed_span *s, uint64_t number)
{
    for (size_t i = 0; i < s->document_count; i++) {
        if (s->documents[i].document.number == number) {
            return true;
        }
    }
    return false;
}

static hearth_status take_documents(attributing *a, size_t index, const trace_matches *m, hearth_error *error)
{
    attributed_span *s = &a->ret->spans[index];
    const size_t wanted = m->count < a->o->documents ? (size_t)m->count : a->o->documents;
    const uint64_t draws = m->count <= a->o->documents ? m->count : DRAWS * (uint64_t)wanted;
    s->documents = mem_calloc(wanted + 1, sizeof *s->documents);
    if (s->documents == NULL) {
        return error_memory(error, wanted * sizeof *s->documents);
    }
    for (uint64_t draw = 0; draw < draws && s->document_count < wanted; draw++) {
        trace_place place;
        TRY(trace_match_place(a->x, m, place_of(a, index, m->count, draw), &place, error));
        if (!has_document(s, place.document)) {
            attributed_document *d = &s->documents[s->document_count++];
            buffer_init(&d->text, 0);
            TRY(read_document(a, &place, m->length, d, error));
            a->bytes += d->text.length;
            if (a->bytes > ATTRIBUTION_MOST_TEXTS) {
                return error_set(error, HEARTH_E_LIMIT, "documents", NULL,
                                 "more than %zu bytes of text around matches: ask for fewer, or for less around them",
                                 ATTRIBUTION_MOST_TEXTS);
            }
        }
    }
    return HEARTH_OK;
}

static hearth_status take_span(attributing *a, const answer_span *found, hearth_error *error)
{
    const trace_query q = query_of(a, found->begin, found->end);
    const size_t index = a->ret->span_count++;
    trace_matches m = {0};
    a->ret->spans[index] = (attributed_span){.begin = found->begin > 0 ? a->units[found->begin - 1].end : 0,
                                             .end = a->units[found->end - 1].end,
                                             .units = found->end - found->begin,
                                             .count = found->count,
                                             .log_probability = found->log_probability};
    TRY(trace_find(a->x, &q, &m, error));
    const hearth_status status = take_documents(a, index, &m, error);
    trace_matches_free(&m);
    return status;
}

static hearth_status take_spans(attributing *a, hearth_error *error)
{
    const answer_spans_corpus corpus = {longest, count_of, a};
    answer_spans_options how = a->o->spans;
    answer_span *found = NULL;
    size_t count = 0;
    how.length = a->unit == TRACE_TOKENS ? a->count : words_of(a);
    TRY(answer_spans_find(a->units, a->count, &how, &corpus, &found, &count, error));
    a->ret->spans = mem_calloc(count + 1, sizeof *a->ret->spans);
    hearth_status status = a->ret->spans != NULL ? HEARTH_OK : error_memory(error, count * sizeof *a->ret->spans);
    for (size_t i = 0; status == HEARTH_OK && i < count; i++) {
        status = take_span(a, &found[i], error);
    }
    mem_free(found);
    return status;
}

/* ---- ranking ---- */

static int best_first(const void *a, const void *b)
{
    const attributed_document *x = a, *y = b;
    if (x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    return (x->document.number > y->document.number) - (x->document.number < y->document.number);
}

static size_t characters_of(const rank_text *t)
{
    size_t characters = 0;
    for (size_t i = 0; i < t->length; i++) {
        characters += ((unsigned char)t->text[i] & 0xC0) != 0x80;
    }
    return characters;
}

static void give_scores(attributing *a, const double *scores)
{
    const size_t characters = characters_of(a->answer);
    for (size_t i = 0; i < a->ret->span_count; i++) {
        attributed_span *s = &a->ret->spans[i];
        for (size_t j = 0; j < s->document_count; j++) {
            s->documents[j].score = *scores++;
            s->documents[j].level = rank_level_of(&a->o->levels, s->documents[j].score, characters);
        }
        if (s->document_count > 0) {
            qsort(s->documents, s->document_count, sizeof *s->documents, best_first);
            s->level = s->documents[0].level;
        }
    }
}

static hearth_status rank_documents(attributing *a, const rank_text *prompt, hearth_error *error)
{
    size_t all = 0, at = 0;
    buffer query;
    for (size_t i = 0; i < a->ret->span_count; i++) {
        all += a->ret->spans[i].document_count;
    }
    rank_text *texts = mem_calloc(all + 1, sizeof *texts);
    double *scores = mem_calloc(all + 1, sizeof *scores);
    buffer_init(&query, 0);
    hearth_status status = texts == NULL || scores == NULL ? error_memory(error, all * sizeof *texts) : HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < a->ret->span_count; i++) {
        for (size_t j = 0; j < a->ret->spans[i].document_count; j++) {
            const buffer *text = &a->ret->spans[i].documents[j].text;
            texts[at++] = (rank_text){buffer_text(text), text->length};
        }
    }
    status = status == HEARTH_OK ? buffer_append(&query, prompt->text, prompt->length, error) : status;
    status = status == HEARTH_OK ? buffer_append_char(&query, '\n', error) : status;
    status = status == HEARTH_OK ? buffer_append(&query, a->answer->text, a->answer->length, error) : status;
    const rank_text both = {buffer_text(&query), query.length};
    status = status == HEARTH_OK ? rank_bm25(texts, all, &both, scores, error) : status;
    if (status == HEARTH_OK) {
        give_scores(a, scores);
    }
    buffer_free(&query);
    mem_free(texts);
    mem_free(scores);
    return status;
}

/* ---- all of it ---- */

hearth_status attribute_answer(const trace_index *x, const rank_text *prompt, const rank_text *answer,
                               const attribution_options *o, attribution *ret, hearth_error *error)
{
    attributing a = {.x = x, .o = o, .answer = answer, .unit = TRACE_TOKENS, .ret = ret};
    *ret = (attribution){0};
    if (answer->length > ATTRIBUTION_MOST_ANSWER) {
        return error_set(error, HEARTH_E_LIMIT, "answer", NULL, "%zu bytes, at most %zu", answer->length,
                         ATTRIBUTION_MOST_ANSWER);
    }
    hearth_status status = cut_answer(&a, error);
    ret->unit = a.unit;
    ret->units = a.count;
    status = status == HEARTH_OK ? take_spans(&a, error) : status;
    status = status == HEARTH_OK ? rank_documents(&a, prompt, error) : status;
    token_list_free(&a.ids);
    mem_free(a.units);
    if (status != HEARTH_OK) {
        attribution_free(ret);
    }
    return status;
}

void attribution_free(attribution *a)
{
    for (size_t i = 0; i < a->span_count; i++) {
        for (size_t j = 0; j < a->spans[i].document_count; j++) {
            trace_document_free(&a->spans[i].documents[j].document);
            buffer_free(&a->spans[i].documents[j].text);
        }
        mem_free(a->spans[i].documents);
    }
    mem_free(a->spans);
    *a = (attribution){0};
}

/* ---- for programs ---- */

static json_t *put_text(json_t *object, const char *name, const char *text)
{
    return json_door_put(object, name, text[0] != '\0' ? json_door_string(text) : json_null());
}

static json_t *document_json(const attributed_document *d)
{
    const char *text = buffer_text(&d->text);
    json_t *made = json_door_put(json_object(), "document", json_integer((json_int_t)d->document.number));
    made = json_door_put(made, "row", d->document.row > 0 ? json_integer((json_int_t)d->document.row) : json_null());
    made = put_text(made, "id", d->document.id);
    made = put_text(made, "source", d->document.source);
    made = put_text(made, "place", d->document.place);
    made = put_text(made, "licence", d->document.licence);
    made = put_text(made, "evidence", d->document.evidence);
    made = json_door_put(made, "held_out", json_boolean(d->document.held_out));
    made = json_door_put(made, "begin", json_integer((json_int_t)d->begin));
    made = json_door_put(made, "score", json_door_number(d->score));
    made = json_door_put(made, "relevance", json_string(rank_level_name(d->level)));
    made = json_door_put(made, "before", json_door_text(text, d->match));
    made = json_door_put(made, "match", json_door_text(text + d->match, d->after - d->match));
    return json_door_put(made, "after", json_door_text(text + d->after, d->text.length - d->after));
}

static json_t *span_json(const attributed_span *s, const rank_text *answer)
{
    json_t *documents = json_array();
    for (size_t i = 0; i < s->document_count; i++) {
        documents = json_door_append(documents, document_json(&s->documents[i]));
    }
    json_t *made = json_door_put(json_object(), "begin", json_integer((json_int_t)s->begin));
    made = json_door_put(made, "end", json_integer((json_int_t)s->end));
    made = json_door_put(made, "text", json_door_text(answer->text + s->begin, s->end - s->begin));
    made = json_door_put(made, "units", json_integer((json_int_t)s->units));
    made = json_door_put(made, "count", json_integer((json_int_t)s->count));
    made = json_door_put(made, "log_probability", json_door_number(s->log_probability));
    made = json_door_put(made, "relevance", json_string(rank_level_name(s->level)));
    return json_door_put(made, "documents", documents);
}

json_t *attribution_json(const attribution *a, const trace_index *x, const rank_text *answer)
{
    const trace_facts *facts = trace_index_facts(x);
    json_t *spans = json_array();
    for (size_t i = 0; i < a->span_count; i++) {
        spans = json_door_append(spans, span_json(&a->spans[i], answer));
    }
    json_t *index = put_text(json_object(), "corpus", facts->name);
    index = put_text(index, "corpus_sha256", facts->corpus_sha256);
    index = put_text(index, "sha256", facts->sha256);
    index = json_door_put(index, "documents", json_integer((json_int_t)facts->documents));
    json_t *made = json_door_put(json_object(), "index", index);
    made = json_door_put(made, "unit", json_string(trace_unit_names[a->unit]));
    made = json_door_put(made, "units", json_integer((json_int_t)a->units));
    return json_door_put(made, "spans", spans);
}
