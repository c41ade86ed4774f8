#!/bin/bash
#
# Makes the certificates of the demo and of the tests: P-256 keys, SHA-256.
# One root signs the servers', another one the clients', so that no client's
# certificate could ever pass for a server's.  A third, foreign root signs a
# certificate with the very name of dcm-1.  For a demo, not for production:
# the keys of the authorities lie beside the rest.
#
# usage: demo-pki.sh DIR                       everything below
#        demo-pki.sh DIR authorities           ca, client-ca, foreign-ca
#        demo-pki.sh DIR server NAME DNS...    NAME.{key,pem}, serverAuth
#        demo-pki.sh DIR key NAME              NAME.key alone
#        demo-pki.sh DIR client NAME [--cn CN] [--ca CA] [--expired]
#                                              NAME.{key,pem}, clientAuth
#
# What is there already stays, a key always, a certificate while it is valid
# for another day.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/say.sh
. "$here/say.sh"

umask 077
export LC_ALL=C

organization='HARS Gateway demo'
days=90

if [ $# -lt 1 ]; then
    die "no directory named" "usage: $0 DIR [WHAT NAME...]"
fi

mkdir -p "$1"
dir=$(cd "$1" && pwd)
shift


# run openssl; what it says is shown only where it fails
quiet_openssl() {
    local said

    if ! said=$(openssl "$@" 2>&1 < /dev/null); then
        printf '%s\n' "$said" >&2
        die "openssl $1 failed (its words above)"
    fi
}


key() {
    if [ ! -s "$dir/$1.key" ]; then
        quiet_openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
            -out "$dir/$1.key"
    fi
}


# whether NAME.pem is there, belongs to NAME.key and is valid for a day
is_good() {
    [ -s "$dir/$1.pem" ] && [ -s "$dir/$1.key" ] \
        && openssl x509 -in "$dir/$1.pem" -noout -checkend 86400 \
           > /dev/null 2>&1 \
        && [ "$(openssl x509 -in "$dir/$1.pem" -noout -pubkey)" = \
             "$(openssl pkey -in "$dir/$1.key" -pubout)" ]
}


authority() {
    if is_good "$1"; then
        return
    fi

    key "$1"
    quiet_openssl req -x509 -new -key "$dir/$1.key" -sha256 -days 3650 \
        -subj "/O=$organization/CN=$2" \
        -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' \
        -addext 'keyUsage=critical,keyCertSign,cRLSign' \
        -out "$dir/$1.pem.new"
    mv "$dir/$1.pem.new" "$dir/$1.pem"
}


authorities() {
    authority ca         'HARS demo server CA'
    authority client-ca  'HARS demo client CA'
    authority foreign-ca 'Some other CA'
}



# sign NAME CA SUBJECT EXTENSIONS [expired]
sign() {
    local name=$1 ca=$2 subject=$3 extensions=$4 expired=${5:-} new

    key "$name"
    new=$dir/$name.pem.new
    printf '%s\n' "$extensions" > "$dir/$name.ext"
    quiet_openssl req -new -key "$dir/$name.key" -subj "$subject" \
        -out "$dir/$name.csr"

    if [ -n "$expired" ]; then
        # only "openssl ca" sets both dates in every version
        : > "$dir/$name.db"
        printf '%s\n' '[ca]' 'default_ca = one' '[one]' \
            "database = $dir/$name.db" "new_certs_dir = $dir" \
            'default_md = sha256' 'policy = any' 'rand_serial = yes' \
            'unique_subject = no' '[any]' 'organizationName = optional' \
            'commonName = optional' > "$dir/$name.cnf"
        quiet_openssl ca -batch -notext -config "$dir/$name.cnf" \
            -cert "$dir/$ca.pem" -keyfile "$dir/$ca.key" \
            -in "$dir/$name.csr" -extfile "$dir/$name.ext" \
            -startdate 20240101000000Z -enddate 20240201000000Z -out "$new"
        rm -f "$dir/$name".db* "$dir/$name.cnf" \
            "$dir/$(openssl x509 -in "$new" -noout -serial \
                    | sed 's/^serial=//').pem"

    else
        quiet_openssl x509 -req -in "$dir/$name.csr" -sha256 -days "$days" \
            -CA "$dir/$ca.pem" -CAkey "$dir/$ca.key" \
            -set_serial "0x7$(openssl rand -hex 15)" \
            -extfile "$dir/$name.ext" -out "$new"
    fi

    rm -f "$dir/$name.ext" "$dir/$name.csr"
    mv "$new" "$dir/$name.pem"
}


server() {
    local name=$1 san='' dns

    shift
    if is_good "$name"; then
        return
    fi

    for dns in "$@"; do
        san="$san,DNS:$dns"
    done

    sign "$name" ca "/O=$organization/CN=$1" \
"basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = ${san#,}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid"
}


client() {
    local name=$1 cn=$1 ca=client-ca expired=

    shift
    while [ $# -gt 0 ]; do
        case $1 in
            --cn)      cn=$2; shift ;;
            --ca)      ca=$2; shift ;;
            --expired) expired=yes ;;
            *)         die "unknown option of client: $1" ;;
        esac
        shift
    done

    if is_good "$name" || { [ -n "$expired" ] && [ -s "$dir/$name.pem" ]; }
    then
        return
    fi

    sign "$name" "$ca" "/O=$organization/CN=$cn" \
"basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid" "$expired"
}


what=${1:-everything}
shift || true

case $what in
    authorities)      authorities ;;
    key | server | client)
        if [ $# -eq 0 ]; then
            die "$what: no name given" "usage: $0 DIR $what NAME"
        fi
        "$what" "$@"
        ;;
    everything)
        authorities
        server auth auth.hars.localhost
        server ml ml.hars.localhost
        client dcm-1
        client dcm-2
        client foreign-dcm-1 --cn dcm-1 --ca foreign-ca
        ;;
    *)
        die "unknown: $what" \
            "one of: authorities, server, key, client, or nothing for all"
        ;;
esac
