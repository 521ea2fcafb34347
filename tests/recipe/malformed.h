/* Malformed recipes: an edit of `good_recipe` (recipe_texts.h) or a whole text, and the line that it is refused with.
 */
#ifndef TESTS_RECIPE_MALFORMED_H
#define TESTS_RECIPE_MALFORMED_H

#include <stddef.h>

typedef struct malformed {
    const char *from; /* in good_recipe, once; NULL: `to` is the whole text */
    const char *to;
    const char *line; /* without the file in front */
} malformed;

static const malformed malformed_recipes[] = {
    /* no YAML, or YAML that a recipe does not have */
    {NULL, "", "line 1 column 1: expected a document, found nothing"},
    {NULL, "recipe: [1\n", "line 2 column 1: no YAML: did not find expected ',' or ']', while parsing a flow sequence"},
    {NULL, "- recipe\n", "line 1 column 1: expected a mapping (key: value), found a sequence"},
    {NULL, "hello\n", "line 1 column 1: expected a mapping (key: value), found the text \"hello\""},
    {NULL, "recipe: 1\n\tname: x\n",
     "line 2 column 1: expected spaces and printable characters, found the control character U+0009 (a tab)"},
    {NULL, "recipe: 1\nname: \"\\0\"\n", "line 2 column 7: expected a text, found one with a NUL in it"},
    {NULL, "recipe: 1\nname: \xff\n", "line 2 column 7: expected UTF-8, found the byte 0xFF"},
    {NULL, "recipe: 1\nname: \x1b[2J\n",
     "line 2 column 7: expected spaces and printable characters, found the control character U+001B"},
    {NULL, "recipe: &a 1\nname: *a\n", "line 1 column 9: expected the value itself, found an anchor (&)"},
    {NULL, "recipe: 1\nname: *a\n", "line 2 column 7: expected the value itself, found an alias (*)"},
    {NULL, "recipe: !!int 1\n", "line 1 column 9: expected the value itself, found a tag (!)"},
    {NULL, "recipe: 1\n---\nrecipe: 1\n", "line 2 column 1: expected one document, found a second one"},
    {NULL, "a: [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]\n", "line 1 column 11: expected at most 8 levels, found one more"},
    {NULL, "? [a, b]\n: 1\n", "line 1 column 3: expected a name as key, found a sequence"},
    {"seed: 7\n", "seed: 7\nseed: 8\n",
     "line 6 column 1: seed: expected each key once, found it again (first on line 5)"},
    {"  heads: 4\n", "  heads: 4\n  heads: 4\n",
     "line 37 column 3: heads: expected each key once, found it again (first on line 36)"},
    /* keys */
    {"seed: 7\n", "", "line 1 column 1: expected the key seed, found no such key"},
    {"seed: 7\n", "seed: 7\nsede: 7\n",
     "line 6 column 1: sede: expected a key of a recipe (seed?), found the unknown key \"sede\""},
    {"  heads: 4\n", "  hads: 4\n",
     "line 36 column 3: model.hads: expected a key of model (heads?), found the unknown key \"hads\""},
    {"seed: 7\n", "seed: 7\nwhatever-this-is: 7\n",
     "line 6 column 1: whatever-this-is: expected a key of a recipe, found the unknown key \"whatever-this-is\""},
    {"  mlp: 352\n", "", "line 33 column 3: model: expected the key mlp, found no such key"},
    {"    path: texts\n", "",
     "line 8 column 5: sources[0]: expected the key path, which kind folder needs, found no such key"},
    {"    path: texts\n", "    path: texts\n    field: body\n",
     "line 11 column 5: sources[0].field: expected no such key with kind folder, found it"},
    {"    kind: folder\n", "    kind: folders\n",
     "line 9 column 11: sources[0].kind: expected one of folder, archive, jsonl, warc, text, command, dataset, debian, "
     "generator, found the text \"folders\""},
    {"    kind: folder\n", "    kind: generator\n",
     "line 10 column 5: sources[0].path: expected no such key with kind generator, found it"},
    {"  optimizer: adamw\n", "  optimizer: muon\n",
     "line 41 column 3: train: expected the key muon_learning_rate, which optimizer muon needs, found no such key"},
    {"  optimizer: adamw\n", "  optimizer: adamw\n  muon_momentum: 0.9\n",
     "line 47 column 3: train.muon_momentum: expected no such key with optimizer adamw, found it"},
    {"  schedule: cosine\n", "  schedule: wsd\n",
     "line 41 column 3: train: expected the key decay_steps, which schedule wsd needs, found no such key"},
    {"  family: llama\n", "  family: qwen3-moe\n  experts: 1\n",
     "line 34 column 12: model.experts: expected a whole number from 2 to 1024, found the number 1"},
    {"  family: llama\n", "  family: qwen3-moe\n",
     "line 33 column 3: model: expected the key experts, which family qwen3-moe needs, found no such key"},
    {"  family: llama\n", "  family: llama\n  experts: 4\n",
     "line 34 column 3: model.experts: expected no such key with family llama, found it"},
    {"  vocab_size: 512\n", "  vocab_size: 512\n  path: tokenizer.json\n",
     "line 31 column 3: tokenizer.path: expected no such key with kind bpe, found it"},
    /* types */
    {"seed: 7\n", "seed: \"7\"\n", "line 5 column 7: seed: expected a whole number below 2^63, found the text \"7\""},
    {"seed: 7\n", "seed: seven\n",
     "line 5 column 7: seed: expected a whole number below 2^63, found the text \"seven\""},
    {"seed: 7\n", "seed: [7]\n", "line 5 column 7: seed: expected a whole number below 2^63, found a sequence"},
    {"seed: 7\n", "seed:\n", "line 5 column 6: seed: expected a whole number below 2^63, found nothing"},
    {"seed: 7\n", "seed: 7.5\n", "line 5 column 7: seed: expected a whole number below 2^63, found the number 7.5"},
    {"seed: 7\n", "seed: 0x7\n", "line 5 column 7: seed: expected a whole number below 2^63, found the number 0x7"},
    {"name: small\n", "name: 7\n", "line 2 column 7: name: expected a text (a number in quotes), found the number 7"},
    {"name: small\n", "name: true\n",
     "line 2 column 7: name: expected a text (a number in quotes), found the truth value true"},
    {"  tied: true\n", "  tied: yes\n", "line 39 column 9: model.tied: expected true or false, found the text \"yes\""},
    {"  heads: 4\n", "  heads: {a: 4}\n",
     "line 36 column 10: model.heads: expected a whole number from 1 to 4096, found a mapping"},
    {"train:\n", "train: fast\nother:\n",
     "line 40 column 8: train: expected a mapping (key: value), found the text \"fast\""},
    {"rules:\n  - nfc\n", "rules: nfc\n", "line 24 column 9: no YAML: mapping values are not allowed in this context"},
    {"  - nfc\n", "  - [nfc]\n",
     "line 24 column 5: rules[0].rule: expected the name of a rule, or a mapping with the key rule, found a sequence"},
    {"  - nfc\n", "  - min: 3\n",
     "line 24 column 5: rules[0].rule: expected the name of a rule, or a mapping with the key rule, found a mapping"},
    {"  - nfc\n", "  - rule: nfc\n    with: {a: 1}\n",
     "line 25 column 11: rules[0].with: expected a value or a sequence of values, found a mapping"},
    {"  special: [\"<|end|>\"]\n", "  special: []\n",
     "line 31 column 12: tokenizer.special: expected a sequence of at least one, found an empty sequence"},
    {"  special: [\"<|end|>\"]\n", "  special: <|end|>\n",
     "line 31 column 12: tokenizer.special: expected a sequence of at least one, found the text \"<|end|>\""},
    /* ranges */
    {"recipe: 1\n", "recipe: 2\n", "line 1 column 9: recipe: expected 1, found the number 2"},
    {"seed: 7\n", "seed: -1\n", "line 5 column 7: seed: expected a whole number below 2^63, found the number -1"},
    {"seed: 7\n", "seed: 9223372036854775808\n",
     "line 5 column 7: seed: expected a whole number below 2^63, found the number 9223372036854775808"},
    {"held_out: 0.01\n", "held_out: 0.51\n",
     "line 6 column 11: held_out: expected a number from 0 to 0.5, found the number 0.51"},
    {"  layers: 2\n", "  layers: 0\n",
     "line 34 column 11: model.layers: expected a whole number from 1 to 1024, found the number 0"},
    {"  layers: 2\n", "  layers: 99999999999999999999999999\n",
     "line 34 column 11: model.layers: expected a whole number from 1 to 1024, found the number "
     "99999999999999999999999999"},
    {"  learning_rate: 0.003\n", "  learning_rate: 0\n",
     "line 47 column 18: train.learning_rate: expected a number above 0, up to 10, found the number 0"},
    {"  learning_rate: 0.003\n", "  learning_rate: 1e999\n",
     "line 47 column 18: train.learning_rate: expected a number above 0, up to 10, found the number 1e999"},
    {"  learning_rate: 0.003\n", "  learning_rate: .nan\n",
     "line 47 column 18: train.learning_rate: expected a number above 0, up to 10, found the number .nan"},
    {"  learning_rate: 0.003\n", "  learning_rate: 0.003\n  beta2: 1\n",
     "line 48 column 10: train.beta2: expected a number from 0 to 0.9999999999, found the number 1"},
    /* texts */
    {"name: small\n", "name: Small Model\n",
     "line 2 column 7: name: expected a name of at most 64 of a-z, 0-9 and -, found the text \"Small Model\""},
    {"licence: CC0-1.0\n", "licence: free for all\n",
     "line 3 column 10: licence: expected an SPDX licence expression (CC0-1.0, MIT OR Apache-2.0), found the text "
     "\"free for all\""},
    {"licence: CC0-1.0\n", "licence: (MIT OR Apache-2.0\n",
     "line 3 column 10: licence: expected an SPDX licence expression (CC0-1.0, MIT OR Apache-2.0), found the text "
     "\"(MIT OR Apache-2.0\""},
    {"    language: en\n", "    language: e\n",
     "line 12 column 15: sources[0].language: expected a language as BCP 47 writes it (en, pt-BR), found the text "
     "\"e\""},
    {"    - path: a.txt\n", "    - path: ../a.txt\n",
     "line 14 column 13: sources[0].pins[0].path: expected a relative path without .., found the text \"../a.txt\""},
    {"sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n", "sha256: 0123456789ABCDEF\n",
     "line 15 column 15: sources[0].pins[0].sha256: expected a SHA-256 of 64 hexadecimal digits (0-9, a-f), found the "
     "text \"0123456789ABCDEF\""},
    {"  family: llama\n", "  family: gpt\n",
     "line 33 column 11: model.family: expected one of llama, qwen2, qwen3, olmo2, qwen3-moe, found the text \"gpt\""},
    /* what two values owe each other */
    {"  - name: more\n", "  - name: texts\n",
     "line 18 column 11: sources[1].name: expected a name of its own, found the name of sources[0], texts"},
    {"    - path: b.txt\n", "    - path: a.txt\n",
     "line 16 column 13: sources[0].pins[1].path: expected paths in the order of their bytes, each once, found a.txt "
     "after a.txt"},
    {"  heads: 4\n", "  heads: 4\n  kv_heads: 3\n",
     "line 37 column 13: model.kv_heads: expected a divisor of heads, found 3 for 4 heads"},
    {"  width: 128\n", "  width: 130\n",
     "line 36 column 10: model.heads: expected a divisor of width where there is no head_size, found 4 for the width "
     "130"},
    {"  heads: 4\n", "  heads: 4\n  head_size: 33\n",
     "line 37 column 14: model.head_size: expected an even number of at most 4096, found 33"},
    {"  vocab_size: 512\n", "  vocab_size: 256\n",
     "line 30 column 15: tokenizer.vocab_size: expected a whole number from 257 to 4194304, found the number 256"},
    {"  vocab_size: 512\n  special: [\"<|end|>\"]\n", "  vocab_size: 258\n  special: [a, b, c]\n",
     "line 30 column 15: tokenizer.vocab_size: expected room for 256 bytes and the special tokens, found 258 for 3 "
     "special ones"},
    {"  special: [\"<|end|>\"]\n", "  special: [a, b, a]\n",
     "line 31 column 12: tokenizer.special: expected each token once, found a again"},
    {"  length: 128\n", "  length: 129\n",
     "line 44 column 11: train.length: expected at most the model's context, found 129 for a context of 128"},
    {"  micro_batches: 8\n", "  micro_batches: 6\n",
     "line 45 column 18: train.micro_batches: expected a power of two that divides sequences, found 6 for 16 "
     "sequences"},
    {"  micro_batches: 8\n", "  micro_batches: 32\n",
     "line 45 column 18: train.micro_batches: expected a power of two that divides sequences, found 32 for 16 "
     "sequences"},
    {"  warmup_steps: 10\n", "  warmup_steps: 101\n",
     "line 49 column 17: train.warmup_steps: expected at most steps, found 101 of 100"},
    {"  schedule: cosine\n", "  schedule: wsd\n  decay_steps: 91\n",
     "line 49 column 16: train.decay_steps: expected at most the steps after warm-up, found 91 of 90"},
    {"  checkpoint_steps: 50\n", "  checkpoint_steps: 101\n",
     "line 50 column 21: train.checkpoint_steps: expected at most steps, found 101 of 100"},
    {"held_out: 0.01\n", "held_out: 0\n",
     "line 51 column 19: train.evaluate_steps: expected 0 where held_out is 0, found 50"},
    {"    licence: MIT\n", "    licence: MIT\n    licence_field: licence\n",
     "line 22 column 20: sources[1].licence_field: expected licence or licence_field, found both"},
};

#endif
