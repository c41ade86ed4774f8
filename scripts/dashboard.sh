#!/bin/bash
#
# The dashboard's files as nginx serves them: those of dashboard/ and, from
# npm by its lock file, the charts.  Without npm, or where it fails, the page
# is whole but for the charts; that is said, and no error.
#
# usage: dashboard.sh DIRECTORY

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/say.sh
. "$top/scripts/say.sh"

export LC_ALL=C
cd "$top"

where=${1:?usage: dashboard.sh DIRECTORY}
lock=dashboard/package-lock.json
vendor=$where/vendor


# what is served has the version that the lock file names
is_fetched() {
    [ -f "$vendor/uPlot.esm.js" ] && cmp -s "$lock" "$vendor/package-lock.json"
}


fetch() {
    local tmp

    tmp=$(mktemp -d)
    # shellcheck disable=SC2064  # of now
    trap "rm -rf '$tmp'" EXIT

    cp dashboard/package.json "$lock" "$tmp"

    (cd "$tmp" && npm ci --ignore-scripts --no-audit --no-fund \
        --loglevel=error --fetch-retries=0 --fetch-timeout=20000 \
        > npm.log 2>&1) || { cat "$tmp/npm.log"; return 1; }

    install -D -m 644 -t "$vendor" "$tmp"/node_modules/uplot/dist/uPlot.esm.js \
        "$tmp"/node_modules/uplot/dist/uPlot.min.css \
        "$tmp"/node_modules/uplot/LICENSE "$lock"
}


install -D -m 644 -t "$where" dashboard/*.html dashboard/*.css \
    dashboard/*.js dashboard/*.svg

if is_fetched; then
    exit 0
fi

if ! command -v npm > /dev/null; then
    info "the dashboard has no charts: there is no npm" \
         "(scripts/install-packages.sh dashboard, then make dashboard)"
elif ! fetch; then
    info "the dashboard has no charts: npm failed, see above;" \
         "\"make dashboard\" tries again"
fi
