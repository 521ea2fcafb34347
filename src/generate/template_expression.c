/* The parser of expressions. The grammar is jinja2's: condexpr, or, and, not, compare, + -, ~, * / // %, **, unary,
 * postfix, filters and tests. Chains of one operator are loops here; only real nesting counts as depth. */
#include "generate/template_parse_state.h"

static hearth_status parse_unary(tparser *p, bool with_filter, tnode **ret);

/* One level of nesting, paired with p->run->calls--. */
static hearth_status nest(tparser *p)
{
    if (p->run->calls >= LIMIT_TEMPLATE_DEPTH) {
        return TRUN_FAIL(p->run, HEARTH_E_LIMIT, "nested more than %u levels deep", LIMIT_TEMPLATE_DEPTH);
    }
    p->run->calls++;
    return HEARTH_OK;
}

static hearth_status binary(tparser *p, tnode_kind kind, uint8_t op, tnode *a, tnode *b, tnode **ret)
{
    tnode *node = NULL;
    TRY(tparse_node(p, kind, &node));
    node->op = op;
    node->a = a;
    node->b = b;
    node->line = a->line;
    *ret = node;
    return HEARTH_OK;
}

static hearth_status parse_string(tparser *p, tnode *node)
{
    node->value = p->at->value;
    tparse_next(p);
    if (p->at->kind != TT_STRING) {
        return HEARTH_OK;
    }
    buffer *out = p->run->out;
    const size_t mark = out->length;
    TRY(tval_print(p->run, node->value, out));
    for (; p->at->kind == TT_STRING; tparse_next(p)) {
        TRY(tval_print(p->run, p->at->value, out));
    }
    return tval_take(p->run, out, mark, &node->value);
}

/* true, false and none, in both spellings. */
static bool constant_name(tparser *p, tval *ret)
{
    if (tparse_is_name(p, "true") || tparse_is_name(p, "True")) {
        *ret = tval_bool(true);
    } else if (tparse_is_name(p, "false") || tparse_is_name(p, "False")) {
        *ret = tval_bool(false);
    } else if (tparse_is_name(p, "none") || tparse_is_name(p, "None")) {
        *ret = tval_none();
    } else {
        return false;
    }
    return true;
}

static void note_special(tparser *p, uint32_t symbol)
{
    for (tmacro_scope *m = p->macros; m != NULL; m = m->outer) {
        m->caller = m->caller || symbol == TSYM_CALLER;
        m->varargs = m->varargs || symbol == TSYM_VARARGS;
        m->kwargs = m->kwargs || symbol == TSYM_KWARGS;
    }
}

static hearth_status parse_name(tparser *p, bool with_namespace, tnode *node)
{
    const tstring *text = NULL;
    if (constant_name(p, &node->value)) {
        tparse_next(p);
        return HEARTH_OK;
    }
    node->kind = TN_NAME;
    TRY(tparse_identifier(p, &text, &node->symbol));
    node->value = (tval){.kind = T_STRING, .as.string = text};
    if (with_namespace && tparse_skip(p, TT_DOT)) {
        uint32_t symbol = 0;
        node->kind = TN_NSREF;
        TRY(tparse_identifier(p, &text, &symbol));
        node->value = (tval){.kind = T_STRING, .as.string = text};
        return HEARTH_OK;
    }
    note_special(p, node->symbol);
    return HEARTH_OK;
}

static hearth_status parse_list(tparser *p, tnode *node)
{
    tlist items = {0};
    node->kind = TN_LIST;
    tparse_next(p);
    while (p->at->kind != TT_RBRACKET) {
        tnode *item = NULL;
        if (items.count > 0) {
            TRY(tparse_expect(p, TT_COMMA));
            if (p->at->kind == TT_RBRACKET) {
                break;
            }
        }
        TRY(tparse_expression(p, true, &item));
        tparse_list_add(&items, item);
    }
    node->list = items.first;
    node->count = items.count;
    return tparse_expect(p, TT_RBRACKET);
}

static hearth_status parse_dict(tparser *p, tnode *node)
{
    tlist items = {0};
    node->kind = TN_DICT;
    tparse_next(p);
    while (p->at->kind != TT_RBRACE) {
        tnode *key = NULL;
        tnode *value = NULL;
        tnode *pair = NULL;
        if (items.count > 0) {
            TRY(tparse_expect(p, TT_COMMA));
            if (p->at->kind == TT_RBRACE) {
                break;
            }
        }
        TRY(tparse_expression(p, true, &key));
        TRY(tparse_expect(p, TT_COLON));
        TRY(tparse_expression(p, true, &value));
        TRY(binary(p, TN_PAIR, 0, key, value, &pair));
        tparse_list_add(&items, pair);
    }
    node->list = items.first;
    node->count = items.count;
    return tparse_expect(p, TT_RBRACE);
}

static hearth_status parse_primary(tparser *p, bool with_namespace, tnode **ret)
{
    tnode *node = NULL;
    if (p->at->kind == TT_LPAREN) {
        tparse_next(p);
        TRY(tparse_tuple(p, TTUPLE_FULL, NULL, true, ret));
        return tparse_expect(p, TT_RPAREN);
    }
    TRY(tparse_node(p, TN_CONST, &node));
    *ret = node;
    switch (p->at->kind) {
    case TT_NAME:
        return parse_name(p, with_namespace, node);
    case TT_STRING:
        return parse_string(p, node);
    case TT_INTEGER:
    case TT_FLOAT:
        node->value = p->at->value;
        tparse_next(p);
        return HEARTH_OK;
    case TT_LBRACKET:
        return parse_list(p, node);
    case TT_LBRACE:
        return parse_dict(p, node);
    default:
        return tparse_unexpected(p);
    }
}

static bool tuple_end(const tparser *p, const char *end_name)
{
    return p->at->kind == TT_VARIABLE_END || p->at->kind == TT_BLOCK_END || p->at->kind == TT_RPAREN ||
           (end_name != NULL && tparse_is_name(p, end_name));
}

static hearth_status tuple_item(tparser *p, ttuple_mode mode, tnode **ret)
{
    if (mode == TTUPLE_TARGET || mode == TTUPLE_TARGET_NS) {
        TRY(nest(p));
        TRY(parse_primary(p, mode == TTUPLE_TARGET_NS, ret));
        p->run->calls--;
        return HEARTH_OK;
    }
    return tparse_expression(p, mode == TTUPLE_FULL, ret);
}

hearth_status tparse_tuple(tparser *p, ttuple_mode mode, const char *end_name, bool parenthesised, tnode **ret)
{
    tlist items = {0};
    bool is_tuple = false;
    tnode *tuple = NULL;
    TRY(tparse_node(p, TN_TUPLE, &tuple));
    for (;;) {
        tnode *item = NULL;
        if (items.count > 0) {
            TRY(tparse_expect(p, TT_COMMA));
        }
        if (tuple_end(p, end_name)) {
            break;
        }
        TRY(tuple_item(p, mode, &item));
        tparse_list_add(&items, item);
        if (p->at->kind != TT_COMMA) {
            break;
        }
        is_tuple = true;
    }
    if (!is_tuple && items.count == 1) {
        *ret = items.last;
        return HEARTH_OK;
    }
    if (items.count == 0 && !parenthesised) {
        return TRUN_WRONG(p->run, "Expected an expression, got '%s'", tlex_describe(p->at->kind));
    }
    tuple->list = items.first;
    tuple->count = items.count;
    *ret = tuple;
    return HEARTH_OK;
}

/* The part of a slice behind a colon, when there is one. */
static hearth_status slice_part(tparser *p, const tnode **ret)
{
    if (p->at->kind == TT_COLON || p->at->kind == TT_RBRACKET || p->at->kind == TT_COMMA) {
        return HEARTH_OK;
    }
    tnode *part = NULL;
    TRY(tparse_expression(p, true, &part));
    *ret = part;
    return HEARTH_OK;
}

static hearth_status parse_subscribed(tparser *p, tnode **ret)
{
    tnode *slice = NULL;
    tnode *first = NULL;
    TRY(tparse_node(p, TN_SLICE, &slice));
    if (p->at->kind != TT_COLON) {
        TRY(tparse_expression(p, true, &first));
        if (p->at->kind != TT_COLON) {
            *ret = first;
            return HEARTH_OK;
        }
    }
    tparse_next(p);
    slice->a = first;
    TRY(slice_part(p, &slice->b));
    if (tparse_skip(p, TT_COLON)) {
        TRY(slice_part(p, &slice->c));
    }
    *ret = slice;
    return HEARTH_OK;
}

static hearth_status parse_item(tparser *p, tnode *object, tnode **ret)
{
    tlist keys = {0};
    tnode *node = NULL;
    TRY(tparse_node(p, TN_GETITEM, &node));
    node->a = object;
    tparse_next(p);
    while (p->at->kind != TT_RBRACKET) {
        tnode *key = NULL;
        if (keys.count > 0) {
            TRY(tparse_expect(p, TT_COMMA));
        }
        TRY(parse_subscribed(p, &key));
        tparse_list_add(&keys, key);
    }
    if (keys.count == 1) {
        node->b = keys.first;
    } else {
        tnode *tuple = NULL;
        TRY(tparse_node(p, TN_TUPLE, &tuple));
        tuple->list = keys.first;
        tuple->count = keys.count;
        node->b = tuple;
    }
    *ret = node;
    return tparse_expect(p, TT_RBRACKET);
}

static hearth_status parse_attribute(tparser *p, tnode *object, tnode **ret)
{
    tnode *node = NULL;
    TRY(tparse_node(p, TN_GETATTR, &node));
    node->a = object;
    tparse_next(p);
    *ret = node;
    if (p->at->kind == TT_INTEGER) {
        tnode *key = NULL;
        TRY(tparse_node(p, TN_CONST, &key));
        key->value = p->at->value;
        node->kind = TN_GETITEM;
        node->b = key;
    } else if (p->at->kind == TT_NAME) {
        node->value = p->at->value;
    } else {
        return TRUN_WRONG(p->run, "expected name or number");
    }
    tparse_next(p);
    return HEARTH_OK;
}

static hearth_status parse_argument(tparser *p, bool *dynamic, bool *keywords, tnode **ret)
{
    tnode *node = NULL;
    tnode *value = NULL;
    const ttoken *start = p->at;
    const bool spread = tparse_skip(p, TT_MUL);
    const bool spread2 = !spread && tparse_skip(p, TT_POW);
    const bool keyword = !spread && !spread2 && start->kind == TT_NAME && start[1].kind == TT_ASSIGN;
    if (!spread2 && (*dynamic || (!keyword && !spread && *keywords))) {
        return TRUN_WRONG(p->run, "invalid syntax for function call expression");
    }
    if (keyword) {
        tparse_next(p);
        tparse_next(p);
    }
    TRY(tparse_expression(p, true, &value));
    *ret = value;
    if (!keyword && !spread && !spread2) {
        return HEARTH_OK;
    }
    TRY(tparse_node(p, keyword ? TN_KEYWORD : (spread ? TN_SPREAD : TN_SPREAD2), &node));
    node->value = start->value;
    node->a = value;
    *keywords = *keywords || keyword;
    *dynamic = *dynamic || spread2;
    *ret = node;
    return HEARTH_OK;
}

static hearth_status parse_arguments(tparser *p, tnode *call)
{
    tlist arguments = {0};
    bool dynamic = false;
    bool keywords = false;
    TRY(tparse_expect(p, TT_LPAREN));
    while (p->at->kind != TT_RPAREN) {
        tnode *argument = NULL;
        if (arguments.count > 0) {
            TRY(tparse_expect(p, TT_COMMA));
            if (p->at->kind == TT_RPAREN) {
                break;
            }
        }
        TRY(parse_argument(p, &dynamic, &keywords, &argument));
        tparse_list_add(&arguments, argument);
    }
    call->list = arguments.first;
    call->count = arguments.count;
    return tparse_expect(p, TT_RPAREN);
}

static hearth_status parse_call(tparser *p, tnode *callee, tnode **ret)
{
    tnode *node = NULL;
    TRY(tparse_node(p, TN_CALL, &node));
    node->a = callee;
    *ret = node;
    return parse_arguments(p, node);
}

static hearth_status parse_postfix(tparser *p, tnode **node)
{
    for (;;) {
        if (p->at->kind == TT_DOT) {
            TRY(parse_attribute(p, *node, node));
        } else if (p->at->kind == TT_LBRACKET) {
            TRY(parse_item(p, *node, node));
        } else if (p->at->kind == TT_LPAREN) {
            TRY(parse_call(p, *node, node));
        } else {
            return HEARTH_OK;
        }
    }
}

/* "name" or "some.name" of a filter or a test. */
static hearth_status builtin_name(tparser *p, tnode *node)
{
    const ttoken *first = p->at;
    TRY(tparse_expect(p, TT_NAME));
    node->value = first->value;
    if (p->at->kind == TT_DOT) {
        return TRUN_FAIL(p->run, HEARTH_E_UNSUPPORTED, "no filter or test named '%s.…'", node->value.as.string->bytes);
    }
    return HEARTH_OK;
}

hearth_status tparse_filters(tparser *p, tnode *operand, bool inline_first, tnode **ret)
{
    while (inline_first || tparse_skip(p, TT_PIPE)) {
        tnode *node = NULL;
        inline_first = false;
        TRY(tparse_node(p, TN_FILTER, &node));
        TRY(builtin_name(p, node));
        node->a = operand;
        node->builtin = tfilter_find(node->value.as.string->bytes);
        if (p->at->kind == TT_LPAREN) {
            TRY(parse_arguments(p, node));
        }
        operand = node;
    }
    *ret = operand;
    return HEARTH_OK;
}

/* A test's argument may stand without parentheses: "x is divisibleby 3". */
static hearth_status bare_argument(tparser *p, tnode *test)
{
    switch (p->at->kind) {
    case TT_NAME:
        if (tparse_is_name(p, "else") || tparse_is_name(p, "or") || tparse_is_name(p, "and")) {
            return HEARTH_OK;
        }
        if (tparse_is_name(p, "is")) {
            return TRUN_WRONG(p->run, "You cannot chain multiple tests with is");
        }
        break;
    case TT_STRING:
    case TT_INTEGER:
    case TT_FLOAT:
    case TT_LBRACKET:
    case TT_LBRACE:
        break;
    default:
        return HEARTH_OK;
    }
    tnode *argument = NULL;
    TRY(parse_primary(p, false, &argument));
    TRY(parse_postfix(p, &argument));
    test->list = argument;
    test->count = 1;
    return HEARTH_OK;
}

static hearth_status parse_test(tparser *p, tnode *operand, tnode **ret)
{
    tnode *test = NULL;
    tparse_next(p);
    const bool negated = tparse_skip_name(p, "not");
    TRY(tparse_node(p, TN_TEST, &test));
    TRY(builtin_name(p, test));
    test->a = operand;
    test->builtin = ttest_find(test->value.as.string->bytes);
    if (p->at->kind == TT_LPAREN) {
        TRY(parse_arguments(p, test));
    } else {
        TRY(bare_argument(p, test));
    }
    *ret = test;
    return negated ? binary(p, TN_NOT, 0, test, NULL, ret) : HEARTH_OK;
}

static hearth_status parse_filter_expression(tparser *p, tnode **node)
{
    for (;;) {
        if (p->at->kind == TT_PIPE) {
            TRY(tparse_filters(p, *node, false, node));
        } else if (tparse_is_name(p, "is")) {
            TRY(parse_test(p, *node, node));
        } else if (p->at->kind == TT_LPAREN) {
            TRY(parse_call(p, *node, node));
        } else {
            return HEARTH_OK;
        }
    }
}

static hearth_status parse_unary(tparser *p, bool with_filter, tnode **ret)
{
    if (p->at->kind == TT_SUB || p->at->kind == TT_ADD) {
        tnode *node = NULL;
        tnode *operand = NULL;
        TRY(tparse_node(p, TN_UNARY, &node));
        node->op = (uint8_t)p->at->kind;
        tparse_next(p);
        TRY(nest(p));
        TRY(parse_unary(p, false, &operand));
        p->run->calls--;
        node->a = operand;
        *ret = node;
    } else {
        TRY(parse_primary(p, false, ret));
    }
    TRY(parse_postfix(p, ret));
    if (with_filter) {
        TRY(parse_filter_expression(p, ret));
    }
    return HEARTH_OK;
}

static hearth_status parse_pow(tparser *p, tnode **ret)
{
    TRY(parse_unary(p, true, ret));
    while (tparse_skip(p, TT_POW)) {
        tnode *right = NULL;
        TRY(parse_unary(p, true, &right));
        TRY(binary(p, TN_BINARY, TT_POW, *ret, right, ret));
    }
    return HEARTH_OK;
}

static hearth_status parse_product(tparser *p, tnode **ret)
{
    TRY(parse_pow(p, ret));
    while (p->at->kind == TT_MUL || p->at->kind == TT_DIV || p->at->kind == TT_FLOORDIV || p->at->kind == TT_MOD) {
        const uint8_t op = (uint8_t)p->at->kind;
        tnode *right = NULL;
        tparse_next(p);
        TRY(parse_pow(p, &right));
        TRY(binary(p, TN_BINARY, op, *ret, right, ret));
    }
    return HEARTH_OK;
}

static hearth_status parse_concat(tparser *p, tnode **ret)
{
    TRY(parse_product(p, ret));
    if (p->at->kind != TT_TILDE) {
        return HEARTH_OK;
    }
    tlist parts = {0};
    tnode *node = NULL;
    TRY(tparse_node(p, TN_CONCAT, &node));
    tparse_list_add(&parts, *ret);
    while (tparse_skip(p, TT_TILDE)) {
        tnode *part = NULL;
        TRY(parse_product(p, &part));
        tparse_list_add(&parts, part);
    }
    node->list = parts.first;
    node->count = parts.count;
    *ret = node;
    return HEARTH_OK;
}

static hearth_status parse_sum(tparser *p, tnode **ret)
{
    TRY(parse_concat(p, ret));
    while (p->at->kind == TT_ADD || p->at->kind == TT_SUB) {
        const uint8_t op = (uint8_t)p->at->kind;
        tnode *right = NULL;
        tparse_next(p);
        TRY(parse_concat(p, &right));
        TRY(binary(p, TN_BINARY, op, *ret, right, ret));
    }
    return HEARTH_OK;
}

static uint8_t compare_operator(tparser *p)
{
    if (p->at->kind >= TT_EQ && p->at->kind <= TT_GE) {
        const uint8_t op = (uint8_t)p->at->kind;
        tparse_next(p);
        return op;
    }
    if (tparse_skip_name(p, "in")) {
        return TN_OP_IN;
    }
    if (tparse_is_name(p, "not") && p->at[1].kind == TT_NAME && tval_is(p->at[1].value, "in")) {
        tparse_next(p);
        tparse_next(p);
        return TN_OP_NOT_IN;
    }
    return 0;
}

static hearth_status parse_compare(tparser *p, tnode **ret)
{
    tlist operands = {0};
    tnode *node = NULL;
    TRY(parse_sum(p, ret));
    for (uint8_t op = compare_operator(p); op != 0; op = compare_operator(p)) {
        tnode *right = NULL;
        tnode *operand = NULL;
        TRY(parse_sum(p, &right));
        TRY(binary(p, TN_OPERAND, op, right, NULL, &operand));
        tparse_list_add(&operands, operand);
    }
    if (operands.count == 0) {
        return HEARTH_OK;
    }
    TRY(tparse_node(p, TN_COMPARE, &node));
    node->a = *ret;
    node->list = operands.first;
    node->count = operands.count;
    *ret = node;
    return HEARTH_OK;
}

static hearth_status parse_not(tparser *p, tnode **ret)
{
    bool negated = false;
    bool any = false;
    while (tparse_skip_name(p, "not")) {
        negated = !negated;
        any = true;
    }
    TRY(parse_compare(p, ret));
    if (any) {
        TRY(binary(p, TN_NOT, 0, *ret, NULL, ret));
        if (!negated) {
            TRY(binary(p, TN_NOT, 0, *ret, NULL, ret));
        }
    }
    return HEARTH_OK;
}

static hearth_status parse_and(tparser *p, tnode **ret)
{
    TRY(parse_not(p, ret));
    while (tparse_skip_name(p, "and")) {
        tnode *right = NULL;
        TRY(parse_not(p, &right));
        TRY(binary(p, TN_AND, 0, *ret, right, ret));
    }
    return HEARTH_OK;
}

static hearth_status parse_or(tparser *p, tnode **ret)
{
    TRY(parse_and(p, ret));
    while (tparse_skip_name(p, "or")) {
        tnode *right = NULL;
        TRY(parse_and(p, &right));
        TRY(binary(p, TN_OR, 0, *ret, right, ret));
    }
    return HEARTH_OK;
}

hearth_status tparse_expression(tparser *p, bool with_cond, tnode **ret)
{
    TRY(nest(p));
    TRY(parse_or(p, ret));
    while (with_cond && tparse_skip_name(p, "if")) {
        tnode *node = NULL;
        tnode *test = NULL;
        tnode *otherwise = NULL;
        TRY(tparse_node(p, TN_COND, &node));
        TRY(parse_or(p, &test));
        if (tparse_skip_name(p, "else")) {
            TRY(tparse_expression(p, true, &otherwise));
        }
        node->a = *ret;
        node->b = test;
        node->c = otherwise;
        *ret = node;
    }
    p->run->calls--;
    return HEARTH_OK;
}

static hearth_status check_target(tparser *p, const tnode *target)
{
    if (target->kind == TN_TUPLE) {
        for (const tnode *item = target->list; item != NULL; item = item->next) {
            TRY(check_target(p, item));
        }
        return HEARTH_OK;
    }
    if (target->kind != TN_NAME && target->kind != TN_NSREF) {
        return TRUN_WRONG(p->run, "can't assign to an expression");
    }
    return HEARTH_OK;
}

hearth_status tparse_target(tparser *p, bool with_namespace, const char *end_name, tnode **ret)
{
    TRY(tparse_tuple(p, with_namespace ? TTUPLE_TARGET_NS : TTUPLE_TARGET, end_name, false, ret));
    return check_target(p, *ret);
}
