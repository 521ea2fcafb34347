/* Pieces taken from counters, one for each part's even share. A word holds the stage (high half) and how many things of
 * the share are taken (low half). Whoever comes first to a share in a stage moves its word there; a part that is behind
 * the word finds the share all taken, since nobody leaves a stage before every share is. */
#include "base/memory.h"
#include "threads/pool.h"

#include <stdatomic.h>

typedef struct claims_word {
    _Alignas(64) _Atomic uint64_t word;
} claims_word;

struct thread_claims {
    int parts;
    claims_word *shares; /* [parts] */
};

thread_claims *thread_claims_create(int parts)
{
    thread_claims *claims = mem_calloc(1, sizeof *claims);
    if (claims == NULL) {
        return NULL;
    }
    claims->parts = parts;
    claims->shares = mem_alloc_aligned((size_t)parts * sizeof *claims->shares, 64);
    for (int part = 0; claims->shares != NULL && part < parts; part++) {
        atomic_init(&claims->shares[part].word, 0);
    }
    if (claims->shares == NULL) {
        thread_claims_free(claims);
        return NULL;
    }
    return claims;
}

void thread_claims_free(thread_claims *claims)
{
    if (claims != NULL) {
        mem_free(claims->shares);
        mem_free(claims);
    }
}

/* Of one share with `count` things: half of what is left, `least` at least. Empty: they are taken. */
static thread_range claim_of(claims_word *share, uint32_t stage, size_t count, size_t least)
{
    uint64_t seen = atomic_load_explicit(&share->word, memory_order_relaxed);
    for (;;) {
        const int32_t ahead = (int32_t)((uint32_t)(seen >> 32) - stage);
        const size_t taken = ahead > 0 ? count : ahead < 0 ? 0 : (size_t)(uint32_t)seen;
        if (taken >= count) {
            return (thread_range){count, count};
        }
        const size_t left = count - taken;
        const size_t wanted = left / 2 > least ? left / 2 : least;
        const size_t end = wanted < left ? taken + wanted : count;
        if (atomic_compare_exchange_weak_explicit(&share->word, &seen, (uint64_t)stage << 32 | end,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return (thread_range){taken, end};
        }
    }
}

thread_range thread_claim(thread_claims *claims, uint32_t stage, size_t count, size_t least, int part)
{
    for (int i = 0; i < claims->parts; i++) {
        const int of = (part + i) % claims->parts;
        const thread_range share = thread_split(count, 1, of, claims->parts);
        const thread_range got = claim_of(&claims->shares[of], stage, share.end - share.begin, least);
        if (got.begin < got.end) {
            return (thread_range){share.begin + got.begin, share.begin + got.end};
        }
    }
    return (thread_range){count, count};
}
