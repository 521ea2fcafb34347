/* The grammar of hearthside: words, facts, questions, themes. Rows of tables; the code draws among them. */
#include "corpus/hearthside.h"

#include "base/memory.h"
#include "base/random.h"

#include <stdio.h>
#include <string.h>

#define HELD_OUT_ONE_IN 8u
#define FACTS_MOST 8u
#define RIVALS_ONE_IN 16u
#define TRIES_MOST 4096u
#define SPLIT_STEP ((uint64_t)1 << 63)    /* above every document's index: the split's draws */
#define QUESTION_STEP ((uint64_t)1 << 62) /* held-out questions' draws */
#define WHOLE_MOST 20u                    /* arithmetic ends there */

typedef enum word_class {
    PERSON,
    OBJECT,
    COLOUR,
    PLACE,
    PET,
    VERB,
    SITE,
    DIRECTION,
    WORD,
    AGE,
    NUMBER,
    FEW,
    NO_WORD
} word_class;

static const char *const persons[] = {"Tom", "Ann", "Ben", "Eva", "Max", "Mia", "Leo", "Ida", "Sam", "Zoe"};
static const char *const objects[] = {"ball", "hat", "cup", "book", "key", "box", "bag", "coat", "lamp", "kite"};
static const char *const colours[] = {"red", "blue", "green", "white", "black", "pink"};
static const char *const places[] = {"kitchen", "garden", "hall", "barn", "yard", "school", "shop", "park"};
static const char *const pets[] = {"cat", "dog", "hen", "goat", "duck", "frog"};
static const char *const verbs[] = {"sleeps", "works", "sings", "plays", "reads", "waits"};
static const char *const sites[] = {"mill", "pond", "church", "inn", "bridge", "tower", "farm", "well"};
static const char *const directions[] = {"north", "south", "east", "west"};
/* A word and, beside it, its opposite. */
static const char *const words[] = {"hot",  "cold", "big",  "small", "old",  "new",   "wet",  "dry",
                                    "fast", "slow", "high", "low",   "full", "empty", "good", "bad"};

#define COUNT(array) (unsigned)(sizeof(array) / sizeof(array)[0])
typedef struct word_list {
    const char *const *words; /* NULL: numbers */
    unsigned count, first;
} word_list;
static const word_list lists[] = {
    [PERSON] = {persons, COUNT(persons), 0}, [OBJECT] = {objects, COUNT(objects), 0},
    [COLOUR] = {colours, COUNT(colours), 0}, [PLACE] = {places, COUNT(places), 0},
    [PET] = {pets, COUNT(pets), 0},          [VERB] = {verbs, COUNT(verbs), 0},
    [SITE] = {sites, COUNT(sites), 0},       [DIRECTION] = {directions, COUNT(directions), 0},
    [WORD] = {words, COUNT(words), 0},       [AGE] = {NULL, 11, 2},
    [NUMBER] = {NULL, WHOLE_MOST + 1, 0},    [FEW] = {NULL, 5, 1},
};

typedef struct fact {
    hearthside_fact kind;
    unsigned word[3]; /* a, b, c */
} fact;

/* {a}, {b}, {c}: the words; {+} is a + b, {!} the opposite of the word. */
typedef struct fact_row {
    word_class classes[3];
    const char *told; /* "": nothing is told, the question says it all */
} fact_row;
static const fact_row fact_rows[FACT_KINDS] = {
    [FACT_HAS] = {{PERSON, COLOUR, OBJECT}, "{a} has a {b} {c}."},
    [FACT_DOES] = {{PERSON, VERB, PLACE}, "{a} {b} in the {c}."},
    [FACT_KEEPS] = {{PERSON, PET, AGE}, "{a} keeps a {b}. The {b} is {c} years old."},
    [FACT_STANDS] = {{WORD, SITE, DIRECTION}, "The {a} {b} stands in the {c}."},
    [FACT_TOOK] = {{PERSON, OBJECT, PLACE}, "{a} took the {b} to the {c}."},
    [FACT_WENT] = {{PERSON, PLACE, PLACE}, "{a} was in the {b}. Now {a} is in the {c}."},
    [FACT_SAYS] = {{PERSON, OBJECT, WORD}, "{a} says the {b} is not {c}."},
    [FACT_GETS] = {{NUMBER, FEW, PERSON}, "{c} has {a} apples. {c} gets {b} more."},
    [FACT_SUM] = {{NUMBER, NUMBER, NO_WORD}, ""},
    [FACT_DIFFERENCE] = {{NUMBER, NUMBER, NO_WORD}, ""},
    [FACT_OPPOSITE] = {{WORD, NO_WORD, NO_WORD}, ""},
};

typedef struct question_row {
    const char *name;
    hearthside_fact fact;
    const char *asked, *answered;
} question_row;
static const question_row question_rows[HEARTHSIDE_QUESTIONS + 1] = {
    {"what a person has", FACT_HAS, "What does {a} have?", "{a} has a {b} {c}."},
    {"who has it", FACT_HAS, "Who has the {c}?", "{a} has the {c}."},
    {"its colour", FACT_HAS, "What colour is the {c}?", "It is a {b} {c}."},
    {"where a person is", FACT_DOES, "Where is {a}?", "{a} is in the {c}."},
    {"who does it there", FACT_DOES, "Who {b} in the {c}?", "{a} {b} in the {c}."},
    {"what a person does", FACT_DOES, "What does {a} do?", "{a} {b} in the {c}."},
    {"which pet", FACT_KEEPS, "What does {a} keep?", "{a} keeps a {b}."},
    {"who keeps it", FACT_KEEPS, "Who keeps the {b}?", "{a} keeps the {b}."},
    {"how old", FACT_KEEPS, "How old is the {b}?", "The {b} is {c} years old."},
    {"where a place is", FACT_STANDS, "Where is the {b}?", "The {b} stands in the {c}."},
    {"what stands there", FACT_STANDS, "What stands in the {c}?", "The {b} stands in the {c}."},
    {"which place it is", FACT_STANDS, "Which {b} is it?", "It is the {a} {b}."},
    {"where a thing is", FACT_TOOK, "Where is the {b}?", "The {b} is in the {c}."},
    {"who took it", FACT_TOOK, "Who took the {b}?", "{a} took the {b}."},
    {"where a person is now", FACT_WENT, "Where is {a} now?", "Now {a} is in the {c}."},
    {"where a person was", FACT_WENT, "Where was {a} before?", "{a} was in the {b}."},
    {"the opposite", FACT_SAYS, "How is the {b}?", "The {b} is {!}."},
    {"who speaks of it", FACT_SAYS, "Who speaks of the {b}?", "{a} speaks of the {b}."},
    {"how many now", FACT_GETS, "How many apples has {c} now?",
     "{c} has {a} apples and {b} more: {a} plus {b} is {+}."},
    {"a sum", FACT_SUM, "What is {a} plus {b}?", "{a} plus {b} is {+}."},
    {"a difference", FACT_DIFFERENCE, "What is {+} minus {b}?", "{+} minus {b} is {a}."},
    /* Taught of every word, and never held out: nothing but having been told answers it. */
    {"an opposite", FACT_OPPOSITE, "What is the opposite of {a}?", "The opposite of {a} is {!}."},
};

/* Which facts stand together in a document, how many, and how often such a document comes. */
typedef struct theme {
    unsigned often, least, most; /* facts */
    hearthside_fact kinds[4];
    unsigned kind_count;
} theme;
static const theme themes[] = {
    {7, 1, 4, {FACT_HAS, FACT_DOES, FACT_KEEPS, FACT_SAYS}, 4}, /* a household */
    {3, 1, 2, {FACT_TOOK, FACT_WENT}, 2},                       /* a story */
    {2, 1, 2, {FACT_STANDS}, 1},
    {2, 1, 2, {FACT_GETS}, 1},
    {4, 6, 6, {FACT_SUM, FACT_DIFFERENCE, FACT_DIFFERENCE}, 3},
    {1, 4, 4, {FACT_OPPOSITE}, 1},
};
#define THEME_PARTS 19u

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

static uint32_t split_draw(uint64_t seed, hearthside_fact kind, const unsigned word[3])
{
    uint32_t drawn[4];
    const uint64_t all = ((uint64_t)word[0] << 16 | word[1]) << 16 | word[2];
    random_philox(seed, RANDOM_HEARTHSIDE, SPLIT_STEP + (unsigned)kind, all, drawn);
    return drawn[0];
}

bool hearthside_held_out(uint64_t seed, hearthside_fact kind, const unsigned word[3])
{
    if (kind == FACT_OPPOSITE) {
        return false;
    }
    if (kind != FACT_SUM && kind != FACT_DIFFERENCE) {
        return split_draw(seed, kind, word) % HELD_OUT_ONE_IN == 0;
    }
    /* Of one pair in four, one of the two orders. */
    const unsigned least = word[0] < word[1] ? word[0] : word[1], most = word[0] + word[1] - least;
    const uint32_t drawn = split_draw(seed, kind, (const unsigned[3]){least, most, 0});
    return least != most && drawn % (HELD_OUT_ONE_IN / 2) == 0 && drawn >> 31 == (word[0] == least);
}

/* Whether the fact's words go together at all. */
static bool makes_sense(const fact *f)
{
    switch (f->kind) {
    case FACT_WENT:
        return f->word[1] != f->word[2];
    case FACT_GETS:
    case FACT_SUM:
    case FACT_DIFFERENCE:
        return f->word[0] + f->word[1] <= WHOLE_MOST;
    default:
        return true;
    }
}

/* There once in a document. */
static bool is_single(word_class class)
{
    return class == OBJECT || class == PLACE || class == PET || class == SITE;
}

/* Whether it can stand beside the other: nobody twice in a kind of fact, and no thing, place or pet twice at all. */
static bool stands_apart(const fact *f, const fact *other)
{
    const bool alike = other->kind == f->kind;
    if (fact_rows[f->kind].told[0] == '\0') {
        return !alike || memcmp(other->word, f->word, sizeof f->word) != 0;
    }
    for (unsigned w = 0; w < 3; w++) {
        const word_class class = fact_rows[f->kind].classes[w];
        for (unsigned v = 0; v < 3; v++) {
            const bool same = fact_rows[other->kind].classes[v] == class && other->word[v] == f->word[w];
            if (same && (is_single(class) || (class == PERSON && alike))) {
                return false;
            }
        }
    }
    return true;
}

/* One time in two a fact is about the person of the first one. */
static void stay_with(draws *d, const fact *first, fact *f)
{
    const word_class *from = fact_rows[first->kind].classes, *to = fact_rows[f->kind].classes;
    if (from[0] == PERSON && to[0] == PERSON && draw(d, 2) == 0) {
        f->word[0] = first->word[0];
    }
}

/* Draws a fact that is held out, or one that is not. */
static bool draw_fact(draws *d, hearthside_fact kind, bool held, const fact *others, size_t count, fact *ret)
{
    for (unsigned tries = 0; tries < TRIES_MOST; tries++) {
        *ret = (fact){.kind = kind};
        for (unsigned w = 0; w < 3; w++) {
            const word_class class = fact_rows[kind].classes[w];
            ret->word[w] = class != NO_WORD ? lists[class].first + draw(d, lists[class].count) : 0;
        }
        if (count > 0) {
            stay_with(d, &others[0], ret);
        }
        bool good = makes_sense(ret) && hearthside_held_out(d->seed, kind, ret->word) == held;
        for (size_t i = 0; good && i < count; i++) {
            good = stands_apart(ret, &others[i]);
        }
        if (good) {
            return true;
        }
    }
    return false;
}

static hearth_status write_word(const fact *f, char letter, buffer *out, hearth_error *error)
{
    if (letter == '+') {
        return buffer_printf(out, error, "%u", f->word[0] + f->word[1]);
    }
    const word_class *classes = fact_rows[f->kind].classes;
    const bool opposite = letter == '!';
    const unsigned w = !opposite ? (unsigned)(letter - 'a') : classes[0] == WORD ? 0 : 2;
    const word_list *list = &lists[classes[w]];
    return list->words != NULL ? buffer_append_text(out, list->words[opposite ? f->word[w] ^ 1u : f->word[w]], error)
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
    return told ? buffer_append_char(out, ' ', error) : HEARTH_OK;
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

static bool has_kind(const fact *facts, size_t count, hearthside_fact kind)
{
    for (size_t i = 0; i < count; i++) {
        if (facts[i].kind == kind) {
            return true;
        }
    }
    return false;
}

/* Facts of a theme, `first` of which are there. A kind that is there comes again one time in RIVALS_ONE_IN, and is left
 * out else. */
static size_t draw_facts(draws *d, const theme *t, fact *facts, size_t first)
{
    const size_t wanted = t->least + draw(d, t->most - t->least + 1);
    size_t count = first;
    for (size_t i = first; i < wanted; i++) {
        const hearthside_fact kind = t->kinds[draw(d, t->kind_count)];
        const bool told = fact_rows[kind].told[0] != '\0';
        const bool good = !told || !has_kind(facts, count, kind) || draw(d, RIVALS_ONE_IN) == 0;
        if (good && draw_fact(d, kind, false, facts, count, &facts[count])) {
            count++;
        }
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
        for (unsigned q = 0; q <= HEARTHSIDE_QUESTIONS; q++) {
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
    return total;
}

hearth_status hearthside_document(uint64_t seed, uint64_t index, buffer *text, hearth_error *error)
{
    fact facts[FACTS_MOST] = {0};
    asked questions[FACTS_MOST * 4];
    draws d = {.seed = seed, .step = index};
    const size_t count = draw_facts(&d, draw_theme(&d), facts, 0);
    const size_t asked_count = draw_questions(&d, facts, count, questions);
    TRY(write_facts(facts, count, text, error));
    for (size_t i = 0; i < asked_count; i++) {
        TRY(write_form(questions[i].row->asked, questions[i].about, text, error));
        TRY(buffer_append_char(text, ' ', error));
        TRY(write_form(questions[i].row->answered, questions[i].about, text, error));
        TRY(buffer_append_char(text, '\n', error));
    }
    return HEARTH_OK;
}

const char *hearthside_question_name(unsigned kind)
{
    return question_rows[kind % HEARTHSIDE_QUESTIONS].name;
}

static const theme *theme_of(hearthside_fact kind)
{
    for (const theme *t = themes;; t++) {
        for (unsigned i = 0; i < t->kind_count; i++) {
            if (t->kinds[i] == kind) {
                return t;
            }
        }
    }
}

hearth_status hearthside_question(uint64_t seed, uint64_t index, buffer *prompt, buffer *answer, hearth_error *error)
{
    const question_row *q = &question_rows[index % HEARTHSIDE_QUESTIONS];
    draws d = {.seed = seed, .step = QUESTION_STEP + index};
    fact facts[FACTS_MOST] = {0};
    if (!draw_fact(&d, q->fact, true, NULL, 0, &facts[0])) {
        return error_set(error, HEARTH_E_LIMIT, q->name, "a combination that is held out", "none by this seed");
    }
    const size_t count = fact_rows[q->fact].told[0] != '\0' ? draw_facts(&d, theme_of(q->fact), facts, 1) : 1;
    const fact about = facts[0];
    const size_t place = draw(&d, (unsigned)count); /* not always told first */
    facts[0] = facts[place];
    facts[place] = about;
    TRY(write_facts(facts, count, prompt, error));
    TRY(write_form(q->asked, &about, prompt, error));
    return write_form(q->answered, &about, answer, error);
}
