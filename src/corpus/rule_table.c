/* The table of rules: a row each, with its parameters. docs/formats/corpus.md tells what they do. */
#include "corpus/rule_functions.h"

static const rule_parameter length_parameters[] = {
    {"min_characters", RULE_COUNT, 0, 1e9, "1", "the least", NULL},
    {"max_characters", RULE_COUNT, 1, 1e9, "1000000000", "the most", NULL},
    {.name = NULL},
};

static const rule_parameter gopher_parameters[] = {
    {"min_words", RULE_COUNT, 0, 1e9, "50", "fewest words", NULL},
    {"max_words", RULE_COUNT, 1, 1e9, "100000", "most words", NULL},
    {"min_word_length", RULE_NUMBER, 0, 1000, "3", "of words on average, in characters", NULL},
    {"max_word_length", RULE_NUMBER, 0, 1000, "10", "of words on average, in characters", NULL},
    {"max_symbols", RULE_NUMBER, 0, 100, "0.1", "hash signs, or ellipses, to words", NULL},
    {"max_bullet_lines", RULE_NUMBER, 0, 1, "0.9", "share of lines that begin with a bullet", NULL},
    {"max_ellipsis_lines", RULE_NUMBER, 0, 1, "0.3", "share of lines that end with an ellipsis", NULL},
    {"min_alphabetic_words", RULE_NUMBER, 0, 1, "0.8", "share of words with a letter", NULL},
    {"min_stop_words", RULE_COUNT, 0, 1000, "2", "how many of stop_words must be there", NULL},
    {"stop_words", RULE_LIST, 0, 0, "the\nbe\nto\nof\nand\nthat\nhave\nwith", "common words of the language", NULL},
    {.name = NULL},
};

static const rule_parameter c4_parameters[] = {
    {"min_sentences", RULE_COUNT, 0, 1e9, "5", "fewest sentences in the lines that are left", NULL},
    {"min_line_words", RULE_COUNT, 0, 1e9, "3", "lines of fewer words go", NULL},
    {"punctuation", RULE_TEXT, 0, 0, "yes", "lines that end without . ! ? or a quotation mark go", "yes no"},
    {"braces", RULE_TEXT, 0, 0, "yes", "texts with { go", "yes no"},
    {"lorem_ipsum", RULE_TEXT, 0, 0, "yes", "texts with it go", "yes no"},
    {"javascript", RULE_TEXT, 0, 0, "yes", "lines with that word go", "yes no"},
    {"policies", RULE_TEXT, 0, 0, "yes", "lines about cookies, privacy and terms of use go", "yes no"},
    {.name = NULL},
};

static const rule_parameter repetition_parameters[] = {
    {"lines", RULE_NUMBER, 0, 1, "0.3", "share of lines that were there before", NULL},
    {"paragraphs", RULE_NUMBER, 0, 1, "0.3", "share of paragraphs that were there before", NULL},
    {"line_characters", RULE_NUMBER, 0, 1, "0.2", "share of characters in such lines", NULL},
    {"paragraph_characters", RULE_NUMBER, 0, 1, "0.2", "share of characters in such paragraphs", NULL},
    {"top_2", RULE_NUMBER, 0, 1, "0.2", "share of characters in the most frequent pair of words", NULL},
    {"top_3", RULE_NUMBER, 0, 1, "0.18", "in the most frequent three words", NULL},
    {"top_4", RULE_NUMBER, 0, 1, "0.16", "in the most frequent four words", NULL},
    {"repeated_5", RULE_NUMBER, 0, 1, "0.15", "share of characters in groups of five words that were there before",
     NULL},
    {"repeated_6", RULE_NUMBER, 0, 1, "0.14", "of six", NULL},
    {"repeated_7", RULE_NUMBER, 0, 1, "0.13", "of seven", NULL},
    {"repeated_8", RULE_NUMBER, 0, 1, "0.12", "of eight", NULL},
    {"repeated_9", RULE_NUMBER, 0, 1, "0.11", "of nine", NULL},
    {"repeated_10", RULE_NUMBER, 0, 1, "0.1", "of ten", NULL},
    {.name = NULL},
};

static const rule_parameter licence_parameters[] = {
    {"licences", RULE_LIST, 0, 0, NULL, "SPDX identifiers that are accepted", NULL},
    {.name = NULL},
};

static const rule_parameter personal_parameters[] = {
    {"kinds", RULE_LIST, 0, 0, "email\nip\ncard\nphone", "what is replaced by a mark", NULL},
    {.name = NULL},
};

static const rule_parameter near_parameters[] = {
    {"words", RULE_COUNT, 1, 100, "5", "of a shingle", NULL},
    {"bands", RULE_COUNT, 1, 1000, "16", "of the signature", NULL},
    {"rows", RULE_COUNT, 1, 100, "8", "values of a band", NULL},
    {"threshold", RULE_NUMBER, 0.01, 1, "0.7", "share of the signature's values that must agree", NULL},
    {.name = NULL},
};

static const rule_parameter contamination_parameters[] = {
    {"path", RULE_FILE, 0, 0, NULL, "evaluation texts: a file or a folder", NULL},
    {"sha256", RULE_TEXT, 0, 0, "", "of the file, or of the folder's list", NULL},
    {"words", RULE_COUNT, 1, 1000, "13", "of a group", NULL},
    {"matches", RULE_COUNT, 1, 1e9, "1", "groups in common that drop a text", NULL},
    {.name = NULL},
};

static const rule_parameter opt_out_parameters[] = {
    {"path", RULE_FILE, 0, 0, NULL, "a list of ids and places, a line each", NULL},
    {"sha256", RULE_TEXT, 0, 0, "", "of that file", NULL},
    {.name = NULL},
};

static const rule_parameter language_parameters[] = {
    {"allow", RULE_LIST, 0, 0, "", "languages (BCP 47) that stay; all where there is none", NULL},
    {"profiles", RULE_FILE, 0, 0, "/usr/share/libexttextcat", "folder of libexttextcat's profiles", NULL},
    {"sha256", RULE_TEXT, 0, 0, "", "of that folder's list", NULL},
    {"detect", RULE_TEXT, 0, 0, "unknown", "of which texts the language is told", "unknown always"},
    {"min_characters", RULE_COUNT, 1, 1e9, "25", "of a shorter text it is not told", NULL},
    {.name = NULL},
};

const rule_row rule_table[] = {
    {.name = "utf8_repair",
     .help = "bytes that are no UTF-8 become U+FFFD",
     .any_bytes = true,
     .apply = rule_utf8_repair},
    {.name = "nfc", .help = "Unicode's canonical composition", .unicode = true, .apply = rule_nfc},
    {.name = "length", .help = "characters of a text", .parameters = length_parameters, .apply = rule_length},
    {.name = "gopher_quality",
     .help = "Gopher's rules of quality",
     .parameters = gopher_parameters,
     .unicode = true,
     .apply = rule_gopher_quality},
    {.name = "c4_quality", .help = "C4's rules", .parameters = c4_parameters, .apply = rule_c4_quality},
    {.name = "repetition",
     .help = "Gopher's rules of repetition within a text",
     .parameters = repetition_parameters,
     .apply = rule_repetition},
    {.name = "licence_allow",
     .help = "licences that are accepted",
     .parameters = licence_parameters,
     .any_bytes = true,
     .apply = rule_licence_allow},
    {.name = "personal_data",
     .help = "e-mail and IP addresses, card and phone numbers become marks",
     .parameters = personal_parameters,
     .open = personal_open,
     .apply = rule_personal_data},
    {.name = "exact_duplicates",
     .help = "of texts that are equal as the rules before leave them, the first stays",
     .any_bytes = true,
     .open = exact_open,
     .apply = exact_apply,
     .decide = exact_decide,
     .close = exact_close},
    {.name = "near_duplicates",
     .help = "of texts that are nearly equal, the first stays",
     .parameters = near_parameters,
     .unicode = true,
     .open = near_open,
     .apply = near_apply,
     .decide = near_decide,
     .close = near_close},
    {.name = "contamination",
     .help = "texts that share groups of words with evaluation sets",
     .parameters = contamination_parameters,
     .unicode = true,
     .open = contamination_open,
     .apply = contamination_apply,
     .close = contamination_close},
    {.name = "opt_out",
     .help = "texts that somebody wants left out",
     .parameters = opt_out_parameters,
     .any_bytes = true,
     .open = opt_out_open,
     .apply = opt_out_apply,
     .close = opt_out_close},
    {.name = "language",
     .help = "languages that stay",
     .parameters = language_parameters,
     .textcat = true,
     .open = language_open,
     .apply = language_apply,
     .close = language_close},
    {.name = NULL},
};
