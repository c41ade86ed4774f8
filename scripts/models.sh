#!/bin/bash
#
# Runs SPIN over docs/models/coherence.pml and fog_*.pml: the configurations
# in which the properties hold, the mutants in which one has to fail, and the
# faults that the contract as written does not cover.  A verdict that is not
# the expected one fails the run.  docs/models/README.md says what each line
# means.
#
# usage: models.sh [NAME...]      all lines unless named, but those of
#                                 "named", which take minutes
#
#   SHORT=yes       in the environment: without the lines that take long
#
# Every search is exhaustive, in at most 4 GB of memory and on one core.

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/say.sh
. "$top/scripts/say.sh"

export LC_ALL=C
cd "$top"

case ${SHORT:-no} in
    yes | no) ;;
    *) die "SHORT=$SHORT is neither yes nor no" "make models SHORT=yes" ;;
esac

lines=$(sed -n 's/^line \([^ ]*\) .*/\1/p' scripts/models.sh | xargs)

for name in "$@"; do
    case " $lines " in
        *" $name "*) ;;
        *) die "no such line: $name" "one of: $lines" ;;
    esac
done

scripts/install-packages.sh models

model=$top/docs/models/coherence.pml
place=$top/build/models
short=${SHORT:-no}
names=" $* "
wrong=0

# cap and ttl in ticks; one worker unless said
small=(-DCAP=1 -DTTL=2 -DWORKERS=1)
leased=(-DCAP=1 -DTTL=3 -DWORKERS=1 -DRUN_LEASE)
two=(-DCAP=1 -DTTL=2 -DWORKERS=2)
still=(-DCAP=1 -DTTL=2 -DWORKERS=2 -DNEWS=0 -DTIMELESS)


# search DIRECTORY DEFINE...: the verdict and what it cost, into "result"
search() {
    local directory=$1 live=-DSAFETY run=() out

    shift

    case " $* " in
        *' -DEVENTUALLY '*)
            live=-DNFAIR=6
            run=(-a -f)
            ;;
        *' -DCLAIM '*)
            live=-DNOFAIR
            run=(-a)
            ;;
    esac

    rm -rf "$directory"
    mkdir -p "$directory"
    out=$directory/pan.out

    if ! (cd "$directory" && spin -a "$@" "$model" > spin.out 2>&1 \
          && cc -O2 -w "$live" -DCOLLAPSE -DVECTORSZ=2048 -DMEMLIM=4000 \
                -o pan pan.c > cc.out 2>&1)
    then
        fail_log "SPIN does not take the model" "$directory/spin.out"
    fi

    (cd "$directory" && timeout 900 ./pan -m1000000 -w22 "${run[@]}") \
        > "$out" 2>&1 || true

    if grep -q 'max search depth too small\|out of memory\|resource' "$out" \
       || ! grep -q 'errors: ' "$out"
    then
        verdict=unfinished

    elif grep -q 'errors: 0' "$out"; then
        verdict=holds

    else
        verdict=fails
    fi

    states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$out")
    depth=$(sed -n 's/.*depth reached \([0-9]*\).*/\1/p' "$out")
    elapsed=$(sed -n 's/.*elapsed time \([0-9.]*\) sec.*/\1/p' "$out")
}


# line NAME EXPECTED LENGTH DEFINE...
line() {
    local name=$1 expected=$2 length=$3 verdict states depth elapsed note=

    shift 3

    case $names in
        *" $name "*) ;;
        '  ')
            case $length in
                named) return ;;
                long)  [ "$short" != yes ] || return 0 ;;
            esac
            ;;
        *) return ;;
    esac

    search "$place/$name" "$@"

    if [ "$verdict" != "$expected" ]; then
        note="   expected: $expected"
        wrong=$((wrong + 1))
    fi

    printf '   %-24s %10s %8s %8s  %s%s\n' "$name" "${states:--}" \
        "${depth:--}" "${elapsed:--}" "$verdict" "$note"
}


step "$(spin -V | head -n 1): docs/models"
printf '   %-24s %10s %8s %8s  %s\n' configuration states depth seconds \
    result

step "The contract holds"
line quiet              holds short "${small[@]}"
line trim               holds short "${small[@]}" -DOTHERS=1
line eviction           holds short "${small[@]}" -DEVICT
line killed             holds short "${small[@]}" -DKILLS=1
line emptied            holds long  "${small[@]}" -DEMPTIED
line restart            holds long  "${small[@]}" -DRESTART
line cluster            holds long  "${small[@]}" -DFAILOVER -DCLUSTER -DNO_L0
line slow               holds long  "${small[@]}" -DOTHERS=1 -DSLOW -DNO_L0
line off                holds short "${small[@]}" -DOFF
line off-untold         holds long  "${small[@]}" -DOFF -DNO_PUBLISH
line deadlock           holds short "${still[@]}" -DREQUESTS=4 -DKILLS=1
line woken              holds short "${still[@]}" -DKILLS=1 -DEVENTUALLY
line workers            holds long  "${two[@]}" -DNEWS=1 -DNO_L0

step "Mutants: an error has to be found"
line NO_POISON              fails short "${small[@]}" -DEVICT -DNO_POISON
line NO_NX                  fails short "${small[@]}" -DNO_NX
line FILL_BEFORE_LOCK       fails short "${small[@]}" -DFILL_BEFORE_LOCK
line NO_GENERATION          fails long  "${small[@]}" -DNO_GENERATION
line DENIAL_REPLACED        fails short "${small[@]}" -DNO_POISON -DDENIAL_REPLACED
line NO_GAP                 fails short "${small[@]}" -DOTHERS=1 -DNO_GAP \
                                        -DNO_WATCH
line NO_SUSPECT             fails short "${small[@]}" -DOTHERS=1 -DNO_SUSPECT
line NO_RUN_CHECK           fails long  "${small[@]}" -DRESTART \
                                        -DNO_RUN_CHECK
line RUN_KEY_FIRST          fails short "${small[@]}" -DRESTART \
                                        -DRUN_KEY_FIRST
line TOMBSTONE_AFTER_STREAM fails short -DTTL=3 -DCAP=1 -DWORKERS=1 \
                                        -DNO_L0 -DTOMBSTONE_AFTER_STREAM
line ACK_BEFORE_COMMIT      fails short "${small[@]}" -DACK_BEFORE_COMMIT
line SEEN_AT_ANSWER         fails short "${small[@]}" -DSEEN_AT_ANSWER
line SEEN_FIRST             fails long  "${small[@]}" -DSEEN_FIRST
line POSITION_FIRST         fails short "${small[@]}" -DPOSITION_FIRST
line WAITED_ANY             fails short "${small[@]}" -DEMPTIED -DWAITED_ANY
line ORPHAN_STORES          fails short "${small[@]}" -DEMPTIED -DEVICT \
                                        -DORPHAN_STORES
line JOIN_APART             fails short "${still[@]}" -DREQUESTS=4 -DJOIN_APART
line NO_ELECTION            fails short "${still[@]}" -DKILLS=1 -DEVENTUALLY \
                                        -DNO_ELECTION

line L2_UNTOLD_restart      fails long  "${small[@]}" -DRESTART -DL2_UNTOLD
line L2_UNTOLD_cluster      fails long  "${small[@]}" -DFAILOVER -DCLUSTER \
                                        -DNO_L0 -DL2_UNTOLD
line NO_WATCH_slow          fails short "${small[@]}" -DOTHERS=1 -DSLOW \
                                        -DNO_WATCH

step "Open: what the contract does not cover, and its bound"
line flush              fails short "${small[@]}" -DFLUSH
line deaf               fails short "${small[@]}" -DDEAF
line deaf-ttl           holds long  "${small[@]}" -DDEAF -DBOUND=TTL

step "... and a rule that would not do alone"
line slow-lease         fails named "${leased[@]}" -DOTHERS=1 -DSLOW -DNO_L0

model=$top/docs/models/fog_desync.pml
step "The key exchange of the fog: a wearable's pseudonyms (fog_desync.pml)"
line fog-v1             holds short -DCLAIM -DV1
line fog-v1-seeds       holds short -DCLAIM -DV1 -DINV
line fog-no-counter     holds short -DCLAIM -DV1NC
line fog-nc-seeds       holds short -DCLAIM -DV1NC -DINV
line FOG_PAPER          fails short -DCLAIM -DPAPER -DR=0 -DL=1
line fog-naive          holds short -DCLAIM -DNAIVE -DR=0
line FOG_NAIVE_REPLAY   fails short -DCLAIM -DNAIVE

model=$top/docs/models/fog_lost.pml
line fog-paper-lost     holds short -DCLAIM

model=$top/docs/models/fog_concurrent.pml
step "... a fog node's, with several sessions open (fog_concurrent.pml)"
line fog-fn-1-lost      holds short -DCLAIM -DV1 -DL=1
line fog-fn-3-lost      holds short -DCLAIM -DV1 -DL=3
line fog-fn-refused     holds short -DCLAIM -DV1 -DNOREJ -DL=2
line FOG_FN_PAPER       fails short -DCLAIM -DPAPER -DNOREJ -DL=0
line FOG_FN_NAIVE       fails short -DCLAIM -DNAIVE -DL=0
line FOG_FN_ANY_SEED    fails short -DCLAIM -DV1BAD

if [ "$wrong" -ne 0 ]; then
    die "$wrong verdicts are not the expected ones" \
        "a trace: cd build/models/NAME; ./pan -r"
fi

info "every verdict is the expected one"
