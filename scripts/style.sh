#!/bin/bash
#
# What a machine can check of the house style, in the files that git knows:
# C in 80 columns without tabs, blanks at line ends, "//" and open ends;
# scripts by shellcheck; no address of a package registry and no path of
# somebody's machine anywhere.
#
# usage: style.sh

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/say.sh
. "$top/scripts/say.sh"

cd "$top"
faults=0


# none WHAT FILES-PATTERN REGEX: no line of these files matches
none() {
    local found files

    # shellcheck disable=SC2086  # several patterns
    files=$(git ls-files -- $2)
    if [ -z "$files" ]; then
        return
    fi

    # shellcheck disable=SC2086  # names without blanks
    if found=$(grep -nIE -e "$3" -- $files /dev/null); then
        printf '%s:\n%s\n' "$1" "$found"
        faults=$((faults + $(wc -l <<< "$found")))
    fi
}


c='*.c *.h'
written="$c *.sh *.t *.pm *.pl *.conf Makefile config"

none 'more than 80 columns'         "$c"            '^.{81}'
none 'a tab'                        "$c"            $'\t'
none 'a blank at the end of a line' "$written"      '[[:blank:]]$'
none 'a comment with //'            "$c"            '(^|[^:"/])//($|[^"/])'
none 'an open end'                  "$written"      '\<(TOD[O]|FIXM[E]|XX[X])\>'
none 'the address of a registry'    .               \
     '(debian|ubuntu|cpan|pypi|crates)[.](org|com|io)|npm[j]s|golan[g][.]org'
none 'a path of one machine'        .               '(^|[^.[:alnum:]])/[w]ork/'

if command -v shellcheck > /dev/null; then
    if ! git ls-files -z -- '*.sh' .ci/run | xargs -0 shellcheck -x; then
        faults=$((faults + 1))
    fi
else
    info "shellcheck is not installed: make deps-test"
fi

if [ "$faults" -gt 0 ]; then
    die "$faults faults of style"
fi

info "the style is in order"
