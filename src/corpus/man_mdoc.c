/* mdoc(7): macros that call each other within a line. */
#include "corpus/man_page.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

typedef struct words {
    man_page *p;
    const char *const *at;
    size_t left;
} words;

typedef hearth_status (*word_fn)(words *w);

typedef struct mdoc_row {
    const char *name;
    const char *open, *close; /* around what follows, up to the end of the line */
    const char *alone;        /* what stands where nothing follows */
    word_fn fn;               /* NULL: words as they are */
} mdoc_row;

static const mdoc_row *find(const char *name);
static hearth_status run(words *w);

/* ---- words ---- */

static bool is_closing(const char *word)
{
    return strlen(word) == 1 && strchr(".,:;)]?!", *word) != NULL;
}

static bool is_opening(const char *word)
{
    return strlen(word) == 1 && strchr("([", *word) != NULL;
}

static hearth_status put_word(man_page *p, const char *word)
{
    const bool joins = is_closing(word) || p->spacing == MAN_SPACING_OFF;
    p->spacing = p->spacing == MAN_SPACING_ENDS ? MAN_SPACING_OFF : p->spacing;
    if (joins) {
        return man_put_joined(p, word);
    }
    TRY(man_put(p, word));
    p->joined = p->joined || is_opening(word);
    return HEARTH_OK;
}

static const char *next(words *w)
{
    w->left--;
    return *w->at++;
}

/* Words up to the next macro's name or the end; closing signs after it are the line's. */
static bool has_word(const words *w)
{
    return w->left > 0 && find(*w->at) == NULL;
}

static bool ends_here(const words *w)
{
    for (size_t i = 0; i < w->left; i++) {
        if (!is_closing(w->at[i])) {
            return false;
        }
    }
    return true;
}

static hearth_status put_words(words *w)
{
    while (has_word(w)) {
        TRY(put_word(w->p, next(w)));
    }
    return HEARTH_OK;
}

static hearth_status put_all(words *w)
{
    while (w->left > 0) {
        TRY(put_word(w->p, next(w)));
    }
    return HEARTH_OK;
}

/* ---- one macro ---- */

static hearth_status flags(words *w)
{
    man_page *p = w->p;
    if (!has_word(w) || is_closing(*w->at)) {
        TRY(put_word(p, "-"));
        p->joined = w->left > 0 && !ends_here(w);
        return HEARTH_OK;
    }
    while (has_word(w)) {
        const char *word = next(w);
        if (is_closing(word) || is_opening(word) || strcmp(word, "|") == 0) {
            TRY(put_word(p, word));
        } else {
            TRY(put_word(p, "-"));
            TRY(man_put_joined(p, word));
        }
    }
    return HEARTH_OK;
}

static hearth_status named(words *w)
{
    man_page *p = w->p;
    const bool here = has_word(w) && !is_closing(*w->at);
    if (here && p->name == NULL) {
        TRY(man_keep(p, *w->at, strlen(*w->at), &p->name));
    }
    if (!here && p->name != NULL) {
        return put_word(p, p->name);
    }
    return HEARTH_OK;
}

static hearth_status described(words *w)
{
    TRY(put_word(w->p, "-"));
    return put_all(w);
}

static hearth_status referred(words *w)
{
    man_page *p = w->p;
    if (has_word(w)) {
        TRY(put_word(p, next(w)));
    }
    if (has_word(w) && !is_closing(*w->at)) {
        TRY(man_put_joined(p, "("));
        TRY(man_put_joined(p, next(w)));
        TRY(man_put_joined(p, ")"));
    }
    return HEARTH_OK;
}

/* A function's arguments, apart by commas, in parentheses. */
static hearth_status function(words *w)
{
    man_page *p = w->p;
    bool first = true;
    TRY(has_word(w) ? put_word(p, next(w)) : HEARTH_OK);
    TRY(man_put_joined(p, "("));
    p->joined = true;
    while (has_word(w) && !is_closing(*w->at)) {
        TRY(first ? HEARTH_OK : man_put_joined(p, ","));
        TRY(put_word(p, next(w)));
        first = false;
    }
    TRY(man_put_joined(p, ")"));
    if (p->synopsis) {
        TRY(man_put_joined(p, ";"));
        return man_break(p);
    }
    return HEARTH_OK;
}

static hearth_status function_begins(words *w)
{
    TRY(has_word(w) ? put_word(w->p, next(w)) : HEARTH_OK);
    TRY(man_put_joined(w->p, "("));
    w->p->joined = true;
    w->p->function = 0;
    return HEARTH_OK;
}

static hearth_status function_ends(words *w)
{
    w->p->function = -1;
    TRY(man_put_joined(w->p, w->p->synopsis ? ");" : ")"));
    return w->p->synopsis ? man_break(w->p) : HEARTH_OK;
}

static hearth_status function_argument(words *w)
{
    man_page *p = w->p;
    while (has_word(w)) {
        if (p->function > 0 && !is_closing(*w->at)) {
            TRY(man_put_joined(p, ","));
        }
        p->function += p->function >= 0;
        TRY(put_word(p, next(w)));
    }
    return HEARTH_OK;
}

static hearth_status function_type(words *w)
{
    TRY(w->p->synopsis ? man_break(w->p) : HEARTH_OK);
    return put_words(w);
}

static hearth_status included(words *w)
{
    man_page *p = w->p;
    TRY(p->synopsis ? man_break(p) : HEARTH_OK);
    TRY(put_word(p, p->synopsis ? "#include <" : "<"));
    TRY(has_word(w) ? man_put_joined(p, next(w)) : HEARTH_OK);
    return man_put_joined(p, ">");
}

static hearth_status own_line(words *w)
{
    TRY(man_break(w->p));
    TRY(put_all(w));
    return man_break(w->p);
}

static hearth_status without_space(words *w)
{
    w->p->joined = true;
    return put_words(w);
}

static hearth_status apostrophe(words *w)
{
    TRY(man_put_joined(w->p, "'"));
    return without_space(w);
}

static hearth_status prefixed(words *w)
{
    TRY(w->left > 0 ? put_word(w->p, next(w)) : HEARTH_OK);
    w->p->joined = true;
    return HEARTH_OK;
}

static hearth_status spacing(words *w)
{
    const bool off = w->left > 0 && strcmp(*w->at, "off") == 0;
    w->left = 0;
    w->p->spacing = off ? MAN_SPACING_ENDS : MAN_SPACING_ON;
    return HEARTH_OK;
}

static hearth_status linked(words *w)
{
    man_page *p = w->p;
    const char *address = w->left > 0 ? next(w) : "";
    bool text = false;
    while (has_word(w) && !is_closing(*w->at)) {
        TRY(put_word(p, next(w)));
        text = true;
    }
    TRY(text ? man_put(p, "<") : HEARTH_OK);
    TRY(text ? man_put_joined(p, address) : put_word(p, address));
    return text ? man_put_joined(p, ">") : HEARTH_OK;
}

static hearth_status ignored(words *w)
{
    w->left = 0;
    return HEARTH_OK;
}

static hearth_status exits(words *w)
{
    man_page *p = w->p;
    w->left = 0;
    TRY(man_put(p, "The"));
    TRY(man_put(p, p->name != NULL ? p->name : "utility"));
    return man_put(p, "utility exits 0 on success, and >0 if an error occurs.");
}

static hearth_status returns(words *w)
{
    w->left = 0;
    return man_put(w->p,
                   "Upon successful completion, the value 0 is returned; otherwise the value -1 is returned and the "
                   "global variable errno is set to indicate the error.");
}

static hearth_status standard(words *w)
{
    while (has_word(w)) {
        const char *word = next(w);
        TRY(put_word(w->p, word + (*word == '-')));
    }
    return HEARTH_OK;
}

/* A part of a reference, .%A and so on. */
static hearth_status cited(words *w)
{
    man_page *p = w->p;
    if (p->reference > 0 && p->at_line) {
        TRY(man_put_joined(p, ","));
    }
    p->reference += p->reference >= 0;
    return put_all(w);
}

/* The end of an item's tag that went over several lines. */
static hearth_status extended(words *w)
{
    man_page *p = w->p;
    if (p->tag == 3) {
        p->tag = 0;
        TRY(put_all(w));
        TRY(man_break(p));
        p->indent++;
    }
    return HEARTH_OK;
}

static hearth_status next_cell(words *w)
{
    if (w->p->at_line) {
        TRY(buffer_append_char(w->p->out, ' ', w->p->error));
    }
    return HEARTH_OK;
}

static hearth_status opens(words *w)
{
    w->p->joined = true;
    return HEARTH_OK;
}

static hearth_status closes(words *w)
{
    (void)w;
    return HEARTH_OK;
}

/* In the order of ASCII. `open` of a row with `closes` is what it puts. */
static const mdoc_row rows[] = {
    {"%A", NULL, NULL, NULL, cited},
    {"%B", NULL, NULL, NULL, cited},
    {"%C", NULL, NULL, NULL, cited},
    {"%D", NULL, NULL, NULL, cited},
    {"%I", NULL, NULL, NULL, cited},
    {"%J", NULL, NULL, NULL, cited},
    {"%N", NULL, NULL, NULL, cited},
    {"%O", NULL, NULL, NULL, cited},
    {"%P", NULL, NULL, NULL, cited},
    {"%Q", NULL, NULL, NULL, cited},
    {"%R", NULL, NULL, NULL, cited},
    {"%T", NULL, NULL, NULL, cited},
    {"%U", NULL, NULL, NULL, cited},
    {"%V", NULL, NULL, NULL, cited},
    {"Ac", ">", NULL, NULL, closes},
    {"Ad", NULL, NULL, NULL, NULL},
    {"An", NULL, NULL, NULL, NULL},
    {"Ao", "<", NULL, NULL, opens},
    {"Ap", NULL, NULL, NULL, apostrophe},
    {"Aq", "<", ">", NULL, NULL},
    {"Ar", NULL, NULL, "file ...", NULL},
    {"At", NULL, NULL, "AT&T UNIX", NULL},
    {"Bc", "]", NULL, NULL, closes},
    {"Bo", "[", NULL, NULL, opens},
    {"Bq", "[", "]", NULL, NULL},
    {"Brc", "}", NULL, NULL, closes},
    {"Bro", "{", NULL, NULL, opens},
    {"Brq", "{", "}", NULL, NULL},
    {"Bsx", "BSD/OS", "", NULL, NULL},
    {"Bx", NULL, NULL, "BSD", NULL},
    {"Cd", NULL, NULL, NULL, NULL},
    {"Cm", NULL, NULL, NULL, NULL},
    {"Dc", "\u201D", NULL, NULL, closes},
    {"Do", "\u201C", NULL, NULL, opens},
    {"Dq", "\u201C", "\u201D", NULL, NULL},
    {"Dv", NULL, NULL, NULL, NULL},
    {"Dx", "DragonFly", "", NULL, NULL},
    {"Ec", NULL, NULL, NULL, NULL},
    {"Em", NULL, NULL, NULL, NULL},
    {"Eo", NULL, NULL, NULL, NULL},
    {"Er", NULL, NULL, NULL, NULL},
    {"Ev", NULL, NULL, NULL, NULL},
    {"Ex", NULL, NULL, NULL, exits},
    {"Fa", NULL, NULL, NULL, function_argument},
    {"Fc", NULL, NULL, NULL, function_ends},
    {"Fd", NULL, NULL, NULL, own_line},
    {"Fl", NULL, NULL, NULL, flags},
    {"Fn", NULL, NULL, NULL, function},
    {"Fo", NULL, NULL, NULL, function_begins},
    {"Fr", NULL, NULL, NULL, NULL},
    {"Ft", NULL, NULL, NULL, function_type},
    {"Fx", "FreeBSD", "", NULL, NULL},
    {"Ic", NULL, NULL, NULL, NULL},
    {"In", NULL, NULL, NULL, included},
    {"Lb", NULL, NULL, NULL, NULL},
    {"Li", NULL, NULL, NULL, NULL},
    {"Lk", NULL, NULL, NULL, linked},
    {"Ms", NULL, NULL, NULL, NULL},
    {"Mt", NULL, NULL, NULL, NULL},
    {"Nd", NULL, NULL, NULL, described},
    {"Nm", NULL, NULL, NULL, named},
    {"No", NULL, NULL, NULL, NULL},
    {"Ns", NULL, NULL, NULL, without_space},
    {"Nx", "NetBSD", "", NULL, NULL},
    {"Oc", "]", NULL, NULL, closes},
    {"Oo", "[", NULL, NULL, opens},
    {"Op", "[", "]", NULL, NULL},
    {"Ox", "OpenBSD", "", NULL, NULL},
    {"Pa", NULL, NULL, "~", NULL},
    {"Pc", ")", NULL, NULL, closes},
    {"Pf", NULL, NULL, NULL, prefixed},
    {"Po", "(", NULL, NULL, opens},
    {"Pq", "(", ")", NULL, NULL},
    {"Qc", "\"", NULL, NULL, closes},
    {"Ql", "\u2018", "\u2019", NULL, NULL},
    {"Qo", "\"", NULL, NULL, opens},
    {"Qq", "\"", "\"", NULL, NULL},
    {"Rv", NULL, NULL, NULL, returns},
    {"Sc", "\u2019", NULL, NULL, closes},
    {"Sm", NULL, NULL, NULL, spacing},
    {"So", "\u2018", NULL, NULL, opens},
    {"Sq", "\u2018", "\u2019", NULL, NULL},
    {"St", NULL, NULL, NULL, standard},
    {"Sx", "\u201C", "\u201D", NULL, NULL},
    {"Sy", NULL, NULL, NULL, NULL},
    {"Ta", NULL, NULL, NULL, next_cell},
    {"Tg", NULL, NULL, NULL, ignored},
    {"Tn", NULL, NULL, NULL, NULL},
    {"Ux", "UNIX", "", NULL, NULL},
    {"Va", NULL, NULL, NULL, NULL},
    {"Vt", NULL, NULL, NULL, NULL},
    {"Xc", NULL, NULL, NULL, extended},
    {"Xo", NULL, NULL, NULL, NULL},
    {"Xr", NULL, NULL, NULL, referred},
};

static const mdoc_row *find(const char *name)
{
    size_t low = 0, high = sizeof rows / sizeof *rows;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(name, rows[middle].name);
        if (order == 0) {
            return &rows[middle];
        }
        low = order > 0 ? middle + 1 : low;
        high = order < 0 ? middle : high;
    }
    return NULL;
}

/* What stands in signs: the signs go around it, and before the closing signs that end the line. */
static hearth_status enclosed(words *w, const mdoc_row *row)
{
    man_page *p = w->p;
    size_t behind = 0;
    while (behind < w->left && is_closing(w->at[w->left - 1 - behind])) {
        behind++;
    }
    words inner = {p, w->at, w->left - behind};
    TRY(put_word(p, row->open));
    p->joined = true;
    TRY(run(&inner));
    TRY(man_put_joined(p, row->close));
    p->joined = false;
    w->at += w->left - behind;
    w->left = behind;
    return HEARTH_OK;
}

static hearth_status apply(words *w, const mdoc_row *row)
{
    man_page *p = w->p;
    if (row->close != NULL && row->close[0] != '\0') {
        return enclosed(w, row);
    }
    if (row->fn == closes) {
        return man_put_joined(p, row->open);
    }
    if (row->open != NULL) {
        TRY(put_word(p, row->open));
    }
    if (row->fn != NULL) {
        return row->fn(w);
    }
    if (row->alone != NULL && (!has_word(w) || is_closing(*w->at))) {
        TRY(put_word(p, row->alone));
    }
    return put_words(w);
}

/* All words of a line: names of macros are called, the others put. */
static hearth_status run(words *w)
{
    if (++w->p->nesting > 4 * MAN_NESTING) {
        w->p->nesting--;
        return put_all(w);
    }
    hearth_status status = HEARTH_OK;
    while (w->left > 0 && status == HEARTH_OK) {
        const char *word = next(w);
        const mdoc_row *row = find(word);
        status = row != NULL ? apply(w, row) : put_word(w->p, word);
    }
    w->p->nesting--;
    return status;
}

/* ---- what begins a line alone ---- */

static hearth_status run_all(man_page *p, const char *const *arguments, size_t count)
{
    words w = {p, arguments, count};
    return run(&w);
}

static hearth_status heading(man_page *p, const char *const *arguments, size_t count)
{
    TRY(man_paragraph(p));
    p->tag = 0;
    p->synopsis = count > 0 && strcmp(arguments[0], "SYNOPSIS") == 0;
    p->literal = false;
    p->indent = p->base = 0;
    p->list_depth = p->displays = 0;
    p->function = p->reference = -1;
    TRY(run_all(p, arguments, count));
    return man_break(p);
}

static hearth_status list_begins(man_page *p, const char *const *arguments, size_t count)
{
    static const struct {
        const char *name;
        man_list kind;
    } kinds[] = {{"-bullet", MAN_LIST_BULLET}, {"-dash", MAN_LIST_BULLET}, {"-hyphen", MAN_LIST_BULLET},
                 {"-enum", MAN_LIST_ENUM},     {"-item", MAN_LIST_ITEM},   {"-column", MAN_LIST_COLUMN},
                 {"-inset", MAN_LIST_INLINE},  {"-diag", MAN_LIST_INLINE}, {"-hang", MAN_LIST_TAG}};
    man_list kind = MAN_LIST_TAG;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            kind = strcmp(arguments[i], kinds[k].name) == 0 ? kinds[k].kind : kind;
        }
    }
    TRY(man_break(p));
    if (p->list_depth < MAN_NESTING) {
        p->lists[p->list_depth].kind = kind;
        p->lists[p->list_depth].count = 0;
        p->lists[p->list_depth].indent = p->indent;
        p->list_depth++;
    }
    return HEARTH_OK;
}

static hearth_status list_ends(man_page *p)
{
    TRY(man_paragraph(p));
    if (p->list_depth > 0) {
        p->indent = p->lists[--p->list_depth].indent;
    }
    return HEARTH_OK;
}

static bool extends(const char *const *arguments, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(arguments[i], "Xo") == 0) {
            return true;
        }
    }
    return false;
}

static hearth_status item(man_page *p, const char *const *arguments, size_t count)
{
    if (p->list_depth == 0) {
        return run_all(p, arguments, count);
    }
    const int top = p->list_depth - 1;
    const man_list kind = p->lists[top].kind;
    char number[24];
    TRY(kind == MAN_LIST_COLUMN ? man_break(p) : man_paragraph(p));
    p->indent = p->lists[top].indent;
    p->lists[top].count++;
    if (kind == MAN_LIST_BULLET || kind == MAN_LIST_ENUM) {
        (void)snprintf(number, sizeof number, "%u.", p->lists[top].count);
        TRY(man_plain(p, kind == MAN_LIST_BULLET ? "\u2022" : number));
    }
    TRY(run_all(p, arguments, count));
    if (kind == MAN_LIST_TAG && extends(arguments, count)) {
        p->tag = 3;
        return HEARTH_OK;
    }
    if (kind == MAN_LIST_TAG) {
        TRY(man_break(p));
    }
    p->indent += kind != MAN_LIST_COLUMN && kind != MAN_LIST_ITEM;
    return HEARTH_OK;
}

static hearth_status display_begins(man_page *p, const char *const *arguments, size_t count)
{
    TRY(man_paragraph(p));
    if (p->displays < MAN_NESTING) {
        p->literals[p->displays++] = p->literal;
    }
    p->literal = count > 0 && (strcmp(arguments[0], "-literal") == 0 || strcmp(arguments[0], "-unfilled") == 0);
    p->indent++;
    return HEARTH_OK;
}

static hearth_status display_ends(man_page *p)
{
    TRY(man_paragraph(p));
    if (p->displays > 0) {
        p->literal = p->literals[--p->displays];
    }
    p->indent -= p->indent > 0;
    return HEARTH_OK;
}

static hearth_status one_line(man_page *p, const char *const *arguments, size_t count)
{
    TRY(man_break(p));
    p->indent++;
    TRY(run_all(p, arguments, count));
    TRY(man_break(p));
    p->indent--;
    return HEARTH_OK;
}

static hearth_status reference_line(man_page *p, bool begins)
{
    TRY(!begins && p->reference > 0 ? man_put_joined(p, ".") : HEARTH_OK);
    p->reference = begins ? 0 : -1;
    return HEARTH_OK;
}

static bool among(const char *name, const char *list)
{
    const char *found = strstr(list, name);
    const size_t length = strlen(name);
    return found != NULL && (found == list || found[-1] == ' ') && (found[length] == ' ' || found[length] == '\0');
}

static hearth_status block(man_page *p, const char *name, const char *const *arguments, size_t count, bool *ret_known)
{
    *ret_known = true;
    if (among(name, "Sh Ss")) {
        return heading(p, arguments, count);
    }
    if (among(name, "Pp Lp")) {
        return man_paragraph(p);
    }
    if (strcmp(name, "Dt") == 0) {
        return man_title(p, arguments, count);
    }
    if (strcmp(name, "Bl") == 0) {
        return list_begins(p, arguments, count);
    }
    if (strcmp(name, "El") == 0) {
        return list_ends(p);
    }
    if (strcmp(name, "It") == 0) {
        return item(p, arguments, count);
    }
    if (strcmp(name, "Bd") == 0) {
        return display_begins(p, arguments, count);
    }
    if (strcmp(name, "Ed") == 0) {
        return display_ends(p);
    }
    if (among(name, "D1 Dl")) {
        return one_line(p, arguments, count);
    }
    if (among(name, "Rs Re")) {
        return reference_line(p, name[1] == 's');
    }
    *ret_known = among(name, "Dd Os Bk Ek Bf Ef Db Ud Bt Hf");
    return HEARTH_OK;
}

hearth_status man_mdoc(man_page *p, const char *name, const char *const *arguments, size_t count, bool *ret_known)
{
    TRY(block(p, name, arguments, count, ret_known));
    const mdoc_row *row = find(name);
    if (*ret_known || row == NULL) {
        return HEARTH_OK;
    }
    *ret_known = true;
    if (strcmp(name, "Nm") == 0 && p->synopsis) {
        TRY(man_break(p));
    }
    words w = {p, arguments, count};
    TRY(apply(&w, row));
    return run(&w);
}
