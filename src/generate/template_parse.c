/* The parser of statements, and what both halves of the parser use. */
#include "generate/template_parse_state.h"

#include <string.h>

static hearth_status parse_body(tparser *p, const char *const *ends, const tnode **ret_list, const char **ret_end);

hearth_status tparse_node(tparser *p, tnode_kind kind, tnode **ret)
{
    tnode *node = trun_alloc(p->run, 1, sizeof *node);
    if (node == NULL) {
        return trun_memory(p->run);
    }
    node->kind = (uint8_t)kind;
    node->line = p->at->line;
    *ret = node;
    return HEARTH_OK;
}

void tparse_list_add(tlist *list, tnode *node)
{
    if (list->last != NULL) {
        list->last->next = node;
    } else {
        list->first = node;
    }
    list->last = node;
    list->count++;
}

void tparse_next(tparser *p)
{
    p->at += p->at->kind != TT_END;
    p->run->line = p->at->line;
}

bool tparse_is_name(const tparser *p, const char *name)
{
    return p->at->kind == TT_NAME && strcmp(p->at->value.as.string->bytes, name) == 0;
}

bool tparse_skip(tparser *p, ttoken_kind kind)
{
    const bool here = p->at->kind == kind;
    if (here) {
        tparse_next(p);
    }
    return here;
}

bool tparse_skip_name(tparser *p, const char *name)
{
    const bool here = tparse_is_name(p, name);
    if (here) {
        tparse_next(p);
    }
    return here;
}

static const char *current_text(const tparser *p)
{
    return p->at->kind == TT_NAME ? p->at->value.as.string->bytes : tlex_describe(p->at->kind);
}

hearth_status tparse_unexpected(tparser *p)
{
    return TRUN_WRONG(p->run, "unexpected '%s'", current_text(p));
}

hearth_status tparse_expect(tparser *p, ttoken_kind kind)
{
    if (p->at->kind != kind) {
        return TRUN_WRONG(p->run, "expected token '%s', got '%s'", tlex_describe(kind), current_text(p));
    }
    tparse_next(p);
    return HEARTH_OK;
}

hearth_status tparse_expect_name(tparser *p, const char *name)
{
    if (!tparse_skip_name(p, name)) {
        return TRUN_WRONG(p->run, "expected token '%s', got '%s'", name, current_text(p));
    }
    return HEARTH_OK;
}

static uint32_t text_hash(const tstring *s)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < s->length; i++) {
        h = (h ^ (unsigned char)s->bytes[i]) * 16777619u;
    }
    return h;
}

static bool same_text(const tstring *a, const tstring *b)
{
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static void slot_put(tparser *p, uint32_t symbol)
{
    size_t slot = text_hash(p->program->symbols[symbol]) & (p->slot_count - 1);
    while (p->slots[slot] != 0) {
        slot = (slot + 1) & (p->slot_count - 1);
    }
    p->slots[slot] = symbol + 1;
}

static hearth_status symbols_grow(tparser *p)
{
    tprogram *g = p->program;
    const size_t capacity = g->symbol_capacity == 0 ? 64 : g->symbol_capacity * 2;
    const tstring **symbols = trun_alloc(p->run, capacity, sizeof(const tstring *));
    uint32_t *slots = trun_alloc(p->run, capacity * 2, sizeof *slots);
    if (symbols == NULL || slots == NULL) {
        return trun_memory(p->run);
    }
    if (g->symbol_count > 0) {
        memcpy(symbols, g->symbols, g->symbol_count * sizeof(const tstring *));
    }
    g->symbols = symbols;
    g->symbol_capacity = capacity;
    p->slots = slots;
    p->slot_count = capacity * 2;
    for (uint32_t i = 0; i < g->symbol_count; i++) {
        slot_put(p, i);
    }
    return HEARTH_OK;
}

static hearth_status intern(tparser *p, const tstring *text, uint32_t *ret)
{
    tprogram *g = p->program;
    if (g->symbol_count == g->symbol_capacity) {
        TRY(symbols_grow(p));
    }
    for (size_t slot = text_hash(text) & (p->slot_count - 1); p->slots[slot] != 0;
         slot = (slot + 1) & (p->slot_count - 1)) {
        if (same_text(g->symbols[p->slots[slot] - 1], text)) {
            *ret = p->slots[slot] - 1;
            return HEARTH_OK;
        }
    }
    *ret = (uint32_t)g->symbol_count;
    g->symbols[g->symbol_count++] = text;
    slot_put(p, *ret);
    return HEARTH_OK;
}

hearth_status tparse_identifier(tparser *p, const tstring **ret_text, uint32_t *ret_symbol)
{
    if (p->at->kind != TT_NAME) {
        return tparse_expect(p, TT_NAME);
    }
    *ret_text = p->at->value.as.string;
    tparse_next(p);
    return intern(p, *ret_text, ret_symbol);
}

/* "%}", statements, and the end tag, whose name is left in *ret_end; the cursor is behind that name. */
static hearth_status parse_statements(tparser *p, const char *const *ends, const tnode **ret_list, const char **ret_end)
{
    (void)tparse_skip(p, TT_COLON);
    TRY(tparse_expect(p, TT_BLOCK_END));
    return parse_body(p, ends, ret_list, ret_end);
}

/* Up to the one end tag. */
static hearth_status parse_until(tparser *p, const char *end, const tnode **ret_list)
{
    const char *const ends[] = {end, NULL};
    const char *found = NULL;
    return parse_statements(p, ends, ret_list, &found);
}

static hearth_status parse_else(tparser *p, const char *end, const tnode **ret)
{
    tnode *node = NULL;
    TRY(tparse_node(p, TN_ELSE, &node));
    TRY(parse_until(p, end, &node->list));
    *ret = node;
    return HEARTH_OK;
}

static hearth_status parse_if(tparser *p, tnode *node)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    for (;;) {
        tnode *test = NULL;
        const char *end = NULL;
        TRY(tparse_tuple(p, TTUPLE_NO_COND, NULL, false, &test));
        node->kind = TN_IF;
        node->a = test;
        TRY(parse_statements(p, ends, &node->list, &end));
        if (strcmp(end, "endif") == 0) {
            return HEARTH_OK;
        }
        if (strcmp(end, "else") == 0) {
            return parse_else(p, "endif", &node->other);
        }
        tnode *otherwise = NULL;
        TRY(tparse_node(p, TN_IF, &otherwise));
        node->other = otherwise;
        node = otherwise;
    }
}

static hearth_status parse_for(tparser *p, tnode *node)
{
    static const char *const ends[] = {"else", "endfor", NULL};
    tnode *target = NULL;
    tnode *items = NULL;
    tnode *filter = NULL;
    const char *end = NULL;
    TRY(tparse_target(p, false, "in", &target));
    TRY(tparse_expect_name(p, "in"));
    TRY(tparse_tuple(p, TTUPLE_NO_COND, "recursive", false, &items));
    if (tparse_skip_name(p, "if")) {
        TRY(tparse_expression(p, true, &filter));
    }
    node->kind = TN_FOR;
    node->flag = tparse_skip_name(p, "recursive");
    node->a = target;
    node->b = items;
    node->c = filter;
    TRY(parse_statements(p, ends, &node->list, &end));
    return strcmp(end, "else") == 0 ? parse_else(p, "endfor", &node->other) : HEARTH_OK;
}

static hearth_status parse_set(tparser *p, tnode *node)
{
    tnode *target = NULL;
    tnode *value = NULL;
    TRY(tparse_target(p, true, NULL, &target));
    node->a = target;
    if (tparse_skip(p, TT_ASSIGN)) {
        node->kind = TN_SET;
        TRY(tparse_tuple(p, TTUPLE_FULL, NULL, false, &value));
        node->b = value;
        return HEARTH_OK;
    }
    node->kind = TN_SET_BLOCK;
    TRY(tparse_filters(p, NULL, false, &value));
    node->b = value;
    return parse_until(p, "endset", &node->list);
}

static hearth_status parse_with(tparser *p, tnode *node)
{
    tlist targets = {0};
    node->kind = TN_WITH;
    while (p->at->kind != TT_BLOCK_END) {
        tnode *set = NULL;
        tnode *target = NULL;
        tnode *value = NULL;
        if (targets.count > 0) {
            TRY(tparse_expect(p, TT_COMMA));
        }
        TRY(tparse_node(p, TN_SET, &set));
        TRY(tparse_target(p, false, NULL, &target));
        TRY(tparse_expect(p, TT_ASSIGN));
        TRY(tparse_expression(p, true, &value));
        set->a = target;
        set->b = value;
        tparse_list_add(&targets, set);
    }
    node->list = targets.first;
    node->count = targets.count;
    return parse_else(p, "endwith", &node->other);
}

static hearth_status parse_signature(tparser *p, tmacro_def *macro)
{
    tlist parameters = {0};
    bool defaults = false;
    TRY(tparse_expect(p, TT_LPAREN));
    while (p->at->kind != TT_RPAREN) {
        tnode *parameter = NULL;
        const tstring *text = NULL;
        if (parameters.count > 0) {
            TRY(tparse_expect(p, TT_COMMA));
        }
        TRY(tparse_node(p, TN_NAME, &parameter));
        TRY(tparse_identifier(p, &text, &parameter->symbol));
        parameter->value = (tval){.kind = T_STRING, .as.string = text};
        macro->takes_caller = macro->takes_caller || parameter->symbol == TSYM_CALLER;
        if (tparse_skip(p, TT_ASSIGN)) {
            tnode *value = NULL;
            TRY(tparse_expression(p, true, &value));
            parameter->b = value;
            defaults = true;
        } else if (defaults) {
            return TRUN_WRONG(p->run, "non-default argument follows default argument");
        }
        tparse_list_add(&parameters, parameter);
    }
    macro->parameters = parameters.first;
    macro->parameter_count = parameters.count;
    return tparse_expect(p, TT_RPAREN);
}

/* The body of a macro or of a call block, which notes the special names it uses. */
static hearth_status parse_macro_body(tparser *p, tmacro_def *macro, const char *end)
{
    tmacro_scope scope = {.outer = p->macros};
    p->macros = &scope;
    const hearth_status status = parse_until(p, end, &macro->body);
    p->macros = scope.outer;
    macro->uses_caller = scope.caller;
    macro->uses_varargs = scope.varargs;
    macro->uses_kwargs = scope.kwargs;
    return status;
}

static hearth_status parse_macro(tparser *p, tnode *node)
{
    tmacro_def *macro = trun_alloc(p->run, 1, sizeof *macro);
    if (macro == NULL) {
        return trun_memory(p->run);
    }
    node->kind = TN_MACRO;
    node->macro = macro;
    TRY(tparse_identifier(p, &macro->name, &node->symbol));
    TRY(parse_signature(p, macro));
    return parse_macro_body(p, macro, "endmacro");
}

static hearth_status parse_call_block(tparser *p, tnode *node)
{
    static const tstring caller = {.bytes = "caller", .length = 6, .points = 6};
    tmacro_def *macro = trun_alloc(p->run, 1, sizeof *macro);
    tnode *call = NULL;
    if (macro == NULL) {
        return trun_memory(p->run);
    }
    node->kind = TN_CALL_BLOCK;
    node->macro = macro;
    macro->name = &caller;
    if (p->at->kind == TT_LPAREN) {
        TRY(parse_signature(p, macro));
    }
    TRY(tparse_expression(p, true, &call));
    if (call->kind != TN_CALL) {
        return TRUN_WRONG(p->run, "expected call");
    }
    node->a = call;
    return parse_macro_body(p, macro, "endcall");
}

static hearth_status parse_filter_block(tparser *p, tnode *node)
{
    tnode *filters = NULL;
    node->kind = TN_FILTER_BLOCK;
    TRY(tparse_filters(p, NULL, true, &filters));
    node->b = filters;
    return parse_until(p, "endfilter", &node->list);
}

static hearth_status parse_block(tparser *p, tnode *node)
{
    const tstring *name = NULL;
    uint32_t symbol = 0;
    node->kind = TN_SCOPE;
    TRY(tparse_identifier(p, &name, &symbol));
    (void)tparse_skip_name(p, "scoped");
    (void)tparse_skip_name(p, "required");
    TRY(parse_until(p, "endblock", &node->list));
    (void)tparse_skip_name(p, name->bytes);
    return HEARTH_OK;
}

static hearth_status parse_generation(tparser *p, tnode *node)
{
    node->kind = TN_SCOPE;
    return parse_until(p, "endgeneration", &node->list);
}

static hearth_status parse_print(tparser *p, tnode *node)
{
    tlist items = {0};
    node->kind = TN_ELSE;
    while (p->at->kind != TT_BLOCK_END) {
        tnode *print = NULL;
        tnode *value = NULL;
        if (items.count > 0) {
            TRY(tparse_expect(p, TT_COMMA));
        }
        TRY(tparse_node(p, TN_PRINT, &print));
        TRY(tparse_expression(p, true, &value));
        print->a = value;
        tparse_list_add(&items, print);
    }
    node->list = items.first;
    return HEARTH_OK;
}

static hearth_status parse_break(tparser *p, tnode *node)
{
    (void)p;
    node->kind = TN_BREAK;
    return HEARTH_OK;
}

static hearth_status parse_continue(tparser *p, tnode *node)
{
    (void)p;
    node->kind = TN_CONTINUE;
    return HEARTH_OK;
}

static const struct {
    const char *tag;
    hearth_status (*parse)(tparser *p, tnode *node);
} statements[] = {
    {"if", parse_if},           {"for", parse_for},
    {"set", parse_set},         {"macro", parse_macro},
    {"call", parse_call_block}, {"filter", parse_filter_block},
    {"with", parse_with},       {"block", parse_block},
    {"print", parse_print},     {"generation", parse_generation},
    {"break", parse_break},     {"continue", parse_continue},
};

static hearth_status parse_statement(tparser *p, tnode **ret)
{
    const tval name = p->at->value;
    if (p->at->kind != TT_NAME) {
        return TRUN_WRONG(p->run, "tag name expected");
    }
    static const char *const others[] = {"include", "import", "from", "extends", "autoescape"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (tval_is(name, others[i])) {
            return TRUN_FAIL(p->run, HEARTH_E_UNSUPPORTED, "the tag '%s' needs what a chat template has not",
                             others[i]);
        }
    }
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        if (tval_is(name, statements[i].tag)) {
            TRY(tparse_node(p, TN_ELSE, ret));
            tparse_next(p);
            return statements[i].parse(p, *ret);
        }
    }
    return TRUN_WRONG(p->run, "Encountered unknown tag '%s'", name.as.string->bytes);
}

static const char *end_tag(const tparser *p, const char *const *ends)
{
    for (; *ends != NULL; ends++) {
        if (tparse_is_name(p, *ends)) {
            return *ends;
        }
    }
    return NULL;
}

/* Statements up to one of `ends` (its name is consumed, its "%}" is not) or to the end of the template. */
static hearth_status parse_items(tparser *p, const char *const *ends, tlist *list, const char **ret_end)
{
    while (p->at->kind != TT_END) {
        tnode *node = NULL;
        if (p->at->kind == TT_DATA) {
            TRY(tparse_node(p, TN_DATA, &node));
            node->value = p->at->value;
            tparse_next(p);
        } else if (tparse_skip(p, TT_VARIABLE_BEGIN)) {
            tnode *value = NULL;
            TRY(tparse_node(p, TN_PRINT, &node));
            TRY(tparse_tuple(p, TTUPLE_FULL, NULL, false, &value));
            node->a = value;
            TRY(tparse_expect(p, TT_VARIABLE_END));
        } else {
            TRY(tparse_expect(p, TT_BLOCK_BEGIN));
            *ret_end = end_tag(p, ends);
            if (*ret_end != NULL) {
                tparse_next(p);
                return HEARTH_OK;
            }
            TRY(parse_statement(p, &node));
            TRY(tparse_expect(p, TT_BLOCK_END));
        }
        tparse_list_add(list, node);
    }
    if (ends[0] != NULL) {
        return TRUN_WRONG(p->run, "Unexpected end of template: looking for '%s'", ends[0]);
    }
    return HEARTH_OK;
}

static hearth_status parse_body(tparser *p, const char *const *ends, const tnode **ret_list, const char **ret_end)
{
    tlist list = {0};
    if (p->run->calls >= LIMIT_TEMPLATE_DEPTH) {
        return TRUN_FAIL(p->run, HEARTH_E_LIMIT, "nested more than %u levels deep", LIMIT_TEMPLATE_DEPTH);
    }
    p->run->calls++;
    TRY(parse_items(p, ends, &list, ret_end));
    p->run->calls--;
    *ret_list = list.first;
    return HEARTH_OK;
}

hearth_status tparse_program(trun *r, const char *source, size_t length, tprogram *ret)
{
    static const tstring known[TSYM_KNOWN] = {
        [TSYM_LOOP] = {"loop", 4, 4},
        [TSYM_CALLER] = {"caller", 6, 6},
        [TSYM_VARARGS] = {"varargs", 7, 7},
        [TSYM_KWARGS] = {"kwargs", 6, 6},
    };
    static const char *const no_end[] = {NULL};
    tparser p = {.run = r, .program = ret};
    const char *end = NULL;
    size_t count = 0;
    for (size_t i = 0; i < TSYM_KNOWN; i++) {
        uint32_t symbol = 0;
        TRY(intern(&p, &known[i], &symbol));
    }
    TRY(tlex_tokens(r, source, length, &p.at, &count));
    r->line = p.at->line;
    return parse_body(&p, no_end, &ret->body, &end);
}
