/* Every limit of the program, in one place. A file or a request that passes one is refused with
 * HEARTH_E_LIMIT or HEARTH_E_FORMAT and a line that names it. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* Model files */
#define LIMIT_GGUF_TENSORS 1000000u
#define LIMIT_GGUF_METADATA 1000000u
#define LIMIT_GGUF_STRING_BYTES (1u << 26) /* 64 MiB: a chat template or a token */
#define LIMIT_GGUF_ARRAY_DEPTH 4u
#define LIMIT_TENSOR_DIMS 4u
#define LIMIT_TENSOR_NAME_BYTES 256u
#define LIMIT_SHARDS 10000u
#define LIMIT_SAFETENSORS_HEADER_BYTES (100u << 20) /* the format's own limit */
#define LIMIT_CONFIG_FILE_BYTES (64u << 20)         /* config.json and its like, an index of shards */
#define LIMIT_JSON_FILE_BYTES (1u << 30)

/* Models */
#define LIMIT_LAYERS 1024u
#define LIMIT_HEADS 4096u
#define LIMIT_HEAD_DIM 4096u
#define LIMIT_WIDTH (1u << 20)
#define LIMIT_VOCABULARY (1u << 22)
#define LIMIT_TOKEN_IDS LIMIT_VOCABULARY /* of a tokenizer.json, whose ids may leave gaps */
#define LIMIT_CONTEXT (1u << 26)

/* Recipes */
#define LIMIT_RECIPE_BYTES (4u << 20)
#define LIMIT_RECIPE_DEPTH 8u
#define LIMIT_RECIPE_NODES 200000u
#define LIMIT_RECIPE_KEYS 256u     /* of one mapping */
#define LIMIT_RECIPE_SOURCES 1000u /* rules, special tokens */

/* Papers of models */
#define LIMIT_CARD_BYTES (8u << 20) /* README.md and other documents, a licence's text */
#define LIMIT_CARD_METADATA_BYTES (1u << 20)

/* Work */
#define LIMIT_THREADS 256
#define LIMIT_TEXT_BYTES (1u << 30) /* a prompt, a text to score */

/* Requests to hearth serve */
#define LIMIT_MESSAGES 10000u /* of one conversation */
#define LIMIT_TOOLS 1024u     /* that a request offers */
/* Values and keys of a JSON body; again, of its calls' arguments together. */
#define LIMIT_BODY_VALUES ((size_t)500000)
/* Of a text that is tokenized however long it is: /tokenize, embeddings. */
#define LIMIT_TOKENIZED_BYTES ((size_t)4 << 20)

/* Getting models */
#define LIMIT_LISTING_BYTES (64u << 20) /* what a hub says of a repository, a manifest */
#define LIMIT_LISTING_FILES 100000u
#define LIMIT_FILE_NAME_BYTES 512u                         /* of a file in a repository, with its folders */
#define LIMIT_DOWNLOAD_BYTES ((unsigned long long)1 << 42) /* one file: 4 TiB */
#define LIMIT_HTTP_HEADER_BYTES (256u << 10)
#define LIMIT_REDIRECTS 10u
#define LIMIT_CONNECTIONS 32u
#define LIMIT_RETRY_AFTER_S 600u

/* Signatures */
#define LIMIT_KEY_FILE_BYTES (64u << 10) /* a key, or certificates */
#define LIMIT_SIGNATURE_BYTES 160u       /* ECDSA's on P-521, in DER, has at most 139 */
#define LIMIT_CERTIFICATES 16u           /* of one chain */
#define LIMIT_BUNDLE_BYTES (64u << 20)
#define LIMIT_IGNORED_PATHS 1000u /* that a signature leaves out */

/* Advisories */
#define LIMIT_ADVISORY_BYTES (1u << 20) /* one, signed */
#define LIMIT_ADVISORY_ROWS 1000u       /* models, versions, ranges, files of each */
#define LIMIT_ADVISORY_RULE_BYTES (16u << 10)
#define LIMIT_FEED_BYTES (4u << 20)
#define LIMIT_FEED_ADVISORIES 1000u

/* Publishing */
#define LIMIT_COMMIT_BYTES (256u << 20) /* of the small files of one commit, as they are sent */
#define LIMIT_UPLOAD_PARTS 10000u

/* Corpora */
#define LIMIT_DOCUMENT_BYTES (64u << 20) /* a longer text is dropped, and the manifest says so */
#define LIMIT_FOLDER_DEPTH 64u           /* of a source's folders */
#define LIMIT_MAN_WORK_BYTES (64u << 20) /* of a manual page, with what its macros stand for */
#define LIMIT_PACKAGES 1000000u          /* of a list of Debian packages */
#define LIMIT_PACKAGE_LIST_BYTES (256u << 20)
#define LIMIT_COPYRIGHT_BYTES (2u << 20) /* a package's debian/copyright, its control file */
#define LIMIT_COPYRIGHT_PARAGRAPHS 20000u
#define LIMIT_COPYRIGHT_STEPS (200u << 20) /* of its patterns over a package's files, a character each */
#define LIMIT_PACKAGE_BYTES ((unsigned long long)16 << 30) /* of one package's files, unpacked */

/* Templates: a hostile one ends in an error, not in a hang */
#define LIMIT_TEMPLATE_BYTES (1u << 20)
#define LIMIT_TEMPLATE_STEPS 10000000u
#define LIMIT_TEMPLATE_DEPTH 100u
#define LIMIT_TEMPLATE_OUTPUT_BYTES (64u << 20)
#define LIMIT_TEMPLATE_MEMORY_BYTES (256u << 20)

/* Grammars of structured output */
#define LIMIT_GRAMMAR_TEXT_BYTES (4u << 20)
#define LIMIT_GRAMMAR_STATES (1u << 19)    /* of all rules together */
#define LIMIT_GRAMMAR_EDGES (1u << 21)     /* of one automaton */
#define LIMIT_GRAMMAR_ALL_EDGES (1u << 23) /* of all rules together */
#define LIMIT_GRAMMAR_RULES (1u << 16)
#define LIMIT_GRAMMAR_REPEATS 100000u        /* of {m,n}, minLength, maxItems */
#define LIMIT_GRAMMAR_DEPTH 200u             /* of groups in each other */
#define LIMIT_GRAMMAR_SUBSETS (1u << 22)     /* members of all state sets, where automata are made deterministic */
#define LIMIT_GRAMMAR_ALTERNATIVES 1024u     /* of one schema, after anyOf in allOf is spread out */
#define LIMIT_GRAMMAR_PLACES 4096u           /* that a text may stand at, where the grammar is ambiguous */
#define LIMIT_GRAMMAR_WORK_BYTES (64u << 20) /* of what is remembered for one answer */
#define LIMIT_GRAMMAR_STEPS (1u << 23)       /* of making one schema's rules: what is looked at, states, edges */
#define LIMIT_GRAMMAR_MASK_STEPS (1u << 25)  /* of one mask: places that are looked at, nodes of the vocabulary */
#define LIMIT_GRAMMARS_KEPT_BYTES ((size_t)256 << 20) /* of those that a server keeps, with their masks */

/* Fuzzers: an input that may take a second, because it says {1,99999}, is seconds in which a thousand others are not
 * tried. What happens past a limit is the same at a small one. */
#ifdef HEARTH_FUZZING
#undef LIMIT_TOKEN_IDS
#undef LIMIT_GRAMMAR_STATES
#undef LIMIT_GRAMMAR_EDGES
#undef LIMIT_GRAMMAR_ALL_EDGES
#undef LIMIT_GRAMMAR_REPEATS
#undef LIMIT_GRAMMAR_SUBSETS
#undef LIMIT_GRAMMAR_STEPS
#undef LIMIT_GRAMMAR_MASK_STEPS
#define LIMIT_TOKEN_IDS (1u << 12)
#define LIMIT_GRAMMAR_STATES (1u << 11)
#define LIMIT_GRAMMAR_EDGES (1u << 13)
#define LIMIT_GRAMMAR_ALL_EDGES (1u << 14)
#define LIMIT_GRAMMAR_REPEATS 100u
#define LIMIT_GRAMMAR_SUBSETS (1u << 13)
#define LIMIT_GRAMMAR_STEPS (1u << 14)
#define LIMIT_GRAMMAR_MASK_STEPS (1u << 16)
#endif

#endif
