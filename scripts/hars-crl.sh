#!/bin/bash
#
# Brings nginx the revocation lists: fetches /crl, verifies each list by its
# authority, sees that no number goes back and that every authority has a
# list (nginx refuses all clients of one that has none), puts the file in
# place at once, and reloads nginx after "nginx -t".  A timer runs it
# (conf/systemd/hars-crl.timer); "make install" makes it /usr/sbin/hars-crl.
#
# What is wrong leaves the file in place as it is.  Half of a list's time
# without a newer one is an alarm: nginx refuses everybody when it ends.
#
# usage: hars-crl [--url URL] [--unix-socket PATH] [--ca FILE] [--crl FILE]
#                 [--add FILE]... [--nginx COMMAND]
#
#   --url          where the lists are, http://127.0.0.1:9147/crl
#   --unix-socket  the socket that URL is asked at
#   --ca           nginx' ssl_client_certificate, /etc/hars/tls/client-ca.pem
#   --crl          nginx' ssl_crl, /etc/hars/tls/crl.pem
#   --add          a file of lists of other authorities among these
#   --nginx        "nginx -c /etc/hars/nginx.conf"; -t and -s reload follow
#
# Exit status: 0 all is well, 1 nothing newer could be put in place, 2 usage,
# 3 the same or not, but half of a list's time is over.

set -euo pipefail
export LC_ALL=C
umask 022
PATH=$PATH:/usr/sbin:/sbin

url=http://127.0.0.1:9147/crl
ca=/etc/hars/tls/client-ca.pem
crl=/etc/hars/tls/crl.pem
nginx='nginx -c /etc/hars/nginx.conf'
fetch=()
add=()
skew=300
tmp=


say() {
    printf 'hars-crl: %s\n' "$*" >&2
}


usage() {
    sed -n '/^# usage:/,/^$/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}


# split FILE KIND DIRECTORY: PEM objects of a kind, one per file
split() {
    mkdir -p "$3"
    awk -v "begin=-----BEGIN $2-----" -v "end=-----END $2-----" -v "to=$3" '
        $0 == begin { n++; file = sprintf("%s/%04d.pem", to, n) }
        file { print > file }
        $0 == end { close(file); file = "" }' "$1"
}


# field FILE OPTION: what "openssl crl" says of a list
field() {
    openssl crl -in "$1" -noout "-$2" -nameopt RFC2253 2> "$tmp/stderr" \
        | sed 's/^[^=]*=//'
}


seconds() {
    date -d "$(field "$1" "$2")" +%s
}


# of any length, without zeros before
number() {
    local n

    n=$(field "$1" crlnumber)
    n=${n#0x}

    case $n in
        *[!0-9A-F]* | '') n=0 ;;
    esac

    while [ ${#n} -gt 1 ] && [ "${n:0:1}" = 0 ]; do
        n=${n#0}
    done

    printf '%s\n' "$n"
}


# less A B: numbers of number()
less() {
    if [ ${#1} -ne ${#2} ]; then
        [ ${#1} -lt ${#2} ]
    else
        [[ $1 < $2 ]]
    fi
}


# list_of ISSUER DIRECTORY: the file of that authority's list
list_of() {
    local file

    for file in "$2"/*.pem; do
        if [ -f "$file" ] && [ "$(field "$file" issuer)" = "$1" ]; then
            printf '%s\n' "$file"
            return
        fi
    done
}


# the lists in $tmp/new are good ones, newer than those in $tmp/old
verify() {
    local file name old next last now subject

    now=$(date +%s)

    if [ ! -f "$tmp/new/0001.pem" ]; then
        say "no revocation list in what $url answers"
        return 1
    fi

    for file in "$tmp"/new/*.pem; do
        if ! name=$(field "$file" issuer) || [ -z "$name" ]; then
            say "a revocation list cannot be read"
            return 1
        fi

        if ! openssl crl -in "$file" -noout -CAfile "$ca" 2>&1 \
             | grep -q '^verify OK'
        then
            say "the list of $name is signed by no authority in $ca"
            return 1
        fi

        if [ "$(list_of "$name" "$tmp/new")" != "$file" ]; then
            say "there are two lists of $name"
            return 1
        fi

        next=$(seconds "$file" nextupdate) || next=0
        last=$(seconds "$file" lastupdate) || last=$((now + skew + 1))

        if [ "$next" -le "$now" ] || [ "$last" -gt $((now + skew)) ]; then
            say "the list of $name has ended, or is of a time to come"
            return 1
        fi

        old=$(list_of "$name" "$tmp/old")

        if [ -z "$old" ] || cmp -s "$old" "$file"; then
            continue
        fi

        if ! less "$(number "$old")" "$(number "$file")"; then
            say "the list of $name is number $(number "$file") (hex)," \
                "$crl has $(number "$old"): an old one is not taken"
            return 1
        fi
    done

    split "$ca" CERTIFICATE "$tmp/ca"

    for file in "$tmp"/ca/*.pem; do
        subject=$(openssl x509 -in "$file" -noout -subject -nameopt RFC2253)

        if [ -z "$(list_of "${subject#subject=}" "$tmp/new")" ]; then
            say "authority ${subject#subject=} of $ca has no list: nginx" \
                "would refuse its clients; --add FILE"
            return 1
        fi
    done
}


get() {
    if ! curl -sS --fail --proto '=http,https,file' --max-time 20 \
         --max-filesize 67108864 ${fetch[@]+"${fetch[@]}"} \
         -o "$tmp/fetched" "$url" 2> "$tmp/stderr"
    then
        say "$url cannot be fetched: $(head -n 1 "$tmp/stderr")"
        return 1
    fi

    cat "$tmp/fetched" ${add[@]+"${add[@]}"} > "$tmp/all" || return 1

    split "$tmp/all" 'X509 CRL' "$tmp/new"
    split "$crl" 'X509 CRL' "$tmp/old" 2> /dev/null || mkdir -p "$tmp/old"
    verify || return 1

    cat "$tmp"/new/*.pem > "$crl.new" && sync "$crl.new"
}


# with the old file again where nginx does not take the new one
place() {
    : > "$crl.pending" || return 1

    if [ -f "$crl" ]; then
        cp -p "$crl" "$crl.old" || return 1
    fi

    mv -f "$crl.new" "$crl" || return 1

    if ! $nginx -t -q > "$tmp/said" 2>&1; then
        say "nginx -t fails: $(head -n 1 "$tmp/said")"

        if [ -f "$crl.old" ]; then
            mv -f "$crl.old" "$crl"
        fi

        return 1
    fi
}


# until it has succeeded, each run tries again
reload() {
    if ! $nginx -s reload > "$tmp/said" 2>&1; then
        say "nginx cannot be reloaded: $(head -n 1 "$tmp/said")"
        return 1
    fi

    rm -f "$crl.pending" "$crl.old"
    say "nginx has the lists of numbers" \
        "$(for f in "$tmp"/new/*.pem; do number "$f"; done | xargs)" "(hex)"
}


update() {
    get || return 1

    if ! cmp -s "$crl.new" "$crl"; then
        place || return 1

    else
        rm -f "$crl.new"

        if [ ! -f "$crl.pending" ]; then
            return 0
        fi
    fi

    reload
}


# are the lists in place young enough?
young() {
    local file next last now

    now=$(date +%s)
    rm -rf "$tmp/now"
    split "$crl" 'X509 CRL' "$tmp/now" 2> /dev/null || mkdir -p "$tmp/now"

    if [ ! -f "$tmp/now/0001.pem" ]; then
        say "alarm: $crl has no revocation list"
        return 1
    fi

    for file in "$tmp"/now/*.pem; do
        next=$(seconds "$file" nextupdate)
        last=$(seconds "$file" lastupdate)

        if [ $((now - last)) -gt $(((next - last) / 2)) ]; then
            say "alarm: the list of $(field "$file" issuer) ends" \
                "$(field "$file" nextupdate), there is no newer one;" \
                "then nginx refuses everybody"
            return 1
        fi
    done
}


while [ $# -gt 0 ]; do
    if [ $# -lt 2 ]; then
        usage
    fi

    case $1 in
        --url)         url=$2 ;;
        --unix-socket) fetch=(--unix-socket "$2") ;;
        --ca)          ca=$2 ;;
        --crl)         crl=$2 ;;
        --add)         add+=("$2") ;;
        --nginx)       nginx=$2 ;;
        *)             usage ;;
    esac
    shift 2
done

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

if ! exec 9> "$crl.lock" || ! flock -w 60 9; then
    say "$crl.lock cannot be had: another one runs"
    exit 1
fi

status=0
update || status=1
young || status=3

exit "$status"
