/* hearth trace: where texts stand in what a model was trained on. */
#include "cli/commands.h"
#include "cli/signals.h"
#include "cli/size.h"
#include "cli/trace_command.h"

#include "base/limits.h"

#include <stdio.h>

const char *const trace_by_names[] = {"tokens", "bytes", "both", NULL};

static const option options[] = {
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .offset = offsetof(trace_settings, output),
     .argument = "PATH",
     .hint = HINT_FILE,
     .help = "The new index's folder (default: the corpus's name with -index behind), the page of report (default: the "
             "index's name with .html behind)."},
    {.name = "by",
     .type = OPTION_CHOICE,
     .offset = offsetof(trace_settings, by),
     .argument = "UNIT",
     .choices = trace_by_names,
     .help =
         "What sequences are made of: tokens, bytes, or (of an index) both. Default: index makes both where there is "
         "a tokenizer, else bytes; the others search by bytes where the index can, next by tokens."},
    {.name = "tokenizer",
     .type = OPTION_TEXT,
     .offset = offsetof(trace_settings, tokenizer),
     .argument = "MODEL",
     .hint = HINT_FILE,
     .help =
         "Index tokens, too: of this tokenizer.json, or of the folder of a model that has one. It is copied into the "
         "index."},
    {.name = "memory",
     .type = OPTION_TEXT,
     .offset = offsetof(trace_settings, memory),
     .argument = "SIZE",
     .help = "Sort in at most SIZE of memory: " SIZE_HELP ". What is more is sorted in parts, which are merged; the "
             "index is the same. Default: 2GB."},
    {.name = "shard",
     .type = OPTION_TEXT,
     .offset = offsetof(trace_settings, shard),
     .argument = "SIZE",
     .help = "Begin a new shard after SIZE of text. Default: 1GiB."},
    {.name = "add",
     .type = OPTION_TEXT,
     .offset = offsetof(trace_settings, add),
     .argument = "INDEX",
     .hint = HINT_FOLDER,
     .help = "Put the documents into new shards of this index; those that it has stay as they are."},
    {.name = "licence",
     .type = OPTION_TEXT,
     .offset = offsetof(trace_settings, licence),
     .argument = "SPDX",
     .help = "The licence of plain files, which say none. Default: NOASSERTION."},
    {.name = "held-out",
     .type = OPTION_FLAG,
     .offset = offsetof(trace_settings, held_out),
     .help = "Index also the documents that the corpus holds out, which no model was trained on."},
    {.name = "ids",
     .type = OPTION_FLAG,
     .offset = offsetof(trace_settings, ids),
     .help = "TEXT is numbers of tokens, apart by blanks or commas; searches by tokens."},
    {.name = "most",
     .letter = 'n',
     .type = OPTION_COUNT,
     .offset = offsetof(trace_settings, most),
     .argument = "N",
     .least = 0,
     .most = 1000000,
     .help = "Show at most N places, or N of what follows. Default: 10."},
    {.name = "context",
     .type = OPTION_COUNT,
     .offset = offsetof(trace_settings, context),
     .argument = "N",
     .least = 0,
     .most = 1000000,
     .help = "Show N bytes (by tokens: N/4 tokens) of a document on each side of a place. Default: 60."},
    {.name = "least",
     .type = OPTION_COUNT,
     .offset = offsetof(trace_settings, least),
     .argument = "N",
     .least = 8,
     .most = 1000000,
     .help = "For contaminated: only what stands there for N bytes or more counts. Default: 50."},
    {.name = "model",
     .type = OPTION_TEXT,
     .offset = offsetof(trace_settings, model),
     .argument = "MODEL",
     .hint = HINT_FILE,
     .help = "For perplexity: also this model's, and of both mixed. Its tokenizer must be the index's."},
    {.name = "mix",
     .type = OPTION_NUMBER,
     .offset = offsetof(trace_settings, mix),
     .argument = "SHARE",
     .least = 0,
     .most = 1,
     .help = "The infinite n-gram's share of the mixture with --model. Default: 0.5."},
    {.name = "index",
     .type = OPTION_TEXT,
     .offset = offsetof(trace_settings, answer.index),
     .argument = "INDEX",
     .hint = HINT_FOLDER,
     .help = "answer: look in this index. Default: that of the model's own corpus, which is made once: in the run's "
             "folder, or of a model alone in ~/.cache/openhearth/trace."},
    {.name = "sources",
     .type = OPTION_TEXT,
     .offset = offsetof(trace_settings, answer.sources),
     .argument = "DIR",
     .hint = HINT_FOLDER,
     .help = "answer: the folder that the recipe's paths start from, where the corpus is made again. Default: as "
             "hearth reproduce looks for it."},
    {.name = "mirror",
     .type = OPTION_TEXT,
     .offset = offsetof(trace_settings, answer.mirror),
     .argument = "URL",
     .help =
         "answer: fetch Debian packages from this mirror, where the corpus is made again. Default: as hearth corpus "
         "fetch."},
    {.name = "html",
     .type = OPTION_TEXT,
     .offset = offsetof(trace_settings, answer.html),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "answer: also write a page of all spans and documents, which needs nothing else."},
    {.name = "max-tokens",
     .type = OPTION_COUNT,
     .offset = offsetof(trace_settings, answer.most_tokens),
     .argument = "N",
     .least = 1,
     .most = LIMIT_CONTEXT,
     .help = "answer: at most N tokens. Default: 128."},
    {.name = "stop",
     .type = OPTION_LIST,
     .offset = offsetof(trace_settings, answer.stops),
     .argument = "TEXT",
     .help = "answer: end where this text comes. May be given many times."},
    {.name = "raw",
     .type = OPTION_FLAG,
     .offset = offsetof(trace_settings, answer.raw),
     .help = "answer: continue the text as it is, also with a model that has a chat template."},
    {.name = "temperature",
     .type = OPTION_NUMBER,
     .offset = offsetof(trace_settings, answer.temperature),
     .argument = "T",
     .least = 0,
     .most = 100,
     .help = "answer: draw tokens with this temperature. Default: 0, the likeliest each time."},
    {.name = "seed",
     .type = OPTION_SEED,
     .offset = offsetof(trace_settings, answer.seed),
     .argument = "N",
     .help = "answer: what tokens and documents are drawn by. Default: 42."},
    {.name = "share",
     .type = OPTION_NUMBER,
     .offset = offsetof(trace_settings, answer.share),
     .argument = "X",
     .least = 0,
     .most = 1,
     .help =
         "answer: keep as many spans, the rarest, as this share of the answer's tokens, rounded up. Default: 0.05."},
    {.name = "least-tokens",
     .type = OPTION_COUNT,
     .offset = offsetof(trace_settings, answer.least),
     .argument = "N",
     .least = 1,
     .most = LIMIT_CONTEXT,
     .help = "answer: spans of N tokens or more. Default: 1."},
    {.name = "often",
     .type = OPTION_COUNT,
     .offset = offsetof(trace_settings, answer.most),
     .argument = "N",
     .least = 1,
     .most = 1e15,
     .help = "answer: no spans that stand in the corpus more often than this. Default: 1,000,000."},
    {.name = "each",
     .type = OPTION_COUNT,
     .offset = offsetof(trace_settings, answer.each),
     .argument = "N",
     .least = 1,
     .most = ATTRIBUTION_MOST_DOCUMENTS,
     .help = "answer: at most N documents of a span. Default: 10."},
    {.name = "around",
     .type = OPTION_COUNT,
     .offset = offsetof(trace_settings, answer.context),
     .argument = "N",
     .least = 0,
     .most = ATTRIBUTION_MOST_CONTEXT,
     .help = "answer: N tokens of a document on each side of the match are ranked, and shown by --html and --json. "
             "Default: 250."},
    {.name = "why",
     .type = OPTION_FLAG,
     .offset = offsetof(trace_settings, answer.why),
     .help = "answer: estimate how much documents made the answer likelier, by their gradients at the run's "
             "checkpoints. The cost is told first."},
    {.name = "documents",
     .type = OPTION_COUNT,
     .offset = offsetof(trace_settings, answer.documents),
     .argument = "N",
     .least = 1,
     .most = 1000000,
     .help = "answer --why: of N documents; up to half of them the best of the trace, the others drawn. Default: 32."},
    {.name = "document-tokens",
     .type = OPTION_COUNT,
     .offset = offsetof(trace_settings, answer.tokens),
     .argument = "N",
     .least = 2,
     .most = 1000000000,
     .help = "answer --why: the first N tokens of each. Default: 512."},
    {.name = "without",
     .type = OPTION_LIST,
     .offset = offsetof(trace_settings, answer.without),
     .argument = "DOCUMENT",
     .help = "answer: train the recipe again without this document (its row in the manifest, or the beginning of its "
             "SHA-256) and ask the same; takes what training takes. May be given many times."},
    {.name = NULL},
};

static const trace_settings defaults = {
    .by = -1, .most = 10, .context = 60, .least = 50, .mix = 0.5, .answer = TRACE_ANSWER_DEFAULTS};

/* ---- the verbs ---- */

static int end(const cli *c, trace_verb verb, const void *settings, const char **operands, size_t count)
{
    hearth_error error = {0};
    int code = EXIT_DONE;
    return verb(c, settings, operands, count, &code, &error) == HEARTH_OK ? code : cli_fail(c, &error);
}

static int run_index(cli *c, const void *settings, const char **operands, size_t count)
{
    const trace_settings *s = settings;
    if (s->output != NULL && s->add != NULL) {
        return cli_usage(c, "--output and --add exclude each other");
    }
    return end(c, trace_verb_index, settings, operands, count);
}

static int run_find(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)signals_leave_at_once(true); /* nothing there is ever half done */
    return end(c, trace_verb_find, settings, operands, count);
}

static int run_count(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)signals_leave_at_once(true);
    return end(c, trace_verb_count, settings, operands, count);
}

static int run_next(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)signals_leave_at_once(true);
    return end(c, trace_verb_next, settings, operands, count);
}

static int run_contaminated(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)signals_leave_at_once(true);
    return end(c, trace_verb_contaminated, settings, operands, count);
}

static int run_perplexity(cli *c, const void *settings, const char **operands, size_t count)
{
    return end(c, trace_verb_perplexity, settings, operands, count);
}

static int run_report(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)signals_leave_at_once(true);
    return end(c, trace_verb_report, settings, operands, count);
}

static int run_ask(cli *c, const void *settings, const char **operands, size_t count)
{
    const trace_settings *s = settings;
    (void)count;
    for (size_t i = 0; i < s->answer.stops.count; i++) {
        if (s->answer.stops.items[i][0] == '\0') {
            return cli_usage(c, "--stop takes a text, not \"\"");
        }
    }
    return operands[1][0] != '\0' ? trace_answer(c, &s->answer, operands) : cli_usage(c, "an empty question");
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    static const cli_verb verbs[] = {
        {"index", "a corpus's folder, a file or a folder of texts", 1, 1, run_index},
        {"find", "an index's folder and a text", 2, 2, run_find},
        {"count", "an index's folder and texts", 2, SIZE_MAX, run_count},
        {"next", "an index's folder and a text", 2, 2, run_next},
        {"contaminated", "an index's folder and an evaluation's file or folder", 2, 2, run_contaminated},
        {"perplexity", "an index's folder and a file (or standard input)", 1, 2, run_perplexity},
        {"report", "an index's folder, and an evaluation's file or folder", 1, 2, run_report},
        {"answer", "a model and a question", 2, 2, run_ask},
        {NULL, NULL, 0, 0, NULL}};
    return cli_run_verb(c, verbs, settings, operands, count);
}

const cli_command command_trace = {
    .name = "trace",
    .operands = "index CORPUS | find INDEX TEXT | count INDEX TEXT... | next INDEX TEXT | contaminated INDEX SUITE | "
                "perplexity INDEX [FILE] | report INDEX [SUITE] | answer MODEL QUESTION",
    .least = 1,
    .most = 1000,
    .summary = "find where a text stands in what a model was trained on",
    .text =
        "`index` makes a searchable index of a corpus that `hearth corpus build` wrote, or of plain texts: a folder, a "
        "file, an archive, JSON lines (`text`). It lies on the disk and may be larger than memory.\n\n"
        "`find` shows every place where a text stands, with its document, source and licence.\n\n"
        "`count` counts the places of each text.\n\n"
        "`next` tells what follows a text, or the longest end of it that stands somewhere: the distribution of the "
        "infinite n-gram.\n\n"
        "`contaminated` looks for the items of an evaluation: each record of JSON lines with all its strings, each "
        "line "
        "of other texts. An item of which --least bytes stand in the index word for word is shown, with the share of "
        "its bytes that do and where the longest piece stands.\n\n"
        "`perplexity` tells how well the infinite n-gram foresees a text, a token at a time; with --model beside what "
        "that model does, and what both do mixed.\n\n"
        "`report` writes a page of HTML: sources, licences, lengths, the most frequent pieces, and with SUITE what of "
        "it stands in the index.\n\n"
        "`answer` lets a model answer, and shows which parts of the answer stand word for word in what it was trained "
        "on (OLMoTrace's method): the documents, their sources and licences. A model that comes with its recipe needs "
        "no more: where its corpus and index are not there they are made once. --why and --without ask for causes.\n\n"
        "No match reaches from one document into the next. How it works, and what a match proves and what it does not, "
        "is in docs/tracing.md.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples =
        (const cli_example[]){
            {"hearth trace index corpus --tokenizer tokenizer.json",
             "An index by tokens and by bytes, in corpus-index."},
            {"hearth trace index texts/ --licence CC0-1.0 -o my-index", "Of a folder of plain texts, by bytes."},
            {"hearth trace find corpus-index 'once upon a time'", "Ten of its places."},
            {"hearth trace count corpus-index 'he said' 'she said'", "How often each stands there."},
            {"hearth trace next corpus-index 'once upon a'", "What follows, and how often."},
            {"hearth trace contaminated corpus-index eval/", "Which items of an evaluation stand there."},
            {"hearth trace perplexity corpus-index text.txt --model models/debian-reader",
             "How well both foresee a text."},
            {"hearth trace answer models/debian-reader 'The tar program'",
             "What it goes on with, and which packages say so."},
            {"hearth trace answer run 'Where is Ann?' --why --without 17",
             "Which documents moved that, and what is said without one of them."},
            {NULL, NULL}},
    .run = run,
};
