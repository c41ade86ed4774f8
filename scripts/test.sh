#!/bin/bash
#
# Installs what is missing, builds, and runs every test: C unit tests under
# the address and undefined behaviour sanitizers, end to end tests, and the
# Test::Nginx suites.  Prints a time per stage.
#
# usage: test.sh [--unit] [TEST...]
#
#   --unit        the C unit tests alone
#   TEST          these files alone: t/02-answers.t, t/e2e/run.t,
#                 t/unit/hars_record.c

# shellcheck disable=SC2317  # stage() calls the functions it is given

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/say.sh
. "$top/scripts/say.sh"

export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
cd "$top"

out=build/t
units_only=no
wanted=()
status=0
times=()

sanitized="-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
-fno-sanitize-recover=all"

if [ "${1:-}" = --unit ]; then
    units_only=yes
    shift
fi

for name in "$@"; do
    if [ ! -f "$name" ]; then
        die "no such test: $name" "name files, such as t/00-harness.t"
    fi
    wanted+=("$name")
done


# stage NAME COMMAND...: runs it and keeps its time; its failure is the run's
stage() {
    local name=$1 begun rc=0

    shift
    step "$name"
    begun=$(now_ms)
    "$@" || rc=$?
    times+=("$(printf '%-32s %8s%s' "$name" "$(secs $(($(now_ms) - begun)))" \
               "$([ "$rc" -eq 0 ] || printf '   FAILED')")")

    if [ "$rc" -ne 0 ]; then
        status=1
    fi
}


# is one of these test files wanted? prints those that are
chosen() {
    local file name

    if [ ${#wanted[@]} -eq 0 ]; then
        printf '%s\n' "$@"
        return
    fi

    for file in "$@"; do
        for name in "${wanted[@]}"; do
            if [ "${name#./}" = "$file" ]; then
                printf '%s\n' "$file"
            fi
        done
    done
}


build_all() {
    make -s --no-print-directory -j2 module programs test-programs dashboard
}


# tests of C, each a program that speaks TAP
units() {
    local -a programs=()
    local file

    while read -r file; do
        programs+=("$out/unit/${file:7:-2}")
    done <<< "$1"

    make -s --no-print-directory -j2 UNIT=yes BUILD="$out" OPT="$sanitized" \
        "${programs[@]}" || return

    prove -e '' "${programs[@]}"
}


scripts_of() {
    local -a files

    mapfile -t files <<< "$1"
    prove -I t/lib -j 2 --timer "${files[@]}"
}


# the files of a stage, one per line, empty where there are none
list() {
    local -a files=()
    local file

    for file in "$@"; do
        if [ -f "$file" ]; then
            files+=("$file")
        fi
    done

    if [ ${#files[@]} -gt 0 ]; then
        chosen "${files[@]}"
    fi
}


summary() {
    step "Times"
    printf '   %s\n' "${times[@]}"

    if [ "$status" -eq 0 ]; then
        info "all passed"
    else
        printf '%serror:%s a stage failed, its output is above\n' \
            "$say_red" "$say_off" >&2
    fi
    exit "$status"
}


if [ ! -r /proc/self/stat ]; then
    die "/proc is not mounted, the tests look at processes there" \
        "mount -t proc proc /proc"
fi

scripts/install-packages.sh run test

stage "Building" build_all
if [ "$status" -ne 0 ]; then
    summary
fi

mapfile -t found <<< "$(find t/unit -name '*.c' 2> /dev/null | sort)"
unit=$(list ${found[@]+"${found[@]}"})
e2e=$(list t/e2e/*.t)
suites=$(list t/*.t)

if [ "$units_only" = yes ]; then
    e2e='' suites=''
fi

if [ -z "$unit$e2e$suites" ]; then
    die "no test of that name here" "name files below t/, as they are"
fi

if [ -n "$unit" ]; then
    stage "Unit tests" units "$unit"
fi
if [ -n "$e2e" ]; then
    stage "End to end" scripts_of "$e2e"
fi
if [ -n "$suites" ]; then
    stage "Test::Nginx suites" scripts_of "$suites"
fi

summary
