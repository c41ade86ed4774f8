#!/bin/bash
#
# Plays the fourteen steps of the mutual authentication flow against the demo
# that run.sh has started, then the attacks.  Each line shows what a tool
# observed just then; nothing of it is written down here.  A step that does
# not go, or an attack that is not answered as it must be, ends the run with
# exit status 1.  Then people and a wearable (demo-people.sh, demo-fog.sh).
#
# usage: demo.sh ENV-FILE                  (run.sh calls it)

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/say.sh
. "$here/say.sh"

export LC_ALL=C
umask 077

# shellcheck source=/dev/null
. "$1"
: "${top:?}" "${run:?}" "${place:?}" "${port:?}" "${uid_auth:?}" \
  "${uid_www:?}"
# shellcheck source=scripts/services.sh
. "$here/services.sh"
# shellcheck source=scripts/demo-people.sh
. "$here/demo-people.sh"
# shellcheck source=scripts/demo-fog.sh
. "$here/demo-fog.sh"

pki=$place/pki
log=$place/log
tmp=$place/tmp/demo
auth=https://auth.hars.localhost:$port
ml=https://ml.hars.localhost:$port
audience=https://ml.hars.localhost/
dcm=https://dcm.hars.localhost:$port
dcm_audience=https://dcm.hars.localhost/
fog=https://fog.hars.localhost:$port
fog_audience=https://fog.hars.localhost/
failed=0

rm -rf "$tmp"
mkdir "$tmp"


# one step of the fourteen: says NUMBER TEXT...
says() {
    local number=$1

    shift
    printf '%s%s.%s %s\n' "$say_bold" "$number" "$say_off" "$*"
}


authserver() {
    as "$uid_auth" "$place/bin/hars-authserver" \
        --config "$place/etc/authserver.conf" "$@"
}


# must WHAT LOG COMMAND...: its output, or the end of the run
must() {
    local what=$1 file=$2

    shift 2
    if ! "$@" 2> "$tmp/stderr"; then
        sed 's/^/  | /' "$tmp/stderr" >&2
        fail_log "$what" "$file"
    fi
}


# the values of one certificate, by openssl
subject() {
    openssl x509 -in "$1" -noout -subject -nameopt RFC2253 | sed 's/^[^=]*=//'
}

issuer() {
    openssl x509 -in "$1" -noout -issuer -nameopt RFC2253 | sed 's/^[^=]*=//'
}

# RFC 8705, 3.1: x5t#S256
thumbprint() {
    openssl x509 -in "$1" -outform DER | openssl dgst -sha256 -binary \
        | openssl base64 -A | tr '+/' '-_' | tr -d '='
}

# a line "tls.NAME=value" of "hars --show-tls" in the last command's stderr
tls() {
    sed -n "s/^tls\\.$1=//p" "$tmp/stderr"
}


# hars_as CERTIFICATE COMMAND ARGUMENT...
hars_as() {
    local cert=$1

    shift
    "$place/bin/hars" "$@" --cert "$pki/$cert.pem" --key "$pki/$cert.key" \
        --cacert "$pki/ca.pem" --connect-to "127.0.0.1:$port" --show-tls
}


# token CLIENT FILE: a token for the ML service, alone in FILE; the whole
# answer in FILE.json
token() {
    hars_as "$1" token --url "$auth" --client-id "$1" \
        --scope ml:recognize --resource "$audience" > "$2.json" || return
    jq -j .access_token "$2.json" > "$2"
}


# register CLIENT [OPTION...]: a data collecting mechanism with its DN
register() {
    local id=$1

    shift
    authserver client add --id "$id" --kind service \
        --subject-dn "$(subject "$pki/$id.pem")" --scope ml:recognize \
        --resource "$audience" "$@"
}


# logged URI NAME: a value of the last line that the gateway logged about it
logged() {
    grep " $1 " "$log/access.log" | tail -n 1 \
        | sed -n "s/.* $2=\\([^ ]*\\).*/\\1/p"
}


# a walking stretch of 10 s of one person, cut from the real recordings where
# they are, else the synthetic one of this repository
recording() {
    local all

    for all in "${HARS_SHARED:-$top/../shared}"/har/motionsense/sub_*.csv.gz
    do
        if [ -r "$all" ]; then
            gzip -dc "$all" | awk -F, -v OFS=, '
                NR == 1 { print $4, $5, $6, $7, $8, $9, $10; next }
                $2 == "walking" && !trial { trial = $3 }
                $2 == "walking" && $3 == trial && $4 >= 20 && $4 < 30 {
                    print $4, $5, $6, $7, $8, $9, $10
                }' > "$place/walking.csv"
            all=${all##*/}
            source="real, MotionSense, person ${all//[^0-9]/}, walking"
            return
        fi
    done

    cp "$top/conf/demo/walking.csv" "$place/walking.csv"
    source="synthetic walking, conf/demo/walking.csv"
}


# recognize CERTIFICATE TOKEN-FILE > answer
recognize() {
    hars_as "$1" recognize "$place/walking.csv" --url "$ml" --token-file "$2"
}


# recognized_by SOURCE: asks once, was it decided by what SOURCE said?
recognized_by() {
    recognize dcm-1 "$tmp/token" > "$tmp/answer" 2> "$tmp/stderr" || return
    live=$(tls thumbprint)
    [ "$(logged /v1/recognitions source)" = "$1" ]
}


# how many windows of which activity, and how sure, of the service's answer
activities() {
    jq -r '[.windows | group_by(.activity)[]
            | "\(length) windows \(.[0].activity), confidence \(
                map(.confidence) | add / length * 100 | round) %"]
           | join("; ")' "$1"
}


steps() {
    local own cnf

    step "The fourteen steps"

    # the data collecting mechanism: a new key and certificate in every run
    rm -f "$pki"/dcm-[123].*

    must "no key for dcm-1" "$tmp/stderr" \
        "$here/demo-pki.sh" "$pki" key dcm-1
    says 1 "Key generation: dcm-1 has made itself a private key," \
        "$(openssl pkey -in "$pki/dcm-1.key" -noout -text \
           | sed -n 's/^NIST CURVE: /NIST /p'), that stays in" \
        "${run#"$top"/}/pki/dcm-1.key"

    must "no certificate for dcm-1" "$tmp/stderr" \
        "$here/demo-pki.sh" "$pki" client dcm-1
    own=$(thumbprint "$pki/dcm-1.pem")
    says 2 "Certificate: \"$(issuer "$pki/dcm-1.pem")\" certifies" \
        "\"$(subject "$pki/dcm-1.pem")\", SHA-256 thumbprint $own"

    must "the gateway cannot be registered" "$log/authserver.log" \
        authserver client add --id gateway --kind resource_server \
        --subject-dn "CN=gateway" --resource "$audience" \
        --resource "$dcm_audience" --resource "$fog_audience" \
        > "$tmp/gateway"
    says 3 "Authserver registration: $auth has the certificate" \
        "\"$(subject "$place/etc/tls/auth.pem")\" of" \
        "\"$(issuer "$place/etc/tls/auth.pem")\"; who may ask it about" \
        "tokens: $(cut -f 1,2 --output-delimiter=', ' "$tmp/gateway")"

    says 4 "DCM registration information: client_id dcm-1, kind service," \
        "subject \"$(subject "$pki/dcm-1.pem")\", scope ml:recognize," \
        "resource $audience"

    must "dcm-1 cannot be registered" "$log/authserver.log" \
        register dcm-1 > "$tmp/client"
    must "dcm-1 is not in the store" "$log/authserver.log" \
        authserver client show dcm-1 > "$tmp/row"
    says 5 "DCM registered: $(jq -r '"the store has client_id \(.client_id)" +
        ", kind \(.kind), subject \"\(.tls_client_auth_subject_dn)\"" +
        ", scope \(.scope)"' "$tmp/row")"

    must "dcm-1 gets no token" "$log/authserver.log" \
        token dcm-1 "$tmp/token"
    says 6 "Mutual TLS to the authserver: $(tls protocol), $(tls group)," \
        "$(tls cipher), server \"$(tls server)\", client \"$(tls client)\""

    says 7 "Token request: $(grep ' /oauth2/token ' "$log/access.log" \
           | tail -n 1 | sed 's/^[^"]*"\([^"]*\)" \([0-9]*\) .*/\1, answered \2/')," \
        "authenticated by the certificate $(tls thumbprint), no secret sent"

    must "the token is not in the store" "$log/authserver.log" \
        authserver token show - < "$tmp/token" > "$tmp/token.row"
    cnf=$(jq -r '.cnf["x5t#S256"]' "$tmp/token.row")
    says 8 "Token with the certificate's hash:" \
        "$(cut -c 1-12 "$tmp/token")... ($(wc -c < "$tmp/token") characters," \
        "$(jq -r '"\(.token_type), \(.expires_in) s, scope \(.scope)"' \
           "$tmp/token.json")), cnf x5t#S256 $cnf"

    if [ "$cnf" != "$own" ]; then
        fail_log "the token is bound to $cnf, not to dcm-1's $own" \
            "$log/authserver.log"
    fi

    says 9 "DCM's certificate registered: the store's row has" \
        "$(jq -r '"\(.client_id), token id \(.token_id), certificate " +
           "\(.cnf["x5t#S256"]), \(.state) until \(.exp | todate)"' \
           "$tmp/token.row")"

    must "the ML service does not answer dcm-1" "$log/error.log" \
        recognize dcm-1 "$tmp/token" > "$tmp/answer"
    says 10 "Mutual TLS to the ML service: $(tls protocol), $(tls group)," \
        "$(tls cipher), server \"$(tls server)\" with a certificate of its" \
        "own, $(thumbprint "$place/etc/tls/ml.pem"), client \"$(tls client)\""

    says 11 "Token presented: $(cut -c 1-12 "$tmp/token")... and" \
        "$(($(wc -l < "$place/walking.csv") - 1)) samples ($source);" \
        "the gateway: $(logged /v1/recognitions verdict), by" \
        "$(logged /v1/recognitions source)"

    # the record that the authserver left in Redis is too old in a second
    wait_until 5 recognized_by introspection \
        || fail_log "the gateway does not ask the authserver" "$log/error.log"
    says 12 "Hash verified with the authserver: asked again about token id" \
        "$(logged /v1/recognitions token), by" \
        "$(logged /v1/recognitions source):" \
        "$(logged /v1/recognitions verdict)"

    must "the authserver does not answer the gateway's user" \
        "$log/authserver.log" \
        as "$uid_www" curl -sS --max-time 5 \
        --unix-socket "$place/sock/auth-gateway.sock" \
        --data-urlencode token@- http://auth.hars.localhost/introspect \
        < "$tmp/token" > "$tmp/introspection"
    says 13 "Token information retrieved:" \
        "$(jq -r '"active \(.active), client_id \(.client_id), sub \(.sub)" +
           ", kind \(.hars_kind), scope \(.scope), aud \(.aud | join(" "))" +
           ", cnf x5t#S256 \(.cnf["x5t#S256"])"' "$tmp/introspection")"

    cnf=$(jq -r '.cnf["x5t#S256"]' "$tmp/introspection")
    if [ "$cnf" != "$live" ]; then
        fail_log "answered, but the token is bound to $cnf, not to $live" \
            "$log/error.log"
    fi
    if ! activities "$tmp/answer" > "$tmp/activities" \
       || [ ! -s "$tmp/activities" ]
    then
        fail_log "no activity in the answer" "$log/mlservice.log"
    fi
    says 14 "Activity returned, the hash of the TLS client's certificate and" \
        "the token's are both $cnf: $(cat "$tmp/activities")," \
        "model $(jq -r .model "$tmp/answer")"
}


# ask CERTIFICATE|- TOKEN-FILE|- [CURL-OPTION...]: sets status and challenge
ask() {
    local cert=$1 token=$2
    local -a options=()

    shift 2
    if [ "$cert" != - ]; then
        options+=(--cert "$pki/$cert.pem" --key "$pki/$cert.key")
    fi

    # the header in a file: no list of processes shows the token
    : > "$tmp/header"
    if [ "$token" != - ]; then
        { printf 'Authorization: Bearer '; cat "$token"; } > "$tmp/header"
    fi

    status=$(curl -sS --max-time 10 -o "$tmp/body" -D "$tmp/head" \
        -w '%{http_code}' --cacert "$pki/ca.pem" \
        --resolve "ml.hars.localhost:$port:127.0.0.1" \
        -H @"$tmp/header" -H 'Content-Type: application/json' \
        --data-binary @"$tmp/recording.json" \
        ${options[@]+"${options[@]}"} "$@" "$ml/v1/recognitions" \
        2> "$tmp/stderr") || true
    challenge=$(tr -d '\r' < "$tmp/head" \
        | sed -n 's/^www-authenticate: *//Ip')
}


# answered NAME STATUS CHALLENGE-PATTERN: what ask() got, is it that?
answered() {
    local name=$1 want=$2 pattern=$3 verdict=refused colour=$say_green

    # shellcheck disable=SC2053  # a pattern
    if [ "$status" != "$want" ] || [[ $challenge != $pattern ]]; then
        verdict="WRONG, must be $want with the challenge $pattern"
        colour=$say_red
        failed=$((failed + 1))
    fi

    printf '   %-47s %s%s%s  %s %s\n' "$name" "$colour" "$verdict" \
        "$say_off" "$status" "${challenge:-(no WWW-Authenticate)}"
}


# passed WHAT: an attack proves nothing where the right one gets no answer
passed() {
    if [ "$status" != 200 ]; then
        fail_log "$1 is answered $status, must be 200" "$log/error.log"
    fi
}


expired() {
    [ "$(date +%s)" -gt "$1" ]
}


attacks() {
    local invalid='*Bearer realm="HARS"*error="invalid_token"*' began end der

    step "The attacks"

    awk -F, 'NR > 1 { printf "%s[%s,%s,%s,%s,%s,%s,%s]", c, $1, $2, $3, $4,
                             $5, $6, $7; c = "," }
             BEGIN { printf "{\"sampling_rate_hz\":50,\"samples\":[" }
             END { print "]}" }' "$place/walking.csv" > "$tmp/recording.json"

    must "no certificates for the attacks" "$tmp/stderr" \
        "$here/demo-pki.sh" "$pki"
    must "no certificate for dcm-3" "$tmp/stderr" \
        "$here/demo-pki.sh" "$pki" client dcm-3
    must "no certificate for the operator" "$tmp/stderr" \
        "$here/demo-pki.sh" "$pki" client operator
    must "the operator cannot be registered" "$log/authserver.log" \
        authserver client add --id operator --kind operator \
        --subject-dn "$(subject "$pki/operator.pem")" \
        --resource "$audience" > /dev/null
    must "dcm-2 cannot be registered" "$log/authserver.log" \
        register dcm-2 > /dev/null
    must "dcm-3 cannot be registered" "$log/authserver.log" \
        register dcm-3 --token-ttl 2 > /dev/null

    ask dcm-1 "$tmp/token"
    passed "dcm-1 with its own token, by curl,"

    ask - "$tmp/token"
    answered "no certificate" 400 ''

    ask dcm-1 -
    answered "no token" 401 'Bearer realm="HARS"'

    # for the audit log: a URI that is no text
    curl -sS --max-time 10 -o "$tmp/body" --cacert "$pki/ca.pem" \
        --resolve "ml.hars.localhost:$port:127.0.0.1" \
        --cert "$pki/dcm-1.pem" --key "$pki/dcm-1.key" "$ml/%ff%22" \
        2> "$tmp/stderr" || true

    ask dcm-2 "$tmp/token"
    answered "stolen token, the thief's own valid certificate" 401 "$invalid"

    der=$(openssl x509 -in "$pki/dcm-1.pem" -outform DER | openssl base64 -A)
    ask dcm-2 "$tmp/token" -H "Client-Cert: :$der:"
    answered "the same, dcm-1's in a forged Client-Cert" 401 "$invalid"

    must "dcm-3 gets no token" "$log/authserver.log" \
        token dcm-3 "$tmp/short"
    ask dcm-3 "$tmp/short"
    passed "dcm-3 with its own fresh token"
    end=$(authserver token show - < "$tmp/short" | jq -r .exp)
    wait_until 5 expired "$end" || true
    ask dcm-3 "$tmp/short"
    answered "expired token" 401 "$invalid"

    ask foreign-dcm-1 "$tmp/token"
    answered "certificate of another CA, the same name" 400 ''

    ask dcm-1 "$tmp/token"
    passed "dcm-1 with its token before the revocation"
    must "the token cannot be revoked" "$log/access.log" \
        hars_as operator revoke --url "$auth" --client-id operator \
        --token - < "$tmp/token" > /dev/null
    began=$(now_ms)
    ask dcm-1 "$tmp/token"
    answered "revoked token, $(($(now_ms) - began)) ms later" 401 "$invalid"

    must "dcm-2 gets no token" "$log/authserver.log" \
        token dcm-2 "$tmp/second"
    ask dcm-2 "$tmp/second"
    passed "dcm-2 with its token before its certificate is revoked"
    must "the certificate cannot be revoked" "$log/access.log" \
        hars_as operator revoke --url "$auth" --client-id operator \
        --thumbprint "$(thumbprint "$pki/dcm-2.pem")" > /dev/null
    began=$(now_ms)
    ask dcm-2 "$tmp/second"
    answered "revoked certificate, $(($(now_ms) - began)) ms later" \
        401 "$invalid"

    if [ "$failed" -gt 0 ]; then
        fail_log "$failed of the attacks got the wrong answer" \
            "$log/access.log"
    fi
}


how_to() {
    local here=${run#"$top"/}

    step "Try it"
    cat << END
   The demo goes on running; logs are in $here/log.

   ask() { curl -sS --cacert $here/pki/ca.pem \\
             --cert $here/pki/\$1.pem --key $here/pki/\$1.key "\${@:2}"; }
   TOKEN=\$(ask dcm-1 $auth/oauth2/token \\
             -d grant_type=client_credentials -d client_id=dcm-1 \\
             -d scope=ml:recognize -d resource=$audience \\
           | jq -r .access_token)
   ask dcm-1 $ml/v1/models -H "Authorization: Bearer \$TOKEN"
   ask dcm-2 $ml/v1/models -i -H "Authorization: Bearer \$TOKEN"

   curl -sS --unix-socket $here/sock/status.sock http://localhost/metrics

   Dashboard  $dcm/dashboard/
      Import into the browser (Chromium: Settings, Privacy and security,
      Security, Manage certificates) $here/pki/ca.pem as an authority
      for websites, and as your own certificate $here/pki/anna.p12
      (patient) or bea.p12 (caregiver), password "hars".

   Wearable, once more, in real time:
   $here/bin/hars-wearable run --node unix:$here/sock/fognode.sock \\
       --flash $here/anna.flash --owner-file $here/anna.owner \\
       --recording $here/wearable.csv --linger 5000

   make stop    ends it
END
}


recording
steps
attacks
people
second_act
how_to
