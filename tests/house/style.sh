#!/bin/sh
# clang-format over what is C, clang-tidy over src/ (its slow path-sensitive analyzer with HEARTH_TIDY=all, which make check-long sets). Prints TAP.
#    style.sh          clang-format and flags
#    style.sh K OF     clang-tidy over the K-th of so many parts of the sources
cd "${HEARTH_SOURCE:?}" || exit 1
failed=0
report() { # number name output
    if [ -z "$3" ]; then echo "ok $1 - $2"; else
        printf '%s\n' "$3" | sed 's/^/# /' | head -60
        echo "not ok $1 - $2"
        failed=1
    fi
}
if [ $# = 2 ]; then
    if command -v clang-tidy >/dev/null; then
        sources=$(git ls-files 'src/*.c' | grep -v -E '^src/kernels/(avx512|neon)/' | awk -v part="$1" -v of="$2" 'NR % of == part % of')
        checks='-clang-analyzer-*'
        [ "${HEARTH_TIDY:-}" = all ] && checks=''
        # shellcheck disable=SC2086
        report 1 "clang-tidy, part $1 of $2" "$(echo $sources | xargs -n 8 clang-tidy --checks="$checks" --extra-arg=-Wno-unused-command-line-argument -p "${HEARTH_BUILD:?}" --quiet 2>/dev/null | grep -E 'warning:|error:' | sort -u | head -60)"
    else
        echo "ok 1 - clang-tidy # SKIP not installed"
    fi
    exit $failed
fi
files=$(git ls-files 'src/*.[ch]' 'include/*.h' 'tests/*.[ch]' 'examples/*.c' 'fuzz/*.c')
if command -v clang-format >/dev/null; then
    # shellcheck disable=SC2086  # a list of paths without spaces
    report 1 "clang-format" "$(clang-format --dry-run $files 2>&1 | grep -E 'warning|error' | head -40)"
else
    echo "ok 1 - clang-format # SKIP not installed"
fi
if git grep -nE -- '-Ofast|-ffast-math|-ffp-contract=fast' -- src tests meson.build '*/meson.build' ':!tests/house/style.sh' >/dev/null; then
    echo "not ok 2 - no unsafe floating-point flags"
    failed=1
else
    echo "ok 2 - no unsafe floating-point flags"
fi
exit $failed
