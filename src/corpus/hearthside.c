/* The grammar of hearthside: words, facts, questions, themes. Rows of tables; the code draws among them. */
#include "corpus/hearthside.h"

#include "base/memory.h"
#include "base/random.h"

#include <stdio.h>
#include <string.h>

#define HELD_OUT_ONE_IN 8u
#define FACTS_MOST 8u
#define ASKED_MOST 7u
#define TRIES_MOST 4096u
#define SPLIT_STEP ((uint64_t)1 << 63)    /* above every document's index: the split's draws */
#define QUESTION_STEP ((uint64_t)1 << 62) /* held-out questions' draws */
#define WHOLE_MOST 20u                    /* arithmetic ends there */

typedef enum word_class { PERSON, OBJECT, COLOUR, PLACE, PET, WORD, AGE, NUMBER, FEW, NO_WORD } word_class;

static const char *const persons[] = {"Tom", "Ann", "Ben", "Eva", "Max", "Mia", "Leo", "Ida", "Sam", "Zoe"};
static const char *const objects[] = {"ball", "hat", "cup", "book", "key", "box", "bag", "coat", "lamp", "kite"};
static const char *const colours[] = {"red", "blue", "green", "white", "black", "pink"};
static const char *const places[] = {"kitchen", "garden", "hall", "barn", "yard", "school", "shop", "park"};
static const char *const pets[] = {"cat", "dog", "hen", "goat", "duck", "frog"};
/* A word and, beside it, its opposite. */
static const char *const words[] = {"hot",  "cold", "big",  "small", "old",  "new",   "wet",  "dry",
                                    "fast", "slow", "high", "low",   "full", "empty", "good", "bad"};

#define COUNT(array) (unsigned)(sizeof(array) / sizeof(array)[0])
typedef struct word_list {
    const char *const *words; /* NULL: numbers */
    unsigned count, first;
} word_list;
static const word_list lists[] = {
    [PERSON] = {persons, COUNT(persons), 0},
    [OBJECT] = {objects, COUNT(objects), 0},
    [COLOUR] = {colours, COUNT(colours), 0},
    [PLACE] = {places, COUNT(places), 0},
    [PET] = {pets, COUNT(pets), 0},
    [WORD] = {words, COUNT(words), 0},
    [AGE] = {NULL, 10, 5},
    [NUMBER] = {NULL, WHOLE_MOST + 1, 0},
    [FEW] = {NULL, 3, 1},
};

typedef enum fact_kind { HAS, IS_IN, IS_OLD, KEEPS, TOOK, WENT, SAYS, GETS, SUM, DIFFERENCE, FACT_KINDS } fact_kind;

typedef struct fact {
    fact_kind kind;
    unsigned word[3]; /* a, b, c */
} fact;

/* {a}, {b}, {c}: the words; {+} is a + b, {-} is a - b, {!} the opposite of b. */
typedef struct fact_row {
    word_class classes[3];
    const char *told; /* "": nothing is told, the question says it all */
} fact_row;
static const fact_row fact_rows[FACT_KINDS] = {
    [HAS] = {{PERSON, OBJECT, COLOUR}, "{a} has a {c} {b}."},
    [IS_IN] = {{PERSON, PLACE, NO_WORD}, "{a} is in the {b}."},
    [IS_OLD] = {{PERSON, AGE, NO_WORD}, "{a} is {b} years old."},
    [KEEPS] = {{PERSON, PET, NO_WORD}, "{a} keeps a {b}."},
    [TOOK] = {{PERSON, OBJECT, PLACE}, "{a} took the {b} to the {c}."},
    [WENT] = {{PERSON, PLACE, PLACE}, "{a} went to the {b}. Then {a} went to the {c}."},
    [SAYS] = {{PERSON, WORD, PERSON}, "{a} says {b}. {c} says the opposite."},
    [GETS] = {{NUMBER, FEW, PERSON}, "{c} has {a} apples. {c} gets {b} more."},
    [SUM] = {{NUMBER, NUMBER, NO_WORD}, ""},
    [DIFFERENCE] = {{NUMBER, NUMBER, NO_WORD}, ""},
};

typedef struct question_row {
    const char *name;
    fact_kind fact;
    hearthside_pair pair;
    unsigned first, second; /* the pair's words in the fact */
    const char *asked, *answered;
} question_row;
static const question_row question_rows[] = {
    {"what a person has", HAS, PAIR_PERSON_OBJECT, 0, 1, "What does {a} have?", "{a} has a {c} {b}."},
    {"who has it", HAS, PAIR_PERSON_OBJECT, 0, 1, "Who has the {b}?", "{a} has the {b}."},
    {"its colour", HAS, PAIR_OBJECT_COLOUR, 1, 2, "What colour is the {b}?", "The {b} is {c}."},
    {"where a person is", IS_IN, PAIR_PERSON_PLACE, 0, 1, "Where is {a}?", "{a} is in the {b}."},
    {"who is there", IS_IN, PAIR_PERSON_PLACE, 0, 1, "Who is in the {b}?", "{a} is in the {b}."},
    {"how old", IS_OLD, PAIR_PERSON_AGE, 0, 1, "How old is {a}?", "{a} is {b} years old."},
    {"which pet", KEEPS, PAIR_PERSON_PET, 0, 1, "What does {a} keep?", "{a} keeps a {b}."},
    {"where a thing is", TOOK, PAIR_OBJECT_PLACE, 1, 2, "Where is the {b}?", "The {b} is in the {c}."},
    {"who took it", TOOK, PAIR_PERSON_OBJECT, 0, 1, "Who took the {b}?", "{a} took the {b}."},
    {"where a person is now", WENT, PAIR_PERSON_PLACE, 0, 2, "Where is {a} now?", "{a} is in the {c}."},
    {"the opposite", SAYS, PAIR_PERSON_WORD, 2, 1, "What does {c} say?", "{c} says {!}."},
    {"how many now", GETS, PAIR_NUMBERS, 0, 1, "How many apples has {c} now?", "{c} has {+} apples."},
    {"a sum", SUM, PAIR_NUMBERS, 0, 1, "What is {a} plus {b}?", "{a} plus {b} is {+}."},
    {"a difference", DIFFERENCE, PAIR_NUMBERS, 0, 1, "What is {+} minus {b}?", "{+} minus {b} is {a}."},
};
_Static_assert(sizeof question_rows / sizeof question_rows[0] == HEARTHSIDE_QUESTIONS, "a row for each kind");

/* Which facts stand together in a document, how many, and how often such a document comes (of 16). */
typedef struct theme {
    unsigned often, least, most; /* facts */
    fact_kind kinds[4];
    unsigned kind_count;
} theme;
static const theme themes[] = {
    {6, 1, 3, {HAS, IS_IN, IS_OLD, KEEPS}, 4}, /* a household */
    {4, 1, 3, {TOOK, WENT}, 2},                /* a story */
    {2, 1, 3, {SAYS}, 1},
    {1, 1, 2, {GETS}, 1},
    {3, 6, 6, {SUM, DIFFERENCE}, 2},
};
#define THEME_PARTS 16u

/* Draws of one document or question: the words of Philox in their order. */
typedef struct draws {
    uint64_t seed, step, index;
    uint32_t words[4];
    unsigned left;
} draws;

static unsigned draw(draws *d, unsigned below)
{
    if (d->left == 0) {
        random_philox(d->seed, RANDOM_HEARTHSIDE, d->step, d->index++, d->words);
        d->left = 4;
    }
    return (unsigned)(((uint64_t)d->words[--d->left] * below) >> 32);
}

bool hearthside_held_out(uint64_t seed, hearthside_pair kind, unsigned a, unsigned b)
{
    uint32_t drawn[4];
    if (kind == PAIR_NUMBERS && a > b) {
        const unsigned swap = a;
        a = b;
        b = swap;
    }
    random_philox(seed, RANDOM_HEARTHSIDE, SPLIT_STEP + (unsigned)kind, (uint64_t)a << 32 | b, drawn);
    return drawn[0] % HELD_OUT_ONE_IN == 0;
}

static bool row_held_out(uint64_t seed, const question_row *q, const fact *f)
{
    return hearthside_held_out(seed, q->pair, f->word[q->first], f->word[q->second]);
}

/* Whether the fact's words go together at all. */
static bool makes_sense(const fact *f)
{
    switch (f->kind) {
    case WENT:
        return f->word[1] != f->word[2];
    case SAYS:
        return f->word[0] != f->word[2];
    case GETS:
    case SUM:
    case DIFFERENCE:
        return f->word[0] + f->word[1] <= WHOLE_MOST;
    default:
        return true;
    }
}

/* Whether it can stand beside the others: nobody twice in a kind of fact, and no thing, place or pet twice at all. */
static bool stands_apart(const fact *f, const fact *others, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (unsigned w = 0; w < 3; w++) {
            const word_class class = fact_rows[f->kind].classes[w];
            for (unsigned v = 0; v < 3 && class != NO_WORD; v++) {
                const bool same = fact_rows[others[i].kind].classes[v] == class && others[i].word[v] == f->word[w];
                const bool alike = others[i].kind == f->kind;
                if (same && (class == OBJECT || class == PLACE || class == PET || (class == PERSON && alike))) {
                    return false;
                }
            }
        }
        if (others[i].kind == f->kind && fact_rows[f->kind].told[0] == '\0' &&
            memcmp(others[i].word, f->word, sizeof f->word) == 0) {
            return false;
        }
    }
    return true;
}

/* Draws a fact of which nothing is held out but, where it is not NULL, the pair of `wanted`. */
static bool draw_fact(draws *d, fact_kind kind, const question_row *wanted, const fact *others, size_t count, fact *ret)
{
    for (unsigned tries = 0; tries < TRIES_MOST; tries++) {
        *ret = (fact){.kind = kind};
        for (unsigned w = 0; w < 3; w++) {
            const word_class class = fact_rows[kind].classes[w];
            ret->word[w] = class != NO_WORD ? lists[class].first + draw(d, lists[class].count) : 0;
        }
        bool good = makes_sense(ret) && stands_apart(ret, others, count);
        for (unsigned q = 0; good && q < HEARTHSIDE_QUESTIONS; q++) {
            if (question_rows[q].fact == kind) {
                const bool held = wanted != NULL && wanted->pair == question_rows[q].pair;
                good = row_held_out(d->seed, &question_rows[q], ret) == held;
            }
        }
        if (good && kind == WENT) { /* the first place is told, too */
            good = !hearthside_held_out(d->seed, PAIR_PERSON_PLACE, ret->word[0], ret->word[1]);
        }
        if (good) {
            return true;
        }
    }
    return false;
}

static hearth_status write_word(const fact *f, char letter, buffer *out, hearth_error *error)
{
    const unsigned a = f->word[0], b = f->word[1];
    if (letter == '+') {
        return buffer_printf(out, error, "%u", a + b);
    }
    if (letter == '!') {
        return buffer_append_text(out, words[b ^ 1u], error);
    }
    const unsigned w = (unsigned)(letter - 'a');
    const word_list *list = &lists[fact_rows[f->kind].classes[w]];
    return list->words != NULL ? buffer_append_text(out, list->words[f->word[w]], error)
                               : buffer_printf(out, error, "%u", f->word[w]);
}

static hearth_status write_form(const char *form, const fact *f, buffer *out, hearth_error *error)
{
    for (; *form != '\0'; form++) {
        if (form[0] == '{') {
            TRY(write_word(f, form[1], out, error));
            form += 2;
        } else {
            TRY(buffer_append_char(out, *form, error));
        }
    }
    return HEARTH_OK;
}

static hearth_status write_facts(const fact *facts, size_t count, buffer *out, hearth_error *error)
{
    bool told = false;
    for (size_t i = 0; i < count; i++) {
        const char *form = fact_rows[facts[i].kind].told;
        if (form[0] != '\0') {
            TRY(buffer_append_text(out, told ? " " : "", error));
            TRY(write_form(form, &facts[i], out, error));
            told = true;
        }
    }
    return told ? buffer_append_char(out, '\n', error) : HEARTH_OK;
}

static const theme *draw_theme(draws *d)
{
    unsigned part = draw(d, THEME_PARTS);
    const theme *t = themes;
    while (part >= t->often) {
        part -= t->often;
        t++;
    }
    return t;
}

/* Facts of a theme, `first` of which are there. */
static size_t draw_facts(draws *d, const theme *t, fact *facts, size_t first)
{
    const size_t wanted = t->least + draw(d, t->most - t->least + 1);
    size_t count = first;
    while (count < wanted && draw_fact(d, t->kinds[draw(d, t->kind_count)], NULL, facts, count, &facts[count])) {
        count++;
    }
    return count;
}

typedef struct asked {
    const question_row *row;
    const fact *about;
} asked;

/* Every question that the facts answer, shuffled; returns how many. */
static size_t draw_questions(draws *d, const fact *facts, size_t count, asked ret[FACTS_MOST * 4])
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        for (unsigned q = 0; q < HEARTHSIDE_QUESTIONS; q++) {
            if (question_rows[q].fact == facts[i].kind) {
                ret[total++] = (asked){&question_rows[q], &facts[i]};
            }
        }
    }
    for (size_t i = total; i > 1; i--) {
        const size_t j = draw(d, (unsigned)i);
        const asked swap = ret[i - 1];
        ret[i - 1] = ret[j];
        ret[j] = swap;
    }
    return total < ASKED_MOST ? total : ASKED_MOST;
}

static size_t plan_document(uint64_t seed, uint64_t index, fact facts[FACTS_MOST], size_t *ret_facts,
                            asked questions[FACTS_MOST * 4])
{
    draws d = {.seed = seed, .step = index};
    *ret_facts = draw_facts(&d, draw_theme(&d), facts, 0);
    return draw_questions(&d, facts, *ret_facts, questions);
}

hearth_status hearthside_document(uint64_t seed, uint64_t index, buffer *text, hearth_error *error)
{
    fact facts[FACTS_MOST];
    asked questions[FACTS_MOST * 4];
    size_t count = 0;
    const size_t asked_count = plan_document(seed, index, facts, &count, questions);
    TRY(write_facts(facts, count, text, error));
    for (size_t i = 0; i < asked_count; i++) {
        TRY(buffer_append_text(text, "Q: ", error));
        TRY(write_form(questions[i].row->asked, questions[i].about, text, error));
        TRY(buffer_append_text(text, " A: ", error));
        TRY(write_form(questions[i].row->answered, questions[i].about, text, error));
        TRY(buffer_append_char(text, '\n', error));
    }
    return HEARTH_OK;
}

const char *hearthside_question_name(unsigned kind)
{
    return question_rows[kind % HEARTHSIDE_QUESTIONS].name;
}

static const theme *theme_of(fact_kind kind)
{
    for (const theme *t = themes;; t++) {
        for (unsigned i = 0; i < t->kind_count; i++) {
            if (t->kinds[i] == kind) {
                return t;
            }
        }
    }
}

/* The fact that held-out question `index` is about, and the draws behind it. */
static bool draw_question(uint64_t seed, uint64_t index, draws *ret_draws, fact *ret)
{
    const question_row *q = &question_rows[index % HEARTHSIDE_QUESTIONS];
    *ret_draws = (draws){.seed = seed, .step = QUESTION_STEP + index};
    return draw_fact(ret_draws, q->fact, q, NULL, 0, ret);
}

hearth_status hearthside_question(uint64_t seed, uint64_t index, buffer *prompt, buffer *answer, hearth_error *error)
{
    const question_row *q = &question_rows[index % HEARTHSIDE_QUESTIONS];
    draws d;
    fact facts[FACTS_MOST];
    if (!draw_question(seed, index, &d, &facts[0])) {
        return error_set(error, HEARTH_E_LIMIT, q->name, "a pair that is held out", "none by this seed");
    }
    const size_t count = fact_rows[q->fact].told[0] != '\0' ? draw_facts(&d, theme_of(q->fact), facts, 1) : 1;
    const fact about = facts[0];
    const size_t place = draw(&d, (unsigned)count); /* not always told first */
    facts[0] = facts[place];
    facts[place] = about;
    TRY(write_facts(facts, count, prompt, error));
    TRY(buffer_append_text(prompt, "Q: ", error));
    TRY(write_form(q->asked, &about, prompt, error));
    TRY(buffer_append_text(prompt, " A:", error));
    return write_form(q->answered, &about, answer, error);
}
