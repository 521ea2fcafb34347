/* The table of keys. docs/formats/recipe.md has a line for each. */
#include "recipe/keys.h"
#include "recipe/spdx.h"
#include "recipe/recipe.h"

#include "base/limits.h"
#include "base/text.h"

#include <string.h>

#define NAME_SET "abcdefghijklmnopqrstuvwxyz0123456789"
#define ALNUM_SET NAME_SET "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool all_of(const char *text, const char *set, size_t most)
{
    const size_t length = strspn(text, set);
    return length > 0 && length <= most && text[length] == '\0';
}

static bool name_fits(const char *text)
{
    return all_of(text, NAME_SET "-", 64);
}

static bool rule_fits(const char *text)
{
    return all_of(text, NAME_SET "-_", 64);
}

static bool pretokenizer_fits(const char *text)
{
    return all_of(text, ALNUM_SET "-_.", 64);
}

static bool sha256_fits(const char *text)
{
    return text_is_hex(text, 64);
}

static bool some_fits(const char *text)
{
    return text[0] != '\0';
}

bool recipe_path_below(const char *text)
{
    if (text[0] == '\0' || text[0] == '/') {
        return false;
    }
    for (const char *part = text; part != NULL;) {
        const char *slash = strchr(part, '/');
        const size_t length = slash != NULL ? (size_t)(slash - part) : strlen(part);
        if (length == 2 && part[0] == '.' && part[1] == '.') {
            return false;
        }
        part = slash != NULL ? slash + 1 : NULL;
    }
    return true;
}

/* BCP 47 in its shape alone: a language of 2 to 8 letters and subtags. */
static bool language_fits(const char *text)
{
    size_t length = strspn(text, ALNUM_SET);
    if (length < 2 || length > 8 || strcspn(text, "0123456789") < length) {
        return false;
    }
    for (text += length; *text == '-'; text += length) {
        text++;
        length = strspn(text, ALNUM_SET);
        if (length < 1 || length > 8) {
            return false;
        }
    }
    return *text == '\0';
}

static const text_form form_name = {"a name of at most 64 of a-z, 0-9 and -", "^[a-z0-9-]{1,64}$", name_fits};
const text_form form_rule = {"the name of a rule, of at most 64 of a-z, 0-9, - and _", "^[a-z0-9_-]{1,64}$", rule_fits};
static const text_form form_pretokenizer = {"the name of a pre-tokenizer", "^[A-Za-z0-9._-]{1,64}$", pretokenizer_fits};
static const text_form form_sha256 = {"a SHA-256 of 64 hexadecimal digits (0-9, a-f)", "^[0-9a-f]{64}$", sha256_fits};
static const text_form form_some = {"a text that is not empty", "^[\\s\\S]+$", some_fits};
static const text_form form_below = {"a relative path without ..", "^(?!/)(?!(.*/)?\\.\\.(/|$)).+$", recipe_path_below};
static const text_form form_language = {"a language as BCP 47 writes it (en, pt-BR)",
                                        "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", language_fits};
static const text_form form_licence = {"an SPDX licence expression (CC0-1.0, MIT OR Apache-2.0)",
                                       "^[A-Za-z0-9.+:() -]+$", spdx_fits};

/* In the order of recipe_source_kind and so on. */
static const char *const source_kinds[] = {"folder",  "archive", "jsonl",  "warc",      "text",
                                           "command", "dataset", "debian", "generator", NULL};
static const char *const splits[] = {"line", "paragraph", "file", NULL};
static const char *const tokenizer_kinds[] = {"bpe", "unigram", "file", NULL};
static const char *const families[] = {"llama", "qwen2", "qwen3", "olmo2", "qwen3-moe", NULL};
static const char *const formats[] = {"f32", "bf16", NULL};
static const char *const optimizers[] = {"adamw", "muon", NULL};
static const char *const schedules[] = {"constant", "cosine", "linear", "wsd", NULL};
_Static_assert(sizeof source_kinds / sizeof source_kinds[0] == SOURCE_KINDS + 1, "a name for each kind");

#define KIND(k) (1u << SOURCE_##k)
#define WITH_FIELDS (KIND(JSONL) | KIND(COMMAND) | KIND(DATASET))
#define WITH_PATH (KIND(FOLDER) | KIND(ARCHIVE) | KIND(JSONL) | KIND(WARC) | KIND(TEXT) | KIND(DATASET) | KIND(DEBIAN))
#define OTHER_THAN(mask) (((1u << SOURCE_KINDS) - 1) & ~(mask))
#define MOE_FAMILY (1u << 4) /* of `families` */
#define LEARNT (1u << TOKENIZER_LEARN_BPE | 1u << TOKENIZER_LEARN_UNIGRAM)

static const recipe_key pin_keys[] = {
    {.name = "path",
     .required = true,
     .offset = offsetof(recipe_pin, path),
     .form = &form_below,
     .help = "The file, relative to the source's path."},
    {.name = "sha256",
     .required = true,
     .offset = offsetof(recipe_pin, sha256),
     .form = &form_sha256,
     .help = "Its SHA-256."},
    {.name = NULL},
};

static const recipe_key source_keys[] = {
    {.name = "name",
     .required = true,
     .offset = offsetof(recipe_source, name),
     .form = &form_name,
     .help = "What the source is called in the manifest; no two are called the same."},
    {.name = "kind",
     .type = KEY_CHOICE,
     .required = true,
     .offset = offsetof(recipe_source, kind),
     .choices = source_kinds,
     .help = "How documents come out of it."},
    {.name = "path",
     .offset = offsetof(recipe_source, path),
     .form = &form_some,
     .selector = "kind",
     .allowed = WITH_PATH,
     .needed = WITH_PATH,
     .help = "Where it lies, relative to the recipe's folder; of debian, the folder of packages."},
    {.name = "packages",
     .offset = offsetof(recipe_source, packages),
     .form = &form_some,
     .selector = "kind",
     .allowed = KIND(DEBIAN),
     .needed = KIND(DEBIAN),
     .help = "The list of packages (docs/formats/corpus.md), relative to the recipe's folder."},
    {.name = "mirror",
     .offset = offsetof(recipe_source, mirror),
     .text = "https://deb.debian.org/debian",
     .form = &form_some,
     .selector = "kind",
     .allowed = KIND(DEBIAN),
     .help = "Where hearth corpus fetch gets the packages."},
    {.name = "command",
     .offset = offsetof(recipe_source, command),
     .form = &form_some,
     .selector = "kind",
     .allowed = KIND(COMMAND),
     .needed = KIND(COMMAND),
     .help = "A program and its arguments, run by the shell in the recipe's folder; it prints JSON lines."},
    {.name = "generator",
     .offset = offsetof(recipe_source, generator),
     .form = &form_name,
     .selector = "kind",
     .allowed = KIND(GENERATOR),
     .needed = KIND(GENERATOR),
     .help = "The generator's name: hearthside."},
    {.name = "documents",
     .type = KEY_U64,
     .offset = offsetof(recipe_source, documents),
     .least = 1,
     .most = 1e12,
     .selector = "kind",
     .allowed = OTHER_THAN(0),
     .needed = KIND(GENERATOR),
     .derived = "no limit",
     .help = "Take the first so many documents; of a generator: make so many."},
    {.name = "field",
     .offset = offsetof(recipe_source, field),
     .text = "text",
     .form = &form_some,
     .selector = "kind",
     .allowed = WITH_FIELDS,
     .help = "The field of a JSON line that holds the text."},
    {.name = "split",
     .offset = offsetof(recipe_source, split),
     .text = "line",
     .choices = splits,
     .selector = "kind",
     .allowed = KIND(TEXT),
     .help = "What one document is: a line, a paragraph (up to an empty line), or the file."},
    {.name = "licence",
     .offset = offsetof(recipe_source, licence),
     .form = &form_licence,
     .selector = "kind",
     .allowed = OTHER_THAN(KIND(DEBIAN)),
     .help = "The documents' licence, an SPDX expression. A Debian package tells its own."},
    {.name = "licence_field",
     .offset = offsetof(recipe_source, licence_field),
     .form = &form_some,
     .selector = "kind",
     .allowed = WITH_FIELDS,
     .help = "The field of a JSON line that holds that document's licence."},
    {.name = "evidence",
     .offset = offsetof(recipe_source, evidence),
     .form = &form_some,
     .help = "Where that licence is declared: a file, an address."},
    {.name = "language",
     .offset = offsetof(recipe_source, language),
     .form = &form_language,
     .help = "The documents' language, where it is known."},
    {.name = "sha256",
     .offset = offsetof(recipe_source, sha256),
     .form = &form_sha256,
     .selector = "kind",
     .allowed = OTHER_THAN(KIND(GENERATOR)),
     .help = "Of the file, of a command's output, of the list of packages, or of the list of a folder's files."},
    {.name = "pins",
     .type = KEY_LIST,
     .offset = offsetof(recipe_source, pins),
     .count_offset = offsetof(recipe_source, pin_count),
     .least = 1,
     .keys = pin_keys,
     .item_bytes = sizeof(recipe_pin),
     .selector = "kind",
     .allowed = KIND(FOLDER) | KIND(DATASET),
     .help = "Files, each with its SHA-256, which is checked before anything is read."},
    {.name = NULL},
};

static const recipe_key tokenizer_keys[] = {
    {.name = "kind",
     .type = KEY_CHOICE,
     .required = true,
     .offset = offsetof(recipe_tokenizer, kind),
     .choices = tokenizer_kinds,
     .help = "Learn byte-level BPE or unigram from the corpus, or take a file."},
    {.name = "vocab_size",
     .type = KEY_U32,
     .offset = offsetof(recipe_tokenizer, vocab_size),
     .least = 257,
     .most = LIMIT_VOCABULARY,
     .selector = "kind",
     .allowed = LEARNT,
     .needed = LEARNT,
     .help = "Tokens, with the special ones and the 256 bytes."},
    {.name = "pretokenizer",
     .offset = offsetof(recipe_tokenizer, pretokenizer),
     .text = "gpt-2",
     .form = &form_pretokenizer,
     .selector = "kind",
     .allowed = LEARNT,
     .help = "How a text is cut into words before; a name of docs/tokenizers.md."},
    {.name = "special",
     .type = KEY_TEXTS,
     .required = true,
     .offset = offsetof(recipe_tokenizer, special),
     .count_offset = offsetof(recipe_tokenizer, special_count),
     .least = 1,
     .most = LIMIT_RECIPE_SOURCES,
     .form = &form_some,
     .help = "Special tokens; the first ends a document."},
    {.name = "sample_bytes",
     .type = KEY_U64,
     .offset = offsetof(recipe_tokenizer, sample_bytes),
     .least = 0,
     .most = 1e15,
     .selector = "kind",
     .allowed = LEARNT,
     .help = "Learn from the first so many bytes of the corpus; 0: from all."},
    {.name = "min_frequency",
     .type = KEY_U32,
     .offset = offsetof(recipe_tokenizer, min_frequency),
     .least = 0,
     .most = 4294967295.0,
     .selector = "kind",
     .allowed = LEARNT,
     .help = "A merge that is seen less often is not made."},
    {.name = "path",
     .offset = offsetof(recipe_tokenizer, path),
     .form = &form_some,
     .selector = "kind",
     .allowed = 1u << TOKENIZER_FILE,
     .needed = 1u << TOKENIZER_FILE,
     .help = "A tokenizer.json, relative to the recipe's folder."},
    {.name = "sha256",
     .offset = offsetof(recipe_tokenizer, sha256),
     .form = &form_sha256,
     .selector = "kind",
     .allowed = 1u << TOKENIZER_FILE,
     .needed = 1u << TOKENIZER_FILE,
     .help = "Its SHA-256."},
    {.name = NULL},
};

#define MODEL_SIZE(key, high, ...)                                                                                     \
    {                                                                                                                  \
        .name = #key, .type = KEY_U32, .offset = offsetof(recipe_model, key), .least = 1, .most = (high), __VA_ARGS__  \
    }

static const recipe_key model_keys[] = {
    {.name = "family",
     .required = true,
     .offset = offsetof(recipe_model, family),
     .choices = families,
     .help = "The shape of its layers; qwen3-moe is a mixture of experts."},
    MODEL_SIZE(layers, LIMIT_LAYERS, .required = true, .help = "Layers."),
    MODEL_SIZE(width, LIMIT_WIDTH, .required = true, .help = "Values of a token between layers."),
    MODEL_SIZE(heads, LIMIT_HEADS, .required = true, .help = "Attention heads."),
    MODEL_SIZE(kv_heads, LIMIT_HEADS, .derived = "heads", .help = "Heads of keys and values; they divide the heads."),
    MODEL_SIZE(head_size, LIMIT_HEAD_DIM, .derived = "width / heads", .help = "Values of a head; an even number."),
    MODEL_SIZE(mlp, LIMIT_WIDTH, .required = true, .help = "Width of the MLP; of one expert where there are experts."),
    MODEL_SIZE(context, LIMIT_CONTEXT, .required = true,
               .help = "The longest sequence that the model is declared for."),
    {.name = "experts",
     .type = KEY_U32,
     .offset = offsetof(recipe_model, experts),
     .least = 2,
     .most = RECIPE_EXPERTS_MOST,
     .selector = "family",
     .allowed = MOE_FAMILY,
     .needed = MOE_FAMILY,
     .help = "Experts of a layer."},
    MODEL_SIZE(experts_used, RECIPE_EXPERTS_USED_MOST, .selector = "family", .allowed = MOE_FAMILY,
               .needed = MOE_FAMILY, .help = "Experts that a token uses."),
    {.name = "rope_theta",
     .type = KEY_REAL,
     .offset = offsetof(recipe_model, rope_theta),
     .least = 1,
     .most = 1e12,
     .fallback = 10000,
     .help = "Base of the rotary positions' wavelengths."},
    {.name = "norm_eps",
     .type = KEY_REAL,
     .offset = offsetof(recipe_model, norm_eps),
     .least = 0,
     .above = true,
     .most = 1,
     .fallback = 1e-5,
     .help = "Added to the mean square in norms."},
    {.name = "init_std",
     .type = KEY_REAL,
     .offset = offsetof(recipe_model, init_std),
     .least = 0,
     .above = true,
     .most = 10,
     .fallback = 0.02,
     .help = "Standard deviation of the first weights."},
    {.name = "tied",
     .type = KEY_BOOL,
     .required = true,
     .offset = offsetof(recipe_model, tied),
     .help = "Whether the output matrix is the embeddings'."},
    {.name = NULL},
};

#define TRAIN(kind_, key, low, high, ...)                                                                              \
    {                                                                                                                  \
        .name = #key, .type = kind_, .offset = offsetof(recipe_train, key), .least = (low), .most = (high),            \
        __VA_ARGS__                                                                                                    \
    }
#define STEPS_MOST 1e12
#define ONE_LESS 0.9999999999

static const recipe_key train_keys[] = {
    {.name = "format",
     .type = KEY_CHOICE,
     .required = true,
     .offset = offsetof(recipe_train, format),
     .choices = formats,
     .help = "What products multiply; sums and masters are F32."},
    TRAIN(KEY_U64, steps, 1, STEPS_MOST, .required = true, .help = "Steps of the optimiser; then training stops."),
    TRAIN(KEY_U32, sequences, 1, 1 << 24, .required = true, .help = "Sequences of a step."),
    TRAIN(KEY_U32, length, 2, LIMIT_CONTEXT, .required = true, .help = "Tokens of a sequence; at most the context."),
    TRAIN(KEY_U32, micro_batches, 1, 1 << 24, .required = true,
          .help =
              "Parts of a step whose gradients are summed along a fixed tree: a power of two that divides sequences."),
    {.name = "optimizer",
     .type = KEY_CHOICE,
     .required = true,
     .offset = offsetof(recipe_train, optimizer),
     .choices = optimizers,
     .help = "AdamW for all, or Muon for hidden matrices and AdamW for the rest."},
    TRAIN(KEY_REAL, learning_rate, 0, 10, .above = true, .required = true, .help = "AdamW's, the highest."),
    TRAIN(KEY_REAL, beta1, 0, ONE_LESS, .fallback = 0.9, .help = "Decay of AdamW's mean."),
    TRAIN(KEY_REAL, beta2, 0, ONE_LESS, .fallback = 0.95, .help = "Decay of AdamW's mean square."),
    TRAIN(KEY_REAL, eps, 0, 1, .above = true, .fallback = 1e-8, .help = "Added to AdamW's root."),
    TRAIN(KEY_REAL, weight_decay, 0, 10, .fallback = 0.1, .help = "Of matrices; embeddings and norms do not decay."),
    TRAIN(KEY_REAL, muon_momentum, 0, ONE_LESS, .fallback = 0.95, .selector = "optimizer",
          .allowed = 1u << OPTIMIZER_MUON, .help = "Muon's momentum."),
    TRAIN(KEY_REAL, muon_learning_rate, 0, 10, .above = true, .fallback = 0.02, .selector = "optimizer",
          .allowed = 1u << OPTIMIZER_MUON, .needed = 1u << OPTIMIZER_MUON, .help = "Muon's, the highest."),
    TRAIN(KEY_REAL, grad_clip, 0, 1e9, .fallback = 1, .help = "The gradient's largest norm; 0: no limit."),
    TRAIN(KEY_REAL, z_loss, 0, 1, .help = "Weight of the squared logarithm of the softmax's sum."),
    TRAIN(KEY_REAL, aux_loss, 0, 1, .help = "Weight of the loss that balances a mixture's experts; 0: none."),
    {.name = "schedule",
     .type = KEY_CHOICE,
     .required = true,
     .offset = offsetof(recipe_train, schedule),
     .choices = schedules,
     .help = "How the learning rates fall after warm-up; wsd: stay, then fall over decay_steps."},
    TRAIN(KEY_U64, warmup_steps, 0, STEPS_MOST, .help = "Steps over which the learning rates rise from 0."),
    TRAIN(KEY_U64, decay_steps, 1, STEPS_MOST, .selector = "schedule", .allowed = 1u << SCHEDULE_WSD,
          .needed = 1u << SCHEDULE_WSD, .help = "The last steps, over which they fall."),
    TRAIN(KEY_REAL, final_ratio, 0, 1, .selector = "schedule",
          .allowed = 1u << SCHEDULE_COSINE | 1u << SCHEDULE_LINEAR | 1u << SCHEDULE_WSD,
          .help = "Learning rate at the end, as a share of the highest."),
    {.name = "recompute",
     .type = KEY_BOOL,
     .offset = offsetof(recipe_train, recompute),
     .help = "Compute activations again for the gradient instead of keeping them: less memory, the same bits."},
    TRAIN(KEY_U64, checkpoint_steps, 1, STEPS_MOST, .required = true,
          .help = "A checkpoint, part of the chain of hashes, after each so many steps."),
    TRAIN(KEY_U64, checkpoint_seconds, 0, 1e9, .help = "One for resuming alone after so many seconds; 0: none."),
    TRAIN(KEY_U64, evaluate_steps, 0, STEPS_MOST, .help = "Loss on held-out text after so many steps; 0: at the end."),
    TRAIN(KEY_U32, evaluate_sequences, 1, 1 << 24, .fallback = 256, .help = "Sequences of that, or all there are."),
    {.name = NULL},
};

const recipe_key recipe_keys[] = {
    {.name = "recipe",
     .type = KEY_U32,
     .required = true,
     .offset = offsetof(recipe, version),
     .least = 1,
     .most = 1,
     .help = "Version of this format."},
    {.name = "name",
     .required = true,
     .offset = offsetof(recipe, name),
     .form = &form_name,
     .help = "What the model is called."},
    {.name = "description", .offset = offsetof(recipe, description), .text = "", .help = "For people."},
    {.name = "licence",
     .required = true,
     .offset = offsetof(recipe, licence),
     .form = &form_licence,
     .help = "The model's licence, an SPDX expression."},
    {.name = "contract",
     .type = KEY_U32,
     .required = true,
     .offset = offsetof(recipe, contract),
     .least = 1,
     .most = 1,
     .help = "The numeric contract (docs/numerics.md)."},
    {.name = "seed",
     .type = KEY_U64,
     .required = true,
     .offset = offsetof(recipe, seed),
     .least = 0,
     .most = RECIPE_SEED_MOST,
     .help = "Of generators, the order of documents and the first weights."},
    {.name = "sources",
     .type = KEY_LIST,
     .required = true,
     .offset = offsetof(recipe, sources),
     .count_offset = offsetof(recipe, source_count),
     .least = 1,
     .most = LIMIT_RECIPE_SOURCES,
     .keys = source_keys,
     .item_bytes = sizeof(recipe_source),
     .help = "Where the documents come from, in this order."},
    {.name = "rules",
     .type = KEY_RULES,
     .offset = offsetof(recipe, rules),
     .count_offset = offsetof(recipe, rule_count),
     .most = LIMIT_RECIPE_SOURCES,
     .help = "How they are cleaned and chosen (docs/formats/corpus.md), in this order."},
    {.name = "held_out",
     .type = KEY_REAL,
     .required = true,
     .offset = offsetof(recipe, held_out),
     .least = 0,
     .most = 0.5,
     .help =
         "Share of the documents that are never trained on, chosen by the hash of their text; of Debian packages whole "
         "source packages, by the hash of their name."},
    {.name = "tokenizer",
     .type = KEY_MAP,
     .required = true,
     .offset = offsetof(recipe, tokenizer),
     .keys = tokenizer_keys,
     .help = "How text becomes tokens."},
    {.name = "model",
     .type = KEY_MAP,
     .required = true,
     .offset = offsetof(recipe, model),
     .keys = model_keys,
     .help = "The architecture."},
    {.name = "train",
     .type = KEY_MAP,
     .required = true,
     .offset = offsetof(recipe, train),
     .keys = train_keys,
     .help = "Number formats, batches, optimiser, schedule, checkpoints, evaluation, stop."},
    {.name = NULL},
};
