/* What hearth openness reads of strangers: a card with its metadata, a description, a licence's text, a manifest. The
 * first byte says which. What was read is judged and written as JSON and as a page. */
#include "fuzz_input.h"

#include "base/memory.h"
#include "openness/card_front.h"
#include "openness/card_manifest.h"
#include "openness/verdict.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static void sink_error(const hearth_error *error)
{
    char line[1200];
    (void)hearth_error_line(error, line, sizeof line);
    assert(line[0] != '\0' && strchr(line, '\n') == NULL);
    fuzz_sink += (uint64_t)line[0];
}

static void read_card(const char *text, size_t length)
{
    hearth_error error = {0};
    card_front front;
    arena *a = arena_create(0);
    if (a == NULL) {
        return;
    }
    if (card_front_read(text, length, "README.md", a, &front, &error) != HEARTH_OK) {
        sink_error(&error);
    } else {
        assert(front.body >= text && front.body <= text + length);
        fuzz_sink += card_heading(&front, "data|evaluation") + card_phrase(&front, "open source|open-source");
        const yaml_node *value = NULL;
        for (size_t i = 0; (value = card_value(front.metadata, "license", i)) != NULL; i++) {
            licence_verdict v;
            assert(licence_judge(value->text, a, &v, &error) == HEARTH_OK);
            fuzz_sink += (uint64_t)licence_narrowness(&v);
        }
    }
    arena_destroy(a);
}

/* Every point has an answer and a reason, and the verdict is one of three words. */
static void judge(const subject *s)
{
    hearth_error error = {0};
    json_t *verdict = NULL;
    buffer page = {0};
    if (verdict_make(s, &verdict, &error) != HEARTH_OK) {
        return;
    }
    const char *word = json_string_value(json_object_get(verdict, "verdict"));
    assert(strcmp(word, "open source") == 0 || strcmp(word, "open weights") == 0 || strcmp(word, "closed terms") == 0);
    assert(strlen(json_string_value(json_object_get(verdict, "reason"))) > 0);
    if (verdict_html(verdict, &page, &error) == HEARTH_OK) {
        assert(strstr(buffer_text(&page), "<script") == NULL);
    }
    buffer_free(&page);
    json_decref(verdict);
}

static void read_description(const char *text, size_t length)
{
    hearth_error error = {0};
    subject *s = NULL;
    const subject_options o = {.flop = NAN};
    if (subject_create("/nowhere/description.yml", &o, &s, &error) != HEARTH_OK) {
        return;
    }
    hearth_status status = subject_parse_description(s, text, length, &error);
    for (size_t i = 0; i < COMPONENT_KINDS && status == HEARTH_OK; i++) {
        status = subject_conclude(s, &s->components[i], &error);
    }
    if (status == HEARTH_OK) {
        judge(s);
    } else {
        sink_error(&error);
    }
    subject_close(s);
}

static void read_licence(const char *text, size_t length)
{
    licence_text found;
    if (licence_recognise(text, length, &found, NULL) == HEARTH_OK) {
        assert(found.id == NULL || found.near == NULL);
        assert(found.id == NULL || licence_find(found.id) != NULL);
        assert(found.share >= 0.0 && found.share <= 1.0 && found.code_count < sizeof found.codes);
        fuzz_sink += found.code_count;
    }
}

static void read_manifest(const char *text, size_t length)
{
    hearth_error error = {0};
    manifest_sum sum = {0};
    if (manifest_sum_read(fuzz_file(0, (const uint8_t *)text, length), &sum, &error) == HEARTH_OK) {
        assert(sum.kept <= sum.documents && sum.held_out <= sum.kept);
        json_t *rows = manifest_sum_rows(sum.places);
        fuzz_sink += json_array_size(rows);
        json_decref(rows);
    } else {
        sink_error(&error);
    }
    manifest_sum_free(&sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(const char *text, size_t length) = {read_card, read_description, read_licence,
                                                                       read_manifest};
    if (size == 0) {
        return 0;
    }
    char *text = mem_alloc(size); /* terminated, as files are when they are read */
    if (text != NULL) {
        memcpy(text, data + 1, size - 1);
        text[size - 1] = '\0';
        readers[data[0] % 4](text, size - 1);
    }
    mem_free(text);
    return 0;
}
