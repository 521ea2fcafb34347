/* What stands in a bundle to the letter. For openness/bundle*.c alone. */
#ifndef OPENNESS_BUNDLE_WORDS_H
#define OPENNESS_BUNDLE_WORDS_H

#define BUNDLE_MEDIA_TYPE "application/vnd.dev.sigstore.bundle.v0.3+json"
#define BUNDLE_STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define BUNDLE_PREDICATE_TYPE "https://model_signing/signature/v1.0"
#define PATH_MAX_BYTES 4096

#endif
