# shellcheck shell=bash
#
# Starts and ends the demo's processes.  Sourced with $place, the directory
# that everything is in, and what decides under whom a process runs: $others
# (yes: root, so services are other users), $drop (setpriv and its options),
# $gid_www (the group of nginx's workers, who have to reach the sockets).
#
# Each process holds a lock on its own file below $place/pid from its first
# instruction to its end, its children with it.  "Is it running, and is that
# number still its number" is thereby a question to the kernel: a recorded
# process id is only ever signalled while the lock is held.

: "${place:=}" "${others:=no}" "${gid_www:=}"
drop=(${drop[@]+"${drop[@]}"})


# sets $words to what runs a command as USER-NUMBER
as_words() {
    words=()

    if [ "$others" = yes ]; then
        words=("${drop[@]}" --reuid="$1" --regid="$1" --groups="$gid_www" --)
    fi
}


# as USER-NUMBER COMMAND...
as() {
    local words

    as_words "$1"
    shift
    ${words[@]+"${words[@]}"} "$@"
}


# service_running NAME
service_running() {
    local lock=$place/pid/$1.lock

    [ -e "$lock" ] && ! flock -n "$lock" true
}


# service_start NAME USER-NUMBER COMMAND...: output goes to log/NAME.log
service_start() {
    local name=$1 fd words

    as_words "$2"
    shift 2
    : > "$place/log/$name.log"

    (
        exec 0< /dev/null >> "$place/log/$name.log" 2>&1
        # descriptors of make and of a caller's pipes stay here
        for fd in 3 4 5 6 7 8 10 11 12 13 14 15 16 17 18 19; do
            eval "exec $fd>&-"
        done
        exec 9> "$place/pid/$name.lock"
        # who asks whether it runs holds the lock for a moment
        flock -w 5 9 || exit 1
        exec setsid ${words[@]+"${words[@]}"} "$@"
    ) &

    printf '%s\n' $! > "$place/pid/$name"
    disown $!
}


# service_stop NAME [SIGNAL]: returns when it has ended
service_stop() {
    local name=$1 signal=${2:-TERM} pid lock=$place/pid/$1.lock

    if service_running "$name"; then
        pid=$(cat "$place/pid/$name")
        kill -s "$signal" "$pid" 2> /dev/null || true

        if ! flock -w 10 "$lock" true; then
            kill -s KILL -- "-$pid" 2> /dev/null || true
            flock -w 5 "$lock" true \
                || die "$name (process $pid) cannot be ended" \
                       "look at: ps -fp $pid"
        fi
    fi

    rm -f "$place/pid/$name" "$lock"
}


# wait_until SECONDS COMMAND...: true as soon as the command is
wait_until() {
    local end=$((SECONDS + $1 + 1))

    shift
    while ! "$@" > /dev/null 2>&1; do
        if [ "$SECONDS" -ge "$end" ]; then
            return 1
        fi
        sleep 0.05
    done
}


# whether a service is ready or will never be: NAME COMMAND...
ready_or_gone() {
    local name=$1

    shift
    "$@" || ! service_running "$name"
}


# service_wait NAME LOG COMMAND...: until the command succeeds, 20 s at most
service_wait() {
    local name=$1 log=$2

    shift 2
    # a lock is taken a moment after the process began
    wait_until 2 service_running "$name" || true

    if ! wait_until 20 ready_or_gone "$name" "$@" || ! "$@" > /dev/null 2>&1
    then
        if service_running "$name"; then
            fail_log "$name does not answer within 20 s" \
                "$log"
        else
            fail_log "$name ended at its start" "$log"
        fi
    fi
}
