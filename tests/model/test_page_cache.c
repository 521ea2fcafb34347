/* Pages of sequences that share beginnings: what is found is what was computed from the same tokens, nobody loses a
 * page that he holds, and what goes is what was not held for longest. */
#include "support.h"

#include "base/memory.h"
#include "base/random.h"
#include "generate/page_cache.h"

#include <string.h>

enum { PAGE_BYTES = 64, PAGES = 24, SEQUENCES = 6, BLOCKS = 5, ROUNDS = 20000 };

static uint32_t drawn(uint64_t round, uint32_t what, uint32_t below)
{
    return (uint32_t)((double)random_uniform(11, RANDOM_SAMPLING, round, what) * below);
}

/* ---- at random, each page marked with what it was computed from ---- */

typedef struct holder {
    page_id pages[BLOCKS];
    uint32_t texts[BLOCKS]; /* a block's tokens are all the same number */
    size_t count;           /* pages, all in the tree */
} holder;

/* Of the texts up to a block: what its page holds. */
static uint64_t mark_of(const holder *h, size_t blocks)
{
    uint64_t mark = 1;
    for (size_t i = 0; i < blocks; i++) {
        mark = mark * 10 + h->texts[i] + 1;
    }
    return mark;
}

static void fill(int32_t tokens[ATTENTION_BLOCK], uint32_t text)
{
    for (size_t i = 0; i < ATTENTION_BLOCK; i++) {
        tokens[i] = (int32_t)text;
    }
}

static void check_marks(const page_cache *c, const holder *h)
{
    for (size_t i = 0; i < h->count; i++) {
        const uint64_t mark = mark_of(h, i + 1);
        assert_memory_equal(page_cache_memory(c, h->pages[i]), &mark, sizeof mark);
    }
}

/* One block more: found, or computed. False: there is no page. */
static bool lengthen(page_cache *c, holder *h, uint32_t text)
{
    int32_t tokens[ATTENTION_BLOCK];
    const page_id parent = h->count == 0 ? PAGE_ROOT : h->pages[h->count - 1];
    fill(tokens, text);
    h->texts[h->count] = text;
    page_id page = page_cache_find(c, parent, tokens);
    if (page == PAGE_NONE) {
        page = page_cache_take(c);
        if (page == PAGE_NONE) {
            return false;
        }
        const uint64_t mark = mark_of(h, h->count + 1);
        memcpy(page_cache_memory(c, page), &mark, sizeof mark);
        page = page_cache_insert(c, parent, page, tokens, ATTENTION_BLOCK);
    }
    h->pages[h->count++] = page;
    return true;
}

static void let_go(page_cache *c, holder *h)
{
    for (; h->count > 0; h->count--) {
        page_cache_release(c, h->pages[h->count - 1]);
    }
}

/* Pages that somebody holds, each counted once. */
static size_t held_pages(const holder *all)
{
    bool held[PAGES] = {false};
    size_t count = 0;
    for (size_t i = 0; i < SEQUENCES; i++) {
        for (size_t k = 0; k < all[i].count; k++) {
            count += !held[all[i].pages[k]];
            held[all[i].pages[k]] = true;
        }
    }
    return count;
}

static void at_random(void **state)
{
    (void)state;
    page_cache *c = NULL;
    holder all[SEQUENCES] = {0};
    size_t none = 0;
    OK(page_cache_create(PAGE_BYTES, PAGES, &c, error));
    assert_int_equal(page_cache_pages(c), PAGES);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        holder *h = &all[drawn(round, 0, SEQUENCES)];
        if (h->count == BLOCKS || drawn(round, 1, 8) == 0) {
            let_go(c, h);
        } else if (!lengthen(c, h, drawn(round, 2, 3))) {
            none++;
            assert_int_equal(held_pages(all), PAGES);
            let_go(c, h);
        }
        check_marks(c, h);
        assert_int_equal(page_cache_available(c), PAGES - held_pages(all));
        assert_true(page_cache_kept(c) <= page_cache_available(c));
    }
    for (size_t i = 0; i < SEQUENCES; i++) {
        check_marks(c, &all[i]);
        let_go(c, &all[i]);
    }
    assert_true(none > 0); /* it was seen that all are held */
    assert_int_equal(page_cache_available(c), PAGES);
    for (size_t i = 0; i < PAGES; i++) {
        assert_true(page_cache_take(c) != PAGE_NONE);
    }
    assert_int_equal(page_cache_take(c), PAGE_NONE);
    page_cache_free(c);
}

/* ---- parts at random, against a list that is looked through ---- */

typedef struct child {
    bool known;
    page_id parent;
    size_t count;
    int32_t tokens[ATTENTION_BLOCK];
} child;

/* Few words and long repetitions: many begin alike. */
static size_t make_part(uint64_t round, int32_t tokens[ATTENTION_BLOCK])
{
    const uint32_t count = 1 + drawn(round, 1, ATTENTION_BLOCK);
    for (uint32_t i = 0; i < ATTENTION_BLOCK; i++) {
        tokens[i] = i > 0 && drawn(round, 100 + i, 12) != 0 ? tokens[i - 1] : (int32_t)drawn(round, 10 + i, 3) - 1;
    }
    return count;
}

static size_t most_alike(const child *all, page_id parent, const int32_t *tokens, size_t count)
{
    size_t most = 0;
    for (size_t i = 0; i < PAGES; i++) {
        size_t same = 0;
        while (same < count && same < all[i].count && all[i].tokens[same] == tokens[same]) {
            same++;
        }
        most = all[i].known && all[i].parent == parent && same > most ? same : most;
    }
    return most;
}

/* Takes a page and lets it be known; one of the same tokens that was there before is found instead. */
static void add_part(page_cache *c, child *all, page_id parent, const int32_t *tokens, size_t count)
{
    const page_id taken = page_cache_take(c);
    assert_true(taken < PAGES);
    all[taken].known = false; /* it had to go, if it was */
    bool there = false;
    for (size_t i = 0; i < PAGES; i++) {
        there = there || (all[i].known && all[i].parent == parent && all[i].count == count &&
                          memcmp(all[i].tokens, tokens, count * sizeof *tokens) == 0);
    }
    const page_id page = page_cache_insert(c, parent, taken, tokens, count);
    assert_int_equal(page != taken, there);
    all[page] = (child){.known = true, .parent = parent, .count = count};
    memcpy(all[page].tokens, tokens, count * sizeof *tokens);
    page_cache_release(c, page);
}

static void parts_at_random(void **state)
{
    (void)state;
    page_cache *c = NULL;
    child all[PAGES] = {0};
    int32_t tokens[ATTENTION_BLOCK];
    OK(page_cache_create(PAGE_BYTES, PAGES, &c, error));
    fill(tokens, 9);
    const page_id first = page_cache_insert(c, PAGE_ROOT, page_cache_take(c), tokens, ATTENTION_BLOCK); /* is held */
    for (uint64_t round = 0; round < ROUNDS; round++) {
        const page_id parent = drawn(round, 0, 2) == 0 ? PAGE_ROOT : first;
        const size_t count = make_part(round, tokens);
        size_t found = 99;
        const page_id part = page_cache_find_part(c, parent, tokens, count, &found);
        assert_int_equal(found, most_alike(all, parent, tokens, count));
        assert_int_equal(part == PAGE_NONE, found == 0);
        if (part != PAGE_NONE) {
            assert_true(all[part].known && all[part].parent == parent && all[part].count >= found);
            assert_memory_equal(all[part].tokens, tokens, found * sizeof *tokens);
        }
        add_part(c, all, parent, tokens, count);
    }
    page_cache_free(c);
}

/* ---- one thing each ---- */

static void the_oldest_goes_first(void **state)
{
    (void)state;
    page_cache *c = NULL;
    holder a = {0};
    holder b = {0};
    int32_t tokens[ATTENTION_BLOCK];
    OK(page_cache_create(PAGE_BYTES, 4, &c, error));
    assert_true(lengthen(c, &a, 1) && lengthen(c, &a, 2) && lengthen(c, &b, 1) && lengthen(c, &b, 3));
    assert_int_equal(a.pages[0], b.pages[0]);
    assert_int_equal(page_cache_available(c), 1);
    const page_id second = a.pages[1];
    let_go(c, &a);
    assert_int_equal(page_cache_kept(c), 1); /* b holds the first */
    const page_id first = b.pages[0];
    const page_id third = b.pages[1];
    let_go(c, &b);
    assert_int_equal(page_cache_kept(c), 3);
    (void)page_cache_take(c);
    assert_int_equal(page_cache_kept(c), 3); /* one was free */
    assert_int_equal(page_cache_take(c), second);
    fill(tokens, 1);
    assert_int_equal(page_cache_find(c, PAGE_ROOT, tokens), first);
    fill(tokens, 2);
    assert_int_equal(page_cache_find(c, first, tokens), PAGE_NONE);
    assert_int_equal(page_cache_take(c), third);
    assert_int_equal(page_cache_take(c), PAGE_NONE);
    page_cache_release(c, first);
    assert_int_equal(page_cache_take(c), first);
    page_cache_free(c);
}

static void parts_are_found(void **state)
{
    (void)state;
    page_cache *c = NULL;
    int32_t tokens[ATTENTION_BLOCK];
    size_t count = 99;
    OK(page_cache_create(PAGE_BYTES, 4, &c, error));
    fill(tokens, 5);
    assert_int_equal(page_cache_find_part(c, PAGE_ROOT, tokens, 10, &count), PAGE_NONE);
    assert_int_equal(count, 0);
    const page_id part = page_cache_insert(c, PAGE_ROOT, page_cache_take(c), tokens, 20);
    page_cache_release(c, part);
    assert_int_equal(page_cache_find(c, PAGE_ROOT, tokens), PAGE_NONE); /* it is not whole */
    tokens[30] = 6;
    const page_id whole = page_cache_insert(c, PAGE_ROOT, page_cache_take(c), tokens, ATTENTION_BLOCK);
    tokens[10] = 7;
    assert_int_equal(page_cache_find_part(c, PAGE_ROOT, tokens, ATTENTION_BLOCK, &count) != PAGE_NONE, 1);
    assert_int_equal(count, 10);
    tokens[10] = 5;
    assert_int_equal(page_cache_find_part(c, PAGE_ROOT, tokens, ATTENTION_BLOCK, &count), whole);
    assert_int_equal(count, ATTENTION_BLOCK);
    assert_int_equal(page_cache_find_part(c, PAGE_ROOT, tokens, 25, &count), whole);
    assert_int_equal(count, 25);
    assert_int_equal(page_cache_find_part(c, whole, tokens, 25, &count), PAGE_NONE);
    const page_id again = page_cache_take(c);
    assert_int_equal(page_cache_insert(c, PAGE_ROOT, again, tokens, ATTENTION_BLOCK), whole);
    assert_int_equal(page_cache_available(c), 3); /* the other one was given back */
    page_cache_free(c);
}

static void sizes_are_checked(void **state)
{
    (void)state;
    page_cache *c = NULL;
    assert_int_equal(page_cache_create(PAGE_BYTES, 0, &c, NULL), HEARTH_E_LIMIT);
    assert_int_equal(page_cache_create(SIZE_MAX / 2, 3, &c, NULL), HEARTH_E_LIMIT);
    assert_int_equal(page_cache_create(1, UINT32_MAX, &c, NULL), HEARTH_E_LIMIT);
    page_cache_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_random),       cmocka_unit_test(parts_at_random),   cmocka_unit_test(the_oldest_goes_first),
        cmocka_unit_test(parts_are_found), cmocka_unit_test(sizes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
