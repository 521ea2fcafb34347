/* The parts of a verdict that a whole program does not show apart: expressions, texts, counts, cards. */
#include "openness/card_front.h"
#include "openness/verdict.h"

#include "base/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static licence_class class_of(const char *expression)
{
    arena *a = arena_create(0);
    licence_verdict v;
    assert_int_equal(licence_judge(expression, a, &v, NULL), HEARTH_OK);
    arena_destroy(a);
    return v.verdict;
}

static void expressions(void **state)
{
    (void)state;
    assert_int_equal(class_of("MIT"), LICENCE_OPEN);
    assert_int_equal(class_of("mit"), LICENCE_OPEN);
    assert_int_equal(class_of("MIT OR BUSL-1.1"), LICENCE_OPEN);
    assert_int_equal(class_of("MIT AND BUSL-1.1"), LICENCE_CLOSED);
    assert_int_equal(class_of("(GPL-2.0-or-later WITH Bison-exception-2.2) AND (MIT OR llama2)"), LICENCE_OPEN);
    assert_int_equal(class_of("MIT AND LicenseRef-what"), LICENCE_UNKNOWN);
    assert_int_equal(class_of("odbl AND MIT"), LICENCE_OPEN); /* the hub's names, too */
    assert_int_equal(class_of("mit AND (GPL-2.0 OR llama2)"), LICENCE_OPEN);
    assert_int_equal(class_of("odbl AND mnpl"), LICENCE_CLOSED);
    assert_int_equal(class_of("LicenseRef-what AND mnpl"), LICENCE_CLOSED);
    assert_int_equal(class_of("Apache-2.0 with llvm-EXCEPTION"), LICENCE_OPEN);
    assert_int_equal(class_of("Apache-2.0 WITH Commons-Clause"), LICENCE_UNKNOWN); /* no exception of SPDX's */
    assert_int_equal(class_of("GPL-3.0-or-later WITH non-commercial"), LICENCE_UNKNOWN);
    assert_int_equal(class_of("MIT WITH foo"), LICENCE_UNKNOWN);
    assert_int_equal(class_of("GPL-2.0-or-later WITH AdditionRef-OpenSSL"), LICENCE_OPEN); /* as Debian's are written */
    assert_int_equal(class_of("GPL-2.0-or-later WITH AdditionRef-foo"), LICENCE_UNKNOWN);
    assert_int_equal(class_of("MIT WITH GCC-exception-3.1-and-more"), LICENCE_UNKNOWN);
    assert_int_equal(class_of("(MIT WITH LLVM-exception) AND (Apache-2.0 WITH foo)"), LICENCE_UNKNOWN);
    assert_int_equal(class_of("MIT OR (Apache-2.0 WITH foo)"), LICENCE_OPEN);
    assert_int_equal(class_of("("), LICENCE_UNKNOWN);
    assert_int_equal(class_of(""), LICENCE_NONE);
    assert_int_equal(class_of(NULL), LICENCE_NONE);
    assert_string_equal(licence_canonical("gpl-3.0"), "GPL-3.0-only");
    assert_string_equal(licence_canonical("odc-by"), "ODC-By-1.0");
}

/* The table has each name once, and every licence that is not open says why. */
static void the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < licence_count; i++) {
        const licence_row *r = &licence_rows[i];
        assert_ptr_equal(licence_find(r->id), r);
        assert_ptr_equal(licence_find(r->hub != NULL ? r->hub : r->id), r);
        assert_int_equal(r->flags == 0, r->codes[0] != '\0');
        for (const char *code = r->codes; *code != '\0'; code++) {
            assert_string_not_equal(licence_reason(*code), licence_reason('?'));
        }
    }
    for (size_t i = 0; i < licence_more_count; i++) {
        assert_ptr_equal(licence_find(licence_more_rows[i].id), &licence_more_rows[i]);
    }
    for (size_t i = 0; i < licence_fingerprint_count; i++) {
        const licence_fingerprint *f = &licence_fingerprints[i];
        assert_non_null(licence_find(f->id));
        assert_true(f->sample_count > 0 && f->sample_count <= FINGERPRINT_SAMPLE && f->words > 20);
        for (unsigned k = 1; k < f->sample_count; k++) {
            assert_true(f->sample[k] > f->sample[k - 1]);
        }
    }
}

static void narrowness(void **state)
{
    static const char *const ascending[] = {"MIT", "GPL-3.0-only", "LicenseRef-what", "cc-by-nc-4.0", "llama2"};
    arena *a = arena_create(0);
    int before = -1;
    (void)state;
    for (size_t i = 0; i < sizeof ascending / sizeof *ascending; i++) {
        licence_verdict v;
        assert_int_equal(licence_judge(ascending[i], a, &v, NULL), HEARTH_OK);
        assert_true(licence_narrowness(&v) > before);
        before = licence_narrowness(&v);
    }
    arena_destroy(a);
}

/* A subject with these components, all under `licence`. */
static subject *made(const component_kind *kinds, size_t count, const char *licence)
{
    const subject_options o = {.flop = NAN};
    subject *s = NULL;
    assert_int_equal(subject_create("x.yml", &o, &s, NULL), HEARTH_OK);
    for (size_t i = 0; i < count; i++) {
        subject_found(s, kinds[i], "here", NULL);
        assert_int_equal(subject_add_licence(s, &s->components[kinds[i]], licence, "here", NULL), HEARTH_OK);
        assert_int_equal(subject_conclude(s, &s->components[kinds[i]], NULL), HEARTH_OK);
    }
    return s;
}

static void counts(const component_kind *kinds, size_t count, int class_number, const unsigned (*wanted)[2])
{
    subject *s = made(kinds, count, "OpenMDW-1.0");
    mof_result m;
    verdict_mof(s, &m);
    assert_int_equal(m.class_number, class_number);
    for (int k = 1; k <= 3; k++) {
        assert_int_equal(m.counts[k].included, wanted[k - 1][0]);
        assert_int_equal(m.counts[k].of, wanted[k - 1][1]);
    }
    subject_close(s);
}

/* The denominators 6, 10 and 14; 13 where the paper alone stands for the report. */
static void classes(void **state)
{
    component_kind all[COMPONENT_KINDS];
    size_t count = 0;
    (void)state;
    for (size_t i = 0; i < COMPONENT_KINDS; i++) {
        all[count++] = (component_kind)i;
    }
    counts(all, count, 1, (const unsigned[3][2]){{14, 14}, {10, 10}, {6, 6}});
    counts(all, 0, 0, (const unsigned[3][2]){{0, 14}, {0, 10}, {0, 6}});
    count = 0;
    for (size_t i = 0; i < COMPONENT_KINDS; i++) {
        if (i != COMPONENT_TECHNICAL_REPORT) {
            all[count++] = (component_kind)i;
        }
    }
    counts(all, count, 1, (const unsigned[3][2]){{13, 13}, {10, 10}, {6, 6}});
    static const component_kind mixtral[] = {COMPONENT_ARCHITECTURE,     COMPONENT_PARAMETERS,
                                             COMPONENT_TECHNICAL_REPORT, COMPONENT_EVALUATION_RESULTS,
                                             COMPONENT_MODEL_CARD,       COMPONENT_INFERENCE_CODE};
    counts(mixtral, 6, 0, (const unsigned[3][2]){{6, 14}, {6, 10}, {5, 6}});
}

static void code_needs_an_approved_licence(void **state)
{
    static const component_kind kinds[] = {COMPONENT_TRAINING_CODE, COMPONENT_PARAMETERS};
    const char *why = NULL;
    const char *place = NULL;
    (void)state;
    subject *s = made(kinds, 2, "CC-BY-4.0");
    assert_int_equal(verdict_component(s, COMPONENT_TRAINING_CODE, &why, &place), ANSWER_NO);
    assert_int_equal(verdict_component(s, COMPONENT_PARAMETERS, &why, &place), ANSWER_YES);
    assert_int_equal(verdict_component(s, COMPONENT_LIBRARIES, &why, &place), ANSWER_NO);
    subject_close(s);
}

static void cards(void **state)
{
    static const char text[] =
        "---\r\nlicense: mit\r\ntags:\r\n- a\r\n- b\r\n---\r\n# One\r\n\r\ntext\r\n## Training Data\r\n";
    card_front c;
    arena *a = arena_create(0);
    (void)state;
    assert_int_equal(card_front_read(text, strlen(text), "x", a, &c, NULL), HEARTH_OK);
    assert_string_equal(card_value(c.metadata, "license", 0)->text, "mit");
    assert_null(card_value(c.metadata, "license", 1));
    assert_string_equal(card_value(c.metadata, "tags", 1)->text, "b");
    assert_null(card_value(c.metadata, "tags", 2));
    assert_int_equal(card_heading(&c, "training data|x"), 10);
    assert_int_equal(card_heading(&c, "text"), 0);
    assert_int_equal(card_phrase(&c, "text"), 9);
    assert_int_equal(card_front_read("# no metadata\n", 14, "x", a, &c, NULL), HEARTH_OK);
    assert_null(c.metadata);
    hearth_error error = {0};
    assert_int_equal(card_front_read("---\na: [\n---\n", 13, "x", a, &c, &error), HEARTH_E_FORMAT);
    assert_non_null(strstr(error.place, "line 3"));
    arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions), cmocka_unit_test(the_table), cmocka_unit_test(narrowness),
        cmocka_unit_test(classes),     cmocka_unit_test(cards),     cmocka_unit_test(code_needs_an_approved_licence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
