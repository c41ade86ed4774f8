# shellcheck shell=bash
#
# How the scripts speak, one place for all: what is done goes to standard
# output, what went wrong to standard error with its cause and the mend.
# Colours only on a terminal.  Sourced, never run.
#
# shellcheck disable=SC2034  # the colours are for who sources this

if [ -t 1 ]; then
    say_bold=$'\e[1m' say_green=$'\e[32m' say_red=$'\e[31m' say_off=$'\e[0m'
else
    say_bold='' say_green='' say_red='' say_off=''
fi

# a step begins: step TEXT
step() {
    printf '%s%s%s\n' "$say_bold" "$*" "$say_off"
}

# a detail of the step: info TEXT
info() {
    printf '   %s\n' "$*"
}

# the script ends: die CAUSE [MEND]
die() {
    printf '%serror:%s %s\n' "$say_red" "$say_off" "$1" >&2
    if [ $# -gt 1 ]; then
        printf '  mend: %s\n' "$2" >&2
    fi
    exit 1
}

# the script ends over what a log tells: fail_log CAUSE LOG
fail_log() {
    printf '%serror:%s %s\n' "$say_red" "$say_off" "$1" >&2
    printf '  log: %s, its last lines:\n' "$2" >&2
    tail -n 12 "$2" 2> /dev/null | sed 's/^/  | /' >&2
    exit 1
}

# milliseconds of the clock, for measuring
now_ms() {
    local t=${EPOCHREALTIME/[.,]/}

    printf '%s\n' $((t / 1000))
}

# milliseconds as seconds with one digit: secs MILLISECONDS
secs() {
    printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100))
}
