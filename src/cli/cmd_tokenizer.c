/* hearth tokenizer: learning a vocabulary, and how well one fits. */
#include "cli/commands.h"
#include "cli/tokenizer_command.h"

#include "base/limits.h"

#define TEXTS_MOST ((size_t)1 << 24)

static const char *const kinds[] = {"bpe", "unigram", NULL};
static const char *const ties[] = {"ids", "text", NULL}; /* learn_ties */

static const option options[] = {
    {.name = "out",
     .letter = 'o',
     .type = OPTION_TEXT,
     .offset = offsetof(tokenizer_settings, out),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "learn: write the tokenizer to FILE, which must not be there yet. Default: tokenizer.json."},
    {.name = "vocab",
     .type = OPTION_COUNT,
     .offset = offsetof(tokenizer_settings, vocab),
     .argument = "N",
     .least = 1,
     .most = LIMIT_VOCABULARY,
     .help = "learn: N tokens in all, special ones and the 256 bytes among them. Default: 8192, or what the recipe "
             "says."},
    {.name = "kind",
     .type = OPTION_CHOICE,
     .offset = offsetof(tokenizer_settings, kind),
     .argument = "KIND",
     .choices = kinds,
     .help = "learn: bpe (byte-level: merges, as GPT-2's and Llama 3's tokenizers) or unigram (pieces with "
             "probabilities). Default: bpe, or what the recipe says."},
    {.name = "pretokenizer",
     .type = OPTION_TEXT,
     .offset = offsetof(tokenizer_settings, pretokenizer),
     .argument = "NAME",
     .help = "learn: how a text is cut into words first: `gpt-2`, `llama-bpe`, `qwen2`, `gpt-4o`, `smollm`, "
             "`deepseek-v3`, or another name of docs/tokenizers.md. Default: gpt-2, or what the recipe says."},
    {.name = "special",
     .type = OPTION_LIST,
     .offset = offsetof(tokenizer_settings, special),
     .argument = "TEXT",
     .help = "learn: a special token, like `<|endoftext|>`; may be given many times. The first one gets id 0, the next "
             "one id 1, and so on."},
    {.name = "min-frequency",
     .type = OPTION_COUNT,
     .offset = offsetof(tokenizer_settings, min_frequency),
     .argument = "N",
     .least = 0,
     .most = 4294967295.0,
     .help = "learn, bpe: no merge of what comes less than N times. Default: 0, or what the recipe says."},
    {.name = "ties",
     .type = OPTION_CHOICE,
     .offset = offsetof(tokenizer_settings, ties),
     .argument = "RULE",
     .choices = ties,
     .help = "learn, bpe: which of two pairs that come equally often is merged first: the one of lower ids (ids, as "
             "Hugging Face's library has it), or the one of greater bytes (text). Default: ids."},
    {.name = "split",
     .type = OPTION_TEXT,
     .offset = offsetof(tokenizer_settings, split),
     .argument = "TEXT",
     .help = "learn: TEXT stands between documents in the files of text and is no part of them."},
    {.name = "language",
     .type = OPTION_TEXT,
     .offset = offsetof(tokenizer_settings, language),
     .argument = "NAME",
     .help = "fertility: call all texts NAME. Default: each is called as its file, up to the first dot, and those of "
             "one name are added up."},
    {.name = "encoding",
     .type = OPTION_TEXT,
     .offset = offsetof(tokenizer_settings, encoding),
     .argument = "NAME",
     .help = "fertility: which encoding a file of tiktoken's ranks is, as in hearth tokenize."},
    {.name = NULL},
};

static const tokenizer_settings defaults = {.kind = -1, .min_frequency = SIZE_MAX};

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    static const cli_verb verbs[] = {{"learn", "TEXT, RECIPE or CORPUS", 1, TEXTS_MOST, tokenizer_learn},
                                     {"fertility", "TOKENIZER and TEXT", 2, TEXTS_MOST, tokenizer_fertility},
                                     {NULL, NULL, 0, 0, NULL}};
    return cli_run_verb(c, verbs, settings, operands, count);
}

const cli_command command_tokenizer = {
    .name = "tokenizer",
    .operands = "learn|fertility FILE...",
    .least = 1,
    .most = TEXTS_MOST,
    .summary = "learn a tokenizer, or tell how well one fits a text",
    .text =
        "    hearth tokenizer learn TEXT... [-o tokenizer.json]\n"
        "    hearth tokenizer learn RECIPE [CORPUS] [-o tokenizer.json]\n"
        "    hearth tokenizer learn CORPUS [-o tokenizer.json]\n"
        "    hearth tokenizer fertility TOKENIZER TEXT...\n\n"
        "`learn` counts the words of files of text (each a document, unless --split says otherwise; `-` is standard "
        "input), or of the documents for training in a CORPUS, a folder that `hearth corpus build` made, and writes a "
        "tokenizer.json that hearth and Hugging Face's libraries read. A RECIPE's section `tokenizer` stands for the "
        "options; without a CORPUS its own is built, or taken where it is, in NAME-corpus in this folder, as `hearth "
        "corpus build` does. The same text gives the same bytes, with any number of threads; of byte-level BPE the "
        "same as "
        "Hugging Face's trainer. docs/tokenizer-learning.md tells how.\n\n"
        "`fertility` tells for each language how many tokens TOKENIZER (a file, or a model) makes of its texts: tokens "
        "per word (what stands between white space), bytes and characters per token, and the share of tokens that "
        "stand for a single byte, and of those that are no whole characters. Of two tokenizers, the one with fewer "
        "tokens per word makes a language cheaper to train and to run.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples =
        (const cli_example[]){
            {"hearth tokenizer learn texts/*.txt --vocab 8192 --special '<|endoftext|>' -o tokenizer.json",
             "A vocabulary of 8,192 tokens."},
            {"hearth tokenizer learn recipe.yaml -o tokenizer.json", "As a recipe says, from its corpus."},
            {"hearth tokenizer fertility tokenizer.json de.txt fr.txt cs.txt", "How it fits three languages."},
            {NULL, NULL}},
    .run = run,
};
