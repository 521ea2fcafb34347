#!/bin/sh
# examples/ask.c: built against the shared library by the build, run here; at most 60 lines, hearth.h alone.
ask=$1
source=${HEARTH_SOURCE:-.}
model=${HEARTH_FIXTURES:-$source/../shared/fixtures}/stories260K/stories260K-f32.gguf
echo 1..3
n=0
report() { # condition's status, words
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}
[ "$(wc -l < "$source/examples/ask.c")" -le 60 ] && ! grep '#include "' "$source/examples/ask.c" > /dev/null
report $? "at most 60 lines, public header alone"
"$ask" /nowhere "hello" 2>&1 > /dev/null | grep -q "^ask: .*nowhere"
report $? "a missing model is one line"
if [ -f "$model" ]; then
    "$ask" "$model" "Once upon a time" 2>&1 | grep -q "little girl named Lily"
    report $? "an answer streams"
else
    echo "ok 3 - an answer streams # SKIP no fixture stories260K"
fi
