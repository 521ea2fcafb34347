/* A page's entry has the same number as the page. Free ones are a list; so are those in the tree that nobody holds, in
 * the order in which they were let go. A page is let go before the one before it, and is held no longer than that, so
 * the first of the list never has children.
 *
 * Those in the tree are in an order, too: by parent, and the children of one as words in a dictionary. Then the one
 * that begins with most of some tokens stands beside the place where they would. The order is kept as a treap (Seidel
 * and Aragon, "Randomized Search Trees", 1996): a binary tree in which ranks, which are a hash of the page's number,
 * fall. */
#include "generate/page_cache.h"

#include "base/memory.h"
#include "platform/pages.h"

#include <string.h>

typedef struct page_entry {
    page_id parent;        /* in the tree; PAGE_NONE: it is not there */
    page_id less, more;    /* of the order: the halves below this one */
    page_id before, after; /* in the list of those that nobody holds; after: in the list of free ones, too */
    uint32_t held;
    uint32_t count; /* tokens that are known */
    int32_t tokens[ATTENTION_BLOCK];
} page_entry;

struct page_cache {
    uint8_t *memory;
    size_t page_bytes, pages;
    page_entry *entries; /* [pages] */
    page_id top;         /* of the order */
    page_id free;        /* the first one that was given back */
    page_id untouched;   /* this one and those behind it were never used */
    page_id first, last; /* of those that nobody holds */
    size_t kept, free_count;
};

hearth_status page_cache_create(size_t page_bytes, size_t pages, page_cache **ret, hearth_error *error)
{
    size_t total = 0;
    if (pages == 0 || pages >= PAGE_ROOT || !size_mul(page_bytes, pages, &total)) {
        return error_set(error, HEARTH_E_LIMIT, "KV cache", "1 to 4294967293 pages that fit in memory", "%zu of %zu B",
                         pages, page_bytes);
    }
    page_cache *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return error_memory(error, sizeof *c);
    }
    c->page_bytes = page_bytes;
    c->pages = pages;
    c->memory = pages_alloc(total);
    c->entries = mem_calloc(pages, sizeof *c->entries);
    if (c->memory == NULL || c->entries == NULL) {
        page_cache_free(c);
        return error_memory(error, total);
    }
    c->top = c->free = c->first = c->last = PAGE_NONE;
    c->free_count = pages;
    *ret = c;
    return HEARTH_OK;
}

void page_cache_free(page_cache *c)
{
    if (c == NULL) {
        return;
    }
    pages_free(c->memory, c->page_bytes * c->pages);
    mem_free(c->entries);
    mem_free(c);
}

uint8_t *page_cache_memory(const page_cache *c, page_id page)
{
    return c->memory + page * c->page_bytes;
}

size_t page_cache_pages(const page_cache *c)
{
    return c->pages;
}

size_t page_cache_available(const page_cache *c)
{
    return c->free_count + c->kept;
}

size_t page_cache_kept(const page_cache *c)
{
    return c->kept;
}

/* ---- the list of those that nobody holds ---- */

static void keep(page_cache *c, page_id page)
{
    page_entry *e = &c->entries[page];
    e->before = c->last;
    e->after = PAGE_NONE;
    if (c->last != PAGE_NONE) {
        c->entries[c->last].after = page;
    } else {
        c->first = page;
    }
    c->last = page;
    c->kept++;
}

static void unkeep(page_cache *c, page_id page)
{
    const page_entry *e = &c->entries[page];
    if (e->before != PAGE_NONE) {
        c->entries[e->before].after = e->after;
    } else {
        c->first = e->after;
    }
    if (e->after != PAGE_NONE) {
        c->entries[e->after].before = e->before;
    } else {
        c->last = e->before;
    }
    c->kept--;
}

/* ---- the order of those in the tree ---- */

static uint32_t rank_of(page_id page)
{
    uint32_t rank = page * 0x9e3779b1u;
    rank = (rank ^ (rank >> 15)) * 0x85ebca6bu;
    return rank ^ (rank >> 13);
}

/* Below 0: the page stands before the place of these tokens; 0: it has them, and no others. */
static int compare(const page_entry *e, page_id parent, const int32_t *tokens, size_t count)
{
    if (e->parent != parent) {
        return e->parent < parent ? -1 : 1;
    }
    for (size_t i = 0; i < e->count && i < count; i++) {
        if (e->tokens[i] != tokens[i]) {
            return e->tokens[i] < tokens[i] ? -1 : 1;
        }
    }
    return e->count < count ? -1 : e->count > count;
}

/* The first page from the place of these tokens on, and the last one before it; PAGE_NONE: there is none. */
static page_id look_up(const page_cache *c, page_id parent, const int32_t *tokens, size_t count, page_id *ret_before)
{
    page_id from = PAGE_NONE;
    *ret_before = PAGE_NONE;
    for (page_id at = c->top; at != PAGE_NONE;) {
        const page_entry *e = &c->entries[at];
        if (compare(e, parent, tokens, count) < 0) {
            *ret_before = at;
            at = e->more;
        } else {
            from = at;
            at = e->less;
        }
    }
    return from;
}

static bool stands_before(const page_cache *c, page_id a, page_id b)
{
    const page_entry *e = &c->entries[b];
    return compare(&c->entries[a], e->parent, e->tokens, e->count) < 0;
}

static void put_in_order(page_cache *c, page_id page)
{
    page_id *link = &c->top;
    while (*link != PAGE_NONE && rank_of(*link) > rank_of(page)) {
        page_entry *e = &c->entries[*link];
        link = stands_before(c, *link, page) ? &e->more : &e->less;
    }
    page_id *less = &c->entries[page].less;
    page_id *more = &c->entries[page].more;
    for (page_id rest = *link; rest != PAGE_NONE;) { /* cut at this one */
        page_entry *e = &c->entries[rest];
        if (stands_before(c, rest, page)) {
            *less = rest;
            less = &e->more;
            rest = e->more;
        } else {
            *more = rest;
            more = &e->less;
            rest = e->less;
        }
    }
    *less = *more = PAGE_NONE;
    *link = page;
}

static void take_out_of_order(page_cache *c, page_id page)
{
    page_id *link = &c->top;
    while (*link != page) {
        page_entry *e = &c->entries[*link];
        link = stands_before(c, *link, page) ? &e->more : &e->less;
    }
    page_id less = c->entries[page].less;
    page_id more = c->entries[page].more;
    while (less != PAGE_NONE && more != PAGE_NONE) {
        if (rank_of(less) > rank_of(more)) {
            *link = less;
            link = &c->entries[less].more;
            less = *link;
        } else {
            *link = more;
            link = &c->entries[more].less;
            more = *link;
        }
    }
    *link = less != PAGE_NONE ? less : more;
}

/* ---- pages ---- */

page_id page_cache_take(page_cache *c)
{
    page_id page = c->free;
    if (page != PAGE_NONE) {
        c->free = c->entries[page].after;
        c->free_count--;
    } else if (c->untouched < c->pages) {
        page = c->untouched++;
        c->free_count--;
    } else if (c->first != PAGE_NONE) {
        page = c->first;
        unkeep(c, page);
        take_out_of_order(c, page);
    } else {
        return PAGE_NONE;
    }
    c->entries[page].parent = PAGE_NONE;
    return page;
}

void page_cache_give(page_cache *c, page_id page)
{
    c->entries[page].after = c->free;
    c->free = page;
    c->free_count++;
}

static void hold(page_cache *c, page_id page)
{
    if (c->entries[page].held++ == 0) {
        unkeep(c, page);
    }
}

void page_cache_release(page_cache *c, page_id page)
{
    if (--c->entries[page].held == 0) {
        keep(c, page);
    }
}

/* The one with exactly these. */
static page_id find_same(const page_cache *c, page_id parent, const int32_t *tokens, size_t count)
{
    page_id before = PAGE_NONE;
    const page_id page = look_up(c, parent, tokens, count, &before);
    return page != PAGE_NONE && compare(&c->entries[page], parent, tokens, count) == 0 ? page : PAGE_NONE;
}

page_id page_cache_find(page_cache *c, page_id parent, const int32_t *tokens)
{
    const page_id page = find_same(c, parent, tokens, ATTENTION_BLOCK);
    if (page != PAGE_NONE) {
        hold(c, page);
    }
    return page;
}

/* How many of its first tokens are these. */
static size_t count_same(const page_cache *c, page_id page, page_id parent, const int32_t *tokens, size_t count)
{
    if (page == PAGE_NONE || c->entries[page].parent != parent) {
        return 0;
    }
    const page_entry *e = &c->entries[page];
    size_t same = 0;
    while (same < e->count && same < count && e->tokens[same] == tokens[same]) {
        same++;
    }
    return same;
}

page_id page_cache_find_part(page_cache *c, page_id parent, const int32_t *tokens, size_t count, size_t *ret_count)
{
    page_id before = PAGE_NONE;
    const page_id from = look_up(c, parent, tokens, count, &before);
    const size_t same_before = count_same(c, before, parent, tokens, count);
    const size_t same_from = count_same(c, from, parent, tokens, count);
    const size_t most = same_from < same_before ? same_before : same_from;
    const page_id best = most == 0 ? PAGE_NONE : same_from == most ? from : before;
    if (best != PAGE_NONE && c->entries[best].held == 0) {
        unkeep(c, best);
        keep(c, best); /* it was of use */
    }
    *ret_count = most;
    return best;
}

page_id page_cache_insert(page_cache *c, page_id parent, page_id page, const int32_t *tokens, size_t count)
{
    const page_id same = find_same(c, parent, tokens, count);
    if (same != PAGE_NONE) {
        page_cache_give(c, page);
        hold(c, same);
        return same;
    }
    page_entry *e = &c->entries[page];
    *e = (page_entry){.parent = parent, .held = 1, .count = (uint32_t)count};
    memcpy(e->tokens, tokens, count * sizeof *tokens);
    put_in_order(c, page);
    return page;
}
