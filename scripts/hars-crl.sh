#!/bin/bash
#
# Brings nginx the revocation lists: fetches /crl, verifies each list by its
# authority, sees that no number goes back and that every authority has a
# list (nginx refuses all clients of one that has none), puts the file in
# place at once, and reloads nginx after "nginx -t".  A timer runs it
# (conf/systemd/hars-crl.timer); "make install" makes it /usr/sbin/hars-crl.
#
# What is wrong leaves the file in place as it is; of --add, that list alone.
# Half of a list's time without a newer one is an alarm: nginx refuses
# everybody when it ends.
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
# 3 the same or not, but half of a list's time is over, or one of --add is
# wrong.

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
wrong=
tmp=


say() {
    printf 'hars-crl: %s\n' "$*" >&2
}


# usage CAUSE
usage() {
    say "$1"
    sed -n '/^# usage:/,/^$/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}


# split FILE KIND DIRECTORY: PEM objects of a kind, one per file
split() {
    mkdir -p "$3"
    awk -v "begin=-----BEGIN $2-----" -v "end=-----END $2-----" -v "to=$3" '
        { sub(/\r$/, "") }
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


# signed LIST CERTIFICATE: by that very authority, not by its name
signed() {
    openssl crl -in "$1" -noout -CAfile "$2" 2>&1 | grep -q '^verify OK'
}


# signer LIST: the file of the authority that has signed it
signer() {
    local file

    for file in "$tmp"/ca/*.pem; do
        if signed "$1" "$file"; then
            printf '%s\n' "$file"
            return
        fi
    done
}


# list_of AUTHORITY DIRECTORY: the file of the list that it has signed
list_of() {
    local file

    for file in "$2"/*.pem; do
        if [ -f "$file" ] && signed "$file" "$1"; then
            printf '%s\n' "$file"
            return
        fi
    done
}


# newer LIST OLD NAME: its number is higher; by its time, where authorities do
# not count ("openssl ca" without crl_extensions)
newer() {
    local mine theirs

    mine=$(number "$1")
    theirs=$(number "$2")

    if [ "$mine$theirs" = 00 ]; then
        if [ "$(seconds "$1" lastupdate)" -lt \
             "$(seconds "$2" lastupdate)" ]; then
            say "the list of $3 is of $(field "$1" lastupdate)," \
                "$crl has one of $(field "$2" lastupdate): an old one is" \
                "not taken"
            return 1
        fi

    elif ! less "$theirs" "$mine"; then
        say "the list of $3 is number $mine (hex), $crl has $theirs:" \
            "an old one is not taken"
        return 1
    fi
}


# good LIST: one of those in $tmp/new, and newer than the one in $tmp/old
good() {
    local name old next last now by

    now=$(date +%s)

    if ! name=$(field "$1" issuer) || [ -z "$name" ]; then
        say "a revocation list cannot be read"
        return 1
    fi

    by=$(signer "$1")

    if [ -z "$by" ]; then
        say "the list of $name is signed by no authority in $ca"
        return 1
    fi

    if [ "$(list_of "$by" "$tmp/new")" != "$1" ]; then
        say "there are two lists of $name"
        return 1
    fi

    next=$(seconds "$1" nextupdate) || next=0
    last=$(seconds "$1" lastupdate) || last=$((now + skew + 1))

    if [ "$next" -le "$now" ] || [ "$last" -gt $((now + skew)) ]; then
        say "the list of $name has ended, or is of a time to come"
        return 1
    fi

    old=$(list_of "$by" "$tmp/old")

    [ -z "$old" ] || cmp -s "$old" "$1" || newer "$1" "$old" "$name"
}


# the lists fetched are good ones; of those added, what is not is left out
verify() {
    local file name

    if [ ! -f "$tmp/new/0001.pem" ]; then
        say "no revocation list in what $url answers"
        return 1
    fi

    for file in "$tmp"/new/*.pem; do
        good "$file" || return 1
    done

    for file in "$tmp"/added/*.pem; do
        [ -f "$file" ] || continue
        name=$tmp/new/added-${file##*/}
        cp "$file" "$name"

        if ! good "$name"; then
            rm "$name"
            wrong=yes
        fi
    done
}


# every authority has a list: the one in place, where that added was wrong
complete() {
    local file subject old

    for file in "$tmp"/ca/*.pem; do
        if [ -n "$(list_of "$file" "$tmp/new")" ]; then
            continue
        fi

        subject=$(openssl x509 -in "$file" -noout -subject -nameopt RFC2253)
        subject=${subject#subject=}
        old=$(list_of "$file" "$tmp/old")

        if [ -z "$wrong" ] || [ -z "$old" ]; then
            say "authority $subject of $ca has no list: nginx" \
                "would refuse its clients; --add FILE"
            return 1
        fi

        say "the list of $subject that is in place stays"
        cp "$old" "$tmp/new/kept-${file##*/}"
    done
}


# what is read beside the lists can be
readable() {
    local file

    for file in ${add[@]+"${add[@]}"}; do
        if [ ! -f "$file" ] || [ ! -r "$file" ]; then
            say "--add $file cannot be read"
            return 1
        fi
    done

    if [ ! -f "$ca" ] || [ ! -r "$ca" ]; then
        say "--ca $ca cannot be read"
        return 1
    fi

    split "$ca" CERTIFICATE "$tmp/ca"

    if [ ! -f "$tmp/ca/0001.pem" ]; then
        say "--ca $ca has no certificate in PEM"
        return 1
    fi
}


# what the environment says of proxies is for other machines
choose_proxy() {
    local host=${url#*://}

    host=${host%%/*}

    if [[ $host =~ :[0-9]+$ ]]; then
        host=${host%:*}
    fi

    if [[ $host =~ ^(127(\.[0-9]+){3}|localhost|\[::1\])$ ]]; then
        fetch+=(--noproxy '*')
    fi
}


get() {
    readable || return 1

    if ! curl -sS --fail --proto '=http,https,file' --max-time 20 \
         --max-filesize 67108864 ${fetch[@]+"${fetch[@]}"} \
         -o "$tmp/fetched" "$url" 2> "$tmp/stderr"
    then
        say "$url cannot be fetched: $(head -n 1 "$tmp/stderr")"
        return 1
    fi

    cat /dev/null ${add[@]+"${add[@]}"} > "$tmp/all" || return 1

    split "$tmp/fetched" 'X509 CRL' "$tmp/new"
    split "$tmp/all" 'X509 CRL' "$tmp/added"
    split "$crl" 'X509 CRL' "$tmp/old" 2> /dev/null || mkdir -p "$tmp/old"
    verify && complete || return 1

    cat "$tmp"/new/*.pem > "$crl.new" && sync "$crl.new"
}


# accepted WHAT: nginx takes the file that is in place
accepted() {
    if ! $nginx -t -q > "$tmp/said" 2>&1; then
        say "nginx -t fails with $1: $(head -n 1 "$tmp/said")"
        return 1
    fi
}


# the file as it was before; the marker says that there was none
back() {
    if [ -f "$crl.old" ]; then
        mv -f "$crl.old" "$crl"

    elif [ "$(cat "$crl.pending")" = first ]; then
        rm -f "$crl" "$crl.pending"
    fi
}


# a run that was ended in between has left a file that nginx may not take
settle() {
    if [ -f "$crl.pending" ] && ! accepted "what the last run has left"; then
        back
    fi
}


# the marker is there before the new file is, the old one before the marker
place() {
    if [ -f "$crl" ]; then
        cp -p "$crl" "$crl.copy" && mv -f "$crl.copy" "$crl.old" || return 1
        printf 'next\n' > "$crl.pending" || return 1

    else
        rm -f "$crl.old"
        printf 'first\n' > "$crl.pending" || return 1
    fi

    mv -f "$crl.new" "$crl" || return 1

    if ! accepted "the new lists"; then
        back
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
    settle
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
    case $1 in
        --url | --unix-socket | --ca | --crl | --add | --nginx) ;;
        *) usage "there is no option $1" ;;
    esac

    if [ $# -lt 2 ]; then
        usage "$1 needs a value"
    fi

    case $1 in
        --url)         url=$2 ;;
        --unix-socket) fetch=(--unix-socket "$2") ;;
        --ca)          ca=$2 ;;
        --crl)         crl=$2 ;;
        --add)         add+=("$2") ;;
        --nginx)       nginx=$2 ;;
    esac
    shift 2
done

choose_proxy

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

if ! { : >> "$crl.lock"; } 2> "$tmp/stderr"; then
    say "$crl.lock cannot be written:$(sed 's/.*:/ /;s/  */ /g;q' \
                                           "$tmp/stderr")"
    exit 1
fi

exec 9>> "$crl.lock"

if ! flock -w 60 9; then
    say "another hars-crl has held $crl.lock for a minute"
    exit 1
fi

status=0
update || status=1
[ -z "$wrong" ] || status=3
young || status=3

exit "$status"
