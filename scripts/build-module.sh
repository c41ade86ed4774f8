#!/bin/bash
#
# Builds ngx_http_hars_module.so against the nginx of this machine: the
# sources come with the package nginx-dev, the flags from the installed
# binary itself (nginx -V), so that the binary accepts the module.
#
# nginx's own configure compiles with -Werror; our files have -Wall -Wextra
# on top.  -Wno-unused-parameter stays: nginx builds so itself, its handler
# types leave parameters unused.
#
# usage: build-module.sh [BUILD-DIRECTORY [CC-OPTION...]]
#
# Without a change of nginx, of `config` or of the options nothing is
# configured again, and make rebuilds only what depends on a changed file.

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/say.sh
. "$top/scripts/say.sh"

export LC_ALL=C

build=${1:-build}
shift || true
extra="$*"

cd "$top"

module=ngx_http_hars_module.so
sources=/usr/share/nginx/src
nginx=$(PATH=$PATH:/usr/sbin:/sbin command -v nginx) \
    || die "nginx is not installed" "make deps-run"

if [ ! -f "$sources/conf_flags" ]; then
    die "the sources of nginx are not at $sources" \
        "make deps-run   (package nginx-dev)"
fi

if [ ! -f config ]; then
    die "no file \"config\" in $top: nothing to build"
fi

mkdir -p "$build"
build=$(cd "$build" && pwd)
tree=$build/nginx-src
log=$build/module.log

version=$("$nginx" -V 2>&1)

# the value of one --with-...-opt='...' of the installed nginx
option() {
    sed -n "s/.*--with-$1-opt='\\([^']*\\)'.*/\\1/p" <<< "$version"
}

cc_opt=
for flag in $(option cc); do
    case $flag in
        -ffile-prefix-map=* | -fdebug-prefix-map=*) ;;
        *) cc_opt="$cc_opt $flag" ;;
    esac
done
cc_opt="${cc_opt# } -Wall -Wextra -Wno-unused-parameter${extra:+ $extra}"

case $extra in
    *-fsanitize=*) ld_opt="$(option ld) $extra" ;;
    *)             ld_opt=$(option ld) ;;
esac

dev=$(dpkg-query -W -f '${Version}' nginx-dev 2>/dev/null || true)
want=$(printf '%s\n' "$version" "$dev" "$cc_opt" "$ld_opt" \
       | cat - config "$0" | sha256sum)

if [ "$(cat "$tree/configured" 2>/dev/null || true)" != "$want" ]; then
    info "configuring the module for $(sed -n 's/^nginx version: //p' \
          <<< "$version")"

    rm -rf "$tree"
    cp -r "$sources" "$tree"

    NGX_CONF_FLAGS=()
    # shellcheck source=/dev/null
    . "$tree/conf_flags"

    if ! (cd "$tree" && ./configure "${NGX_CONF_FLAGS[@]}" --with-compat \
              --with-cc-opt="$cc_opt" --with-ld-opt="$ld_opt" \
              --add-dynamic-module="$(realpath --relative-to=. "$top")") \
         > "$log" 2>&1
    then
        tail -n 20 "$log" >&2
        die "nginx's configure refused the module, whole log: $log"
    fi

    printf '%s\n' "$want" > "$tree/configured"
fi

# make -q: nothing to do, nothing to say
if [ -f "$build/$module" ] \
   && make -s -q -C "$tree" -f objs/Makefile modules > /dev/null 2>&1 \
   && [ ! "$tree/objs/$module" -nt "$build/$module" ]
then
    exit 0
fi

begun=$(now_ms)

if ! make -C "$tree" -j2 -f objs/Makefile modules > "$log" 2>&1; then
    grep -E -A4 'error|warning|undefined' "$log" >&2 || tail -n 20 "$log" >&2
    die "the module does not compile, whole log: $log"
fi

# would this nginx load it?
check=$build/module-check.conf
printf '%s\n' "load_module $tree/objs/$module;" "pid $build/module-check.pid;" \
    'error_log stderr;' 'events { }' > "$check"

if ! "$nginx" -t -q -e stderr -p "$build" -c "$check" > "$log.check" 2>&1
then
    cat "$log.check" >&2
    die "the installed nginx does not load the module (its words above)"
fi
rm -f "$build/module-check.pid"

# a new file, never a changed one: a running nginx has the old one mapped
cp "$tree/objs/$module" "$build/$module.new"
mv -f "$build/$module.new" "$build/$module"

info "$module built in $(secs $(($(now_ms) - begun)))"
