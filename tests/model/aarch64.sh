#!/bin/sh
# The forward pass built for aarch64 and run under qemu: logits have the hashes of this machine's build.
# aarch64.sh HASH_TOOL; skips without aarch64-linux-gnu-gcc and qemu-aarch64-static.
native=$1
source=${HEARTH_SOURCE:-.}
fixtures=${HEARTH_FIXTURES:-$source/../shared/fixtures}
cc=aarch64-linux-gnu-gcc
command -v $cc > /dev/null && command -v qemu-aarch64-static > /dev/null || {
    echo "1..0 # SKIP no cross compiler or no qemu for aarch64"
    exit 0
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/include" "$work/objects"
cp /usr/include/jansson.h "$work/include/" # declarations alone: nothing of it is linked
find /usr/include -name jansson_config.h -exec cp {} "$work/include/" \;
flags="-std=gnu17 -O2 -ffp-contract=off -fno-math-errno -I$source/src -I$source/include -isystem $work/include"
cd "$source/src" || exit 1
files="base/arena.c base/buffer.c base/cursor.c base/log.c base/memory.c base/status.c base/utf8.c
    platform/cpu.c platform/file.c platform/pages.c threads/pool.c tensor/matrix.c
    $(ls formats/gguf*.c) formats/tensors.c $(ls nn/*.c)
    model/config.c model/config_gguf.c model/families.c model/weights.c model/engine.c model/kv_cache.c model/forward.c
    $(ls kernels/*.c kernels/scalar/*.c) $source/tests/model/hash_tool.c"
for file in $files; do
    $cc $flags -c "$file" -o "$work/objects/$(echo "$file" | tr / _).o" || exit 1
done
for isa in scalar neon; do
    for file in kernels/template/*.c; do
        $cc $flags "-DKERNELS_ISA=$isa" "-DKERNELS_V16=\"kernels/$isa/v16.h\"" -c "$file" \
            -o "$work/objects/${isa}_$(basename "$file").o" || exit 1
    done
    for file in kernels/"$isa"/*.c; do
        [ "$isa" = scalar ] || [ ! -e "$file" ] ||
            $cc $flags "-DKERNELS_ISA=$isa" "-DKERNELS_V16=\"kernels/$isa/v16.h\"" -c "$file" \
                -o "$work/objects/${isa}_own_$(basename "$file").o" || exit 1
    done
done
for file in quantized measure; do
    $cc $flags -march=armv8.2-a+dotprod -DKERNELS_ISA=neon_dotprod '-DKERNELS_V16="kernels/neon/v16.h"' \
        -c "kernels/template/$file.c" -o "$work/objects/neon_dotprod_$file.o" || exit 1
done
$cc -static "$work"/objects/*.o -o "$work/hash_tool" -lpthread -lm || exit 1
n=0
for model in "$source"/tests/model/golden/llama-gqa.gguf "$source"/tests/model/golden/qwen2-untied.gguf \
    "$fixtures"/stories260K/stories260K-f32.gguf ${HEARTH_AARCH64_MODELS:-}; do
    [ -f "$model" ] || continue
    here=$("$native" "$model" 2> /dev/null)
    for isa in scalar neon; do
        n=$((n + 1))
        there=$(HEARTH_ISA=$isa qemu-aarch64-static "$work/hash_tool" "$model" 2> "$work/said")
        if [ -n "$here" ] && [ "$here" = "$there" ]; then
            echo "ok $n - $(basename "$model"), aarch64 $isa: $(echo "$here" | head -1)"
        else
            echo "not ok $n - $(basename "$model"), aarch64 $isa: '$there' here '$here' $(cat "$work/said")"
        fi
    done
done
echo "1..$n"
