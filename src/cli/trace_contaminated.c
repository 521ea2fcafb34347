/* hearth trace contaminated: the items of an evaluation that stand in an index. */
#include "cli/trace_contaminated.h"
#include "cli/confine.h"
#include "cli/trace_command.h"

#include "base/json.h"
#include "indexing/suite.h"
#include "trace/trace_overlap.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_BYTES 400u /* of a piece */

typedef struct counting {
    const trace_index *x;
    size_t least;
    terminal_progress *bar;
    uint64_t items, whole, part, short_ones;
    json_t *found;
} counting;

/* The text of an item that most of stands there. */
typedef struct worst {
    const suite_text *text; /* NULL: none was long enough */
    trace_overlap overlap;
} worst;

static double share_of(const worst *w)
{
    return (double)w->overlap.covered / (double)w->text->length;
}

static hearth_status find_worst(const counting *g, const suite_item *item, worst *ret, hearth_error *error)
{
    for (size_t i = 0; i < item->count; i++) {
        worst now = {.text = &item->texts[i]};
        if (now.text->length < g->least) {
            continue;
        }
        TRY(trace_overlap_find(g->x, now.text->text, now.text->length, g->least, &now.overlap, error));
        if (ret->text == NULL || share_of(&now) > share_of(ret)) {
            const worst before = *ret;
            *ret = now;
            now = before;
        }
        trace_overlap_free(&now.overlap);
    }
    return HEARTH_OK;
}

static hearth_status note(counting *g, const suite_item *item, const worst *w, hearth_error *error)
{
    trace_place p = {0};
    trace_document d = {0};
    const trace_matches *m = &w->overlap.longest;
    TRY(trace_match_place(g->x, m, 0, &p, error));
    TRY(trace_document_read(g->x, p.document, &d, error));
    const size_t shown = m->length < SHOWN_BYTES ? m->length : SHOWN_BYTES;
    json_t *row = json_pack(
        "{s:I, s:s, s:I, s:I, s:o, s:I, s:I, s:I, s:s, s:s, s:s, s:s}", "line", (json_int_t)item->line, "key",
        w->text->key, "bytes", (json_int_t)w->text->length, "covered", (json_int_t)w->overlap.covered, "share",
        json_door_number(share_of(w)), "longest", (json_int_t)m->length, "places", (json_int_t)m->count, "document",
        (json_int_t)d.number, "id", d.id, "source", d.source, "place", d.place, "licence", d.licence);
    row = json_door_put(row, "file", json_door_string(item->file));
    row = json_door_put(row, "text", json_door_text(w->text->text + w->overlap.begin, shown));
    trace_document_free(&d);
    g->found = json_door_append(g->found, row);
    return g->found != NULL ? HEARTH_OK : error_memory(error, 1024);
}

static hearth_status take(void *context, const suite_item *item, hearth_error *error)
{
    counting *g = context;
    worst w = {0};
    g->items++;
    hearth_status status = find_worst(g, item, &w, error);
    if (status == HEARTH_OK && w.text == NULL) {
        g->short_ones++;
    } else if (status == HEARTH_OK && w.overlap.covered > 0) {
        *(w.overlap.longest.length == w.text->length ? &g->whole : &g->part) += 1;
        status = note(g, item, &w, error);
    }
    trace_overlap_free(&w.overlap);
    if (status == HEARTH_OK && !terminal_progress_step(g->bar, "look for", g->items, 0, "items")) {
        status =
            error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "stopped after %llu items", (unsigned long long)g->items);
    }
    return status;
}

hearth_status trace_contaminated(const trace_index *x, const char *suite, size_t least, terminal_progress *bar,
                                 json_t **ret, hearth_error *error)
{
    counting g = {.x = x, .least = least, .bar = bar, .found = json_array()};
    const hearth_status status = suite_each(suite, take, &g, error);
    terminal_progress_end(bar);
    if (status != HEARTH_OK) {
        json_decref(g.found);
        return status;
    }
    json_t *made =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "items", (json_int_t)g.items, "whole", (json_int_t)g.whole, "part",
                  (json_int_t)g.part, "clean", (json_int_t)(g.items - g.whole - g.part - g.short_ones), "short",
                  (json_int_t)g.short_ones, "least", (json_int_t)least);
    *ret = json_door_put(made, "found", g.found);
    return *ret != NULL ? HEARTH_OK : error_memory(error, 1024);
}

/* ---- the verb ---- */

static long long number(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static void print_text(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));
    (void)terminal_write_text(text, strlen(text), NULL);
}

static void print_row(const json_t *row)
{
    print_text(row, "file");
    printf(":%lld  ", number(row, "line"));
    print_text(row, "key");
    printf("  %.0f%% of %lld bytes, %lld in one piece, at %lld place%s: ",
           100 * json_number_value(json_object_get(row, "share")), number(row, "bytes"), number(row, "longest"),
           number(row, "places"), number(row, "places") == 1 ? "" : "s");
    print_text(row, "source");
    fputs("  ", stdout);
    print_text(row, "place");
    fputs("  ", stdout);
    print_text(row, "licence");
    putchar('\n');
}

static void print_all(const cli *c, const trace_settings *s, const json_t *made)
{
    size_t i = 0;
    const json_t *row = NULL;
    printf(
        "%lld item%s: %lld with a text that stands there whole, %lld with pieces of %lld bytes or more, %lld without, "
        "%lld too short to tell\n",
        number(made, "items"), number(made, "items") == 1 ? "" : "s", number(made, "whole"), number(made, "part"),
        number(made, "least"), number(made, "clean"), number(made, "short"));
    const json_t *found = json_object_get(made, "found");
    json_array_foreach((json_t *)(uintptr_t)found, i, row)
    {
        if (i < s->most) {
            print_row(row);
        }
    }
    if (i > s->most) {
        cli_note(c, "%zu more; --most N shows more of them, --json all", i - s->most);
    }
}

hearth_status trace_verb_contaminated(const cli *c, const trace_settings *s, const char **operands, size_t count,
                                      int *ret_code, hearth_error *error)
{
    trace_index *x = NULL;
    json_t *made = NULL;
    terminal_progress bar = {.quiet = c->quiet};
    (void)count;
    TRY(trace_open(c, operands[0], (const char *const[]){operands[1], NULL}, NULL, &x, error));
    const hearth_status status = trace_contaminated(x, operands[1], s->least, &bar, &made, error);
    trace_index_close(x);
    TRY(status);
    if (c->json) {
        *ret_code = cli_print_json(c, made);
        return HEARTH_OK;
    }
    print_all(c, s, made);
    json_decref(made);
    return HEARTH_OK;
}
