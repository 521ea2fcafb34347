/* A page's entry has the same number as the page. Free ones are a list; so are those in the tree that nobody holds, in
 * the order in which they were let go. A page is let go before the one before it, and is held no longer than that, so
 * the first of the list never has children. */
#include "generate/page_cache.h"

#include "base/memory.h"
#include "platform/pages.h"

#include <string.h>

typedef struct page_entry {
    page_id parent;         /* in the tree; PAGE_NONE: it is not there */
    page_id child, sibling; /* the first child; the next one of its parent's */
    page_id before, after;  /* in the list of those that nobody holds; after: in the list of free ones, too */
    uint32_t held;
    uint32_t count; /* tokens that are known */
    int32_t tokens[ATTENTION_BLOCK];
} page_entry;

struct page_cache {
    uint8_t *memory;
    size_t page_bytes, pages;
    page_entry *entries; /* [pages] */
    page_id root;        /* its first child */
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
    c->root = c->free = c->first = c->last = PAGE_NONE;
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

/* ---- the tree ---- */

static page_id *children_of(page_cache *c, page_id parent)
{
    return parent == PAGE_ROOT ? &c->root : &c->entries[parent].child;
}

/* A page without children. */
static void uproot(page_cache *c, page_id page)
{
    page_id *link = children_of(c, c->entries[page].parent);
    while (*link != page) {
        link = &c->entries[*link].sibling;
    }
    *link = c->entries[page].sibling;
    c->entries[page].parent = PAGE_NONE;
}

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
        uproot(c, page);
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
static page_id find_same(page_cache *c, page_id parent, const int32_t *tokens, size_t count)
{
    page_id page = *children_of(c, parent);
    while (page != PAGE_NONE) {
        const page_entry *e = &c->entries[page];
        if (e->count == count && memcmp(e->tokens, tokens, count * sizeof *tokens) == 0) {
            return page;
        }
        page = e->sibling;
    }
    return PAGE_NONE;
}

page_id page_cache_find(page_cache *c, page_id parent, const int32_t *tokens)
{
    const page_id page = find_same(c, parent, tokens, ATTENTION_BLOCK);
    if (page != PAGE_NONE) {
        hold(c, page);
    }
    return page;
}

page_id page_cache_find_part(page_cache *c, page_id parent, const int32_t *tokens, size_t count, size_t *ret_count)
{
    page_id best = PAGE_NONE;
    size_t most = 0;
    for (page_id page = *children_of(c, parent); page != PAGE_NONE; page = c->entries[page].sibling) {
        const page_entry *e = &c->entries[page];
        const size_t both = e->count < count ? e->count : count;
        size_t same = 0;
        while (same < both && e->tokens[same] == tokens[same]) {
            same++;
        }
        if (same > most) {
            best = page;
            most = same;
        }
    }
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
    page_id *children = children_of(c, parent);
    *e = (page_entry){.parent = parent, .child = PAGE_NONE, .sibling = *children, .held = 1, .count = (uint32_t)count};
    memcpy(e->tokens, tokens, count * sizeof *tokens);
    *children = page;
    return page;
}
