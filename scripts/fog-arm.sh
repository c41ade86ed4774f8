#!/bin/bash
#
# Compiles the wearable's part of the key exchange for a Cortex-M4 and says
# how large it is: .text, .rodata and static data of each file, and the
# deepest stack of each function that a wearable calls, along the calls inside
# our code (gcc's -fcallgraph-info).  The primitives behind aka_crypto.h are
# the library's of the device and not in it; each call of one counts as 0.
#
# usage: fog-arm.sh

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/say.sh
. "$top/scripts/say.sh"

cd "$top"

out=build/arm
files=(aka_device aka_session aka_keys aka_messages)
called=(hars_aka_device_recall hars_aka_device_advance hars_aka_device_m1
        hars_aka_device_m4 hars_aka_device_refused hars_aka_device_memory hars_aka_channel
        hars_aka_record_seal hars_aka_record_open)
flags=(-mcpu=cortex-m4 -mthumb -Os -std=gnu11 -Wall -Wextra -Werror
       -ffunction-sections -fdata-sections -fstack-usage
       -fcallgraph-info=su)

if ! command -v arm-none-eabi-gcc > /dev/null; then
    die "arm-none-eabi-gcc is not installed" "scripts/install-packages.sh arm"
fi

rm -rf "$out"
mkdir -p "$out"

for file in "${files[@]}"; do
    arm-none-eabi-gcc "${flags[@]}" -c -o "$out/$file.o" \
        "backend/fog/aka/$file.c"
done

if grep -Hv '[[:blank:]]static$' "$out"/*.su; then
    die "these functions have a stack of no fixed size" \
        "give their arrays constant lengths"
fi

step "$(arm-none-eabi-gcc --version | head -n 1), Cortex-M4, -Os"
arm-none-eabi-size -t "$out"/*.o

step "Deepest stack, bytes"
awk -v called="${called[*]}" '
    function deepest(f,    i, n, most) {
        if (f in done) { return done[f] }
        done[f] = 0
        for (i = 0; i < calls[f]; i++) {
            n = deepest(call[f, i])
            most = n > most ? n : most
        }
        return done[f] = stack[f] + most
    }

    /^node:/ {
        match($0, /title: "[^"]*"/)
        name = substr($0, RSTART + 8, RLENGTH - 9)
        if (match($0, /[0-9]+ bytes \(static/)) {
            stack[name] = substr($0, RSTART) + 0
        }
        short = name
        sub(/.*:/, "", short)
        full[short] = name
    }

    /^edge:/ {
        match($0, /sourcename: "[^"]*"/)
        from = substr($0, RSTART + 13, RLENGTH - 14)
        match($0, /targetname: "[^"]*"/)
        to = substr($0, RSTART + 13, RLENGTH - 14)
        call[from, calls[from]++] = to
    }

    END {
        n = split(called, names, " ")
        for (i = 1; i <= n; i++) {
            if (!(full[names[i]] in stack)) {
                print "no such function: " names[i] > "/dev/stderr"
                exit 1
            }
            printf "   %-28s %5d\n", names[i], deepest(full[names[i]])
        }
    }
' "$out"/*.ci

info "RAM besides: hars_aka_device_t, hars_aka_try_t, a session, a message"
