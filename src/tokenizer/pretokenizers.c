/* Pre-tokenisers by the name that GGUF gives them. A name is a row; patterns are as the models' tokenizer.json has
 * them. */
#include "tokenizer/spec.h"

#include "tokenizer/patterns.h"

#include <string.h>

#define TEXT(literal)                                                                                                  \
    {                                                                                                                  \
        literal, sizeof(literal) - 1                                                                                   \
    }
#define REGEX(literal)                                                                                                 \
    {                                                                                                                  \
        .kind = PRETOKENIZER_REGEX, .pattern = TEXT(literal), .behavior = SPLIT_ISOLATED                               \
    }

/* clang-format measures these letters differently each time. */
/* clang-format off */
/* Letters as DeepSeek-LLM lists them. */
#define DEEPSEEK_LETTERS                                                                                                                                                                                                 \
    "\\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-"                                                                               \
    "ᴫᵫ-"                                                                                                                                                                                                            \
    "ᵷᵹ-"                                                                                                                                                                                                            \
    "ᶚḀ-"                                                                                                                                                                                                            \
    "ἕἘ-"                                                                                                                                                                                                            \
    "Ἕἠ"                                                                                                                                                                                                             \
    "-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-" \
    "ꚛꜢ-"                                                                                                                                                                                                            \
    "ꝯ"                                                                                                                                                                                                                \
    "ꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-"                                                                                                       \
    "𞥃]"                                                                                                                                                                                                              \
    "+"
/* clang-format on */

static const pretokenizer_step gpt2[] = {REGEX(PATTERN_GPT2)};
static const pretokenizer_step llama3[] = {REGEX(PATTERN_LLAMA3)};
static const pretokenizer_step qwen2[] = {REGEX(PATTERN_QWEN2)};

/* SmolLM, StarCoder, Command R: every digit alone, then GPT-2's pattern. */
static const pretokenizer_step digits_gpt2[] = {{.kind = PRETOKENIZER_DIGITS, .individual = true}, REGEX(PATTERN_GPT2)};

/* Falcon works on GPT-2's characters for bytes after the second step, so its digits are digits of that alphabet. */
static const pretokenizer_step falcon[] = {
    {.kind = PRETOKENIZER_PUNCTUATION, .behavior = SPLIT_CONTIGUOUS},
    REGEX(PATTERN_GPT2),
    {.kind = PRETOKENIZER_BYTE_ALPHABET},
    {.kind = PRETOKENIZER_DIGITS},
    REGEX("[0-9][0-9][0-9]"),
};

static const pretokenizer_step deepseek_llm[] = {
    REGEX(PATTERN_DEEPSEEK_NEWLINE),          REGEX(DEEPSEEK_LETTERS),
    REGEX("\\s?[!-/:-~！-／：-～‘-‟　-。]+"), REGEX("\\s+$"),
    REGEX(PATTERN_DEEPSEEK_EAST_ASIAN),       {.kind = PRETOKENIZER_DIGITS, .individual = true},
};

static const pretokenizer_step deepseek_coder[] = {
    REGEX(PATTERN_DEEPSEEK_NEWLINE),
    REGEX(PATTERN_DEEPSEEK_LETTERS),
    REGEX(PATTERN_DEEPSEEK_PUNCTUATION),
    REGEX(PATTERN_DEEPSEEK_EAST_ASIAN),
    {.kind = PRETOKENIZER_DIGITS, .individual = true},
};

static const pretokenizer_step deepseek_v3[] = {
    REGEX(PATTERN_DEEPSEEK_V3_NUMBERS),
    REGEX(PATTERN_DEEPSEEK_V3_EAST_ASIAN),
    REGEX(PATTERN_DEEPSEEK_V3),
};

static const pretokenizer_step tekken[] = {REGEX(PATTERN_TEKKEN)};
static const pretokenizer_step gpt4o[] = {REGEX(PATTERN_O200K)};
static const pretokenizer_step qwen35[] = {REGEX(PATTERN_QWEN35)};

#define STEPS(array) array, sizeof array / sizeof array[0]
static const pretokenizer_row rows[] = {
    {"gpt-2", STEPS(gpt2), false, false, false},
    {"default", STEPS(gpt2), false, false, false},
    {"olmo", STEPS(gpt2), false, false, false},
    {"mpt", STEPS(gpt2), false, false, false},
    {"phi-2", STEPS(gpt2), false, false, false},
    {"jais", STEPS(gpt2), false, false, false},
    {"trillion", STEPS(gpt2), false, false, false},
    {"exaone4", STEPS(gpt2), false, false, false},
    {"llama-bpe", STEPS(llama3), true, true, false},
    {"llama3", STEPS(llama3), true, true, false},
    {"llama-v3", STEPS(llama3), true, true, false},
    {"falcon3", STEPS(llama3), true, true, false},
    {"pixtral", STEPS(llama3), true, true, false},
    {"dbrx", STEPS(llama3), false, false, false},
    {"smaug-bpe", STEPS(llama3), false, false, false},
    {"glm4", STEPS(llama3), true, false, false},
    {"chatglm-bpe", STEPS(llama3), false, false, false},
    {"qwen2", STEPS(qwen2), false, false, true},
    {"deepseek-r1-qwen", STEPS(qwen2), false, false, false},
    {"stablelm2", STEPS(qwen2), false, false, false},
    {"hunyuan", STEPS(qwen2), false, false, false},
    {"megrez", STEPS(qwen2), false, false, false},
    {"qwen35", STEPS(qwen35), false, false, true},
    {"smollm", STEPS(digits_gpt2), false, false, false},
    {"starcoder", STEPS(digits_gpt2), false, false, false},
    {"refact", STEPS(digits_gpt2), false, false, false},
    {"command-r", STEPS(digits_gpt2), false, false, true},
    {"codeshell", STEPS(digits_gpt2), false, false, false},
    {"exaone", STEPS(digits_gpt2), false, false, false},
    {"minerva-7b", STEPS(digits_gpt2), false, false, false},
    {"falcon", STEPS(falcon), false, false, false},
    {"deepseek-llm", STEPS(deepseek_llm), false, false, false},
    {"deepseek-coder", STEPS(deepseek_coder), false, false, false},
    {"deepseek-v3", STEPS(deepseek_v3), false, false, false},
    {"hunyuan-dense", STEPS(deepseek_v3), false, false, false},
    {"tekken", STEPS(tekken), true, true, false},
    {"gpt-4o", STEPS(gpt4o), false, false, false},
    {"llama4", STEPS(gpt4o), false, false, false},
};

const pretokenizer_row *pretokenizer_find(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strlen(rows[i].name) == length && memcmp(rows[i].name, name, length) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* The same text, or two spellings of a pattern that one matcher stands for. */
static bool same_pattern(token_text a, token_text b)
{
    bool gaps = false;
    const pattern_fn match = a.length > 0 && b.length > 0 ? pattern_find(a.text, a.length, &gaps) : NULL;
    return (a.length == b.length && (a.length == 0 || memcmp(a.text, b.text, a.length) == 0)) ||
           (match != NULL && match == pattern_find(b.text, b.length, &gaps));
}

static bool same_step(const pretokenizer_step *a, const pretokenizer_step *b)
{
    return a->kind == b->kind && same_pattern(a->pattern, b->pattern) && a->behavior == b->behavior &&
           a->invert == b->invert && a->individual == b->individual && a->split == b->split && a->prepend == b->prepend;
}

const pretokenizer_row *pretokenizer_of(const pretokenizer_step *steps, size_t count, bool ignore_merges, bool nfc)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool same = rows[i].step_count == count && rows[i].ignore_merges == ignore_merges && rows[i].nfc == nfc;
        for (size_t k = 0; same && k < count; k++) {
            same = same_step(&rows[i].steps[k], &steps[k]);
        }
        if (same) {
            return &rows[i];
        }
    }
    return NULL;
}
