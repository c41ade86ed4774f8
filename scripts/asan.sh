#!/bin/bash
#
# Runs the Test::Nginx suites in an nginx that is compiled, with the module,
# under the address, leak and undefined behaviour sanitizers.  The nginx is
# Debian's of the version installed here, from its source package; every
# allocation of a pool is one of malloc (NGX_DEBUG_PALLOC), so that a byte
# too many of it is seen.
#
# A report ends the process with a signal, which the suite sees as an alert
# in the error log; the reports themselves are in build/asan/reports/, and
# any file there fails the run.
#
# usage: asan.sh [TEST...]        t/*.t unless named
#
#   ASAN_LEAKS=no       in the environment: without the leak sanitizer
#   VALGRIND=yes        under valgrind instead, without leaks, in
#                       build/valgrind; ten times slower, so that tests which
#                       wait for something in time may fail, and no report is
#                       what counts
#
# The suites run in a copy of t/, so that they are in nobody's way who runs
# those of "make test" at the same time.

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/say.sh
. "$top/scripts/say.sh"

export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
cd "$top"

valgrind=${VALGRIND:-no}
case $valgrind in
    yes | no) ;;
    *) die "VALGRIND=$valgrind is neither yes nor no" \
           "make asan VALGRIND=yes" ;;
esac

scripts/install-packages.sh run test asan

place=$top/build/asan
if [ "$valgrind" = yes ]; then
    place=$top/build/valgrind
fi
reports=$place/reports
log=$place/build.log
leaks=${ASAN_LEAKS:-yes}

# nginx itself copies no bytes from null pointers, and reads words where bytes
# lie (NGX_HAVE_NONALIGNED); the files of the module are checked for it
ours=-fsanitize=nonnull-attribute,alignment
sanitized="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
-fno-sanitize=nonnull-attribute,alignment -fno-sanitize-recover=undefined \
-DNGX_DEBUG_PALLOC=1"
linked="$sanitized $place/asan.o"

if [ "$valgrind" = yes ]; then
    ours=
    sanitized='-O1 -g -fno-omit-frame-pointer -DNGX_DEBUG_PALLOC=1'
    linked=
fi

configure=(
    --prefix=/usr/share/nginx
    --modules-path="$place/modules"
    --error-log-path=stderr
    --with-compat
    --with-debug
    --with-threads
    --with-stream
    --with-stream_ssl_module
)

# and what the installed nginx has compiled in of HTTP modules
for option in $(nginx -V 2>&1); do
    case $option in
        --with-http_*=dynamic) ;;
        --with-http_*_module)  configure+=("$option") ;;
    esac
done

tests=()
for name in "$@"; do
    if [ ! -f "$name" ]; then
        die "no such test: $name" "name files, such as t/00-harness.t"
    fi
    tests+=("$name")
done

if [ ${#tests[@]} -eq 0 ]; then
    tests=(t/*.t)
fi


# the suites of this machine's mirror, as lines of sources: deb_src KEY
deb_src() {
    local list uri release origin

    # shellcheck disable=SC2016  # apt expands these
    list=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN)' \
           'Created-By: Packages' 'Component: main')

    while read -r uri release origin; do
        if [ -n "$release" ] && [ "${origin:-Debian}" = Debian ]; then
            printf 'deb-src [signed-by=%s] %s %s main\n' "$1" "$uri" "$release"
        fi
    done <<< "$list" | sort -u
}


# fetch PACKAGE VERSION DIRECTORY: unpacks a source package, patches applied
fetch() {
    local private=$place/apt key options

    key=
    for key in /usr/share/keyrings/debian-archive-keyring.gpg \
               /usr/share/keyrings/debian-archive-keyring.pgp
    do
        if [ -r "$key" ]; then
            break
        fi
    done

    if [ ! -r "$key" ]; then
        die "the keys of the Debian archive are not on this machine" \
            "install the package debian-archive-keyring"
    fi

    rm -rf "$private"
    mkdir -p "$private/lists/partial" "$private/cache/archives/partial" \
             "$private/none" "$private/source"

    deb_src "$key" > "$private/sources.list"
    if [ ! -s "$private/sources.list" ]; then
        die "no apt source with a main component to take $1 from" \
            "bring the lists of this machine up to date: apt-get update"
    fi

    options=(
        -o Dir::Etc::SourceList="$private/sources.list"
        -o Dir::Etc::SourceParts="$private/none"
        -o Dir::Etc::Preferences="$private/none/preferences"
        -o Dir::Etc::PreferencesParts="$private/none"
        -o Dir::State::Lists="$private/lists"
        -o Dir::Cache="$private/cache"
        -o APT::Sandbox::User="$(id -un)"
        -o Acquire::Languages=none
        -o Acquire::PDiffs=false
        -o Acquire::Retries=3
        -qq
    )

    info "fetching the source package $1 $2"

    if ! apt-get "${options[@]}" update > "$private/log" 2>&1 \
       && ! apt-get "${options[@]}" -o Acquire::Check-Valid-Until=false \
            update > "$private/log" 2>&1
    then
        fail_log "the lists of source packages are not to be had" \
            "$private/log"
    fi

    if ! (cd "$private/source" && apt-get "${options[@]}" --only-source \
          source "$1=$2") > "$private/log" 2>&1
    then
        fail_log "the source package $1 $2 is not to be had" "$private/log"
    fi

    rm -rf "$3"
    mv "$(find "$private/source" -mindepth 1 -maxdepth 1 -type d)" "$3"
    rm -rf "$private"
}


# build VERSION: $place/bin/nginx and $place/ngx_http_hars_module.so
build() {
    local tree=$place/nginx-$1 want begun

    want=$(printf '%s\n' "$1" "$sanitized" "$ours" "${configure[@]}" \
           | cat - config | sha256sum)

    if [ "$(cat "$tree/configured" 2> /dev/null || true)" != "$want" ]; then
        if [ ! -x "$tree/configure" ]; then
            fetch nginx "$1" "$tree"
        fi

        info "configuring nginx $1"
        rm -rf "$tree/objs" "$tree/configured"

        if ! (cd "$tree" && ./configure "${configure[@]}" \
                  --with-cc-opt="$sanitized -Wno-error" \
                  --with-ld-opt="$linked" \
                  --add-dynamic-module="$(realpath --relative-to=. "$top")") \
             > "$log" 2>&1
        then
            fail_log "nginx's configure refused" "$log"
        fi

        printf '%s\n' 'include objs/Makefile' \
            "objs/addon/%.o: CFLAGS += $ours" > "$tree/sanitized.mk"
        printf '%s\n' "$want" > "$tree/configured"
    fi

    if ! make -s -q -C "$tree" -f sanitized.mk binary modules > "$log" 2>&1
    then
        info "compiling"
        begun=$(now_ms)

        if ! make -C "$tree" -j2 -f sanitized.mk binary modules \
             > "$log" 2>&1
        then
            fail_log "it does not compile" "$log"
        fi

        info "compiled in $(secs $(($(now_ms) - begun)))"
    fi

    mkdir -p "$place/bin"
    rm -f "$place/bin/nginx"

    if [ "$valgrind" = yes ]; then
        printf '%s\n' '#!/bin/sh' "exec valgrind --quiet --leak-check=no \\" \
            "    --log-file='$reports/report.%p' '$tree/objs/nginx' \"\$@\"" \
            > "$place/bin/nginx"
        chmod +x "$place/bin/nginx"
    else
        ln -s "$tree/objs/nginx" "$place/bin/nginx"
    fi

    ln -sf "$tree/objs/ngx_http_hars_module.so" "$place/"
}


# the suites, in a copy of what they need of this tree
suites() {
    local tree=$place/tree detect_leaks=1 common

    if [ "$leaks" = no ]; then
        detect_leaks=0
    fi

    # commas: Test::Nginx adds the name of the test to the one of the log
    common="log_path=$reports/report,log_exe_name=1,abort_on_error=1,\
disable_coredump=1,print_stacktrace=1"

    rm -rf "$tree"/{t,scripts,conf,docs} "$reports"
    mkdir -p "$tree/build" "$reports"
    ln -sfn "$top/build/bin" "$tree/build/bin"
    cp -r t scripts conf docs "$tree/"

    (
        cd "$tree"
        export PATH="$place/bin:$PATH"
        export HARS_MODULE="$place/ngx_http_hars_module.so"
        # every dynamic module has an ngx_modules of its own, as nginx has
        export ASAN_OPTIONS="$common,strict_string_checks=1,\
detect_odr_violation=0,\
detect_stack_use_after_return=1,detect_leaks=$detect_leaks"
        export UBSAN_OPTIONS="$common"
        export LSAN_OPTIONS=print_suppressions=0
        prove -I t/lib -j 2 --timer "${tests[@]}"
    )
}


mkdir -p "$place"
exec 9> "$place/lock"
flock -w 600 9 || die "another run of $0 has not ended in 10 minutes"

# shellcheck disable=SC2016  # dpkg expands it
version=$(dpkg-query -W -f '${source:Version}' nginx)

if [ "$valgrind" = no ] && [ ! "$place/asan.o" -nt scripts/asan.c ]; then
    cc -g -O1 -Wall -Wextra -Werror -fPIC -c -o "$place/asan.o" scripts/asan.c
    rm -f "$place/nginx-$version/objs/nginx"
fi

step "Building nginx $version under the sanitizers"
build "$version"

step "Test::Nginx suites"
status=0
suites 9>&- || status=$?

found=$(find "$reports" -type f -size +0 | sort)
if [ -n "$found" ]; then
    step "Reports"

    while read -r file; do
        printf '   %s\n' "${file#"$top/"}"
        grep -m 12 -E 'ERROR: |SUMMARY: |runtime error: |^ +#[0-9]+ |^==' \
            "$file" | sed 's/^/   | /' || true
    done <<< "$found"

    die "there are reports, the whole of them is in ${reports#"$top/"}/"
fi

if [ "$status" -ne 0 ]; then
    die "a suite failed, its output is above; no sanitizer reported"
fi

info "all passed, no sanitizer reported"
