# shellcheck shell=bash
#
# The demo's second act: the patient's wearable, too small for TLS with
# certificates, agrees on a key with the fog node and hars-fogcloud, sends
# what it measures, and is told the activity.  Sourced by demo.sh; what is
# printed was observed just then.

: "${place:=}" "${pki:=}" "${tmp:=}" "${log:=}" "${auth:=}" "${fog:=}" \
  "${fog_audience:=}" "${dcm_audience:=}" "${uid_edge:=}"


# fog_as PERSON PATH [CURL-ARGUMENT...]: what hars-fogcloud answers
fog_as() {
    local who=$1 path=$2

    shift 2
    curl -q -sS --fail-with-body --noproxy '*' --max-time 20 \
        --cacert "$pki/ca.pem" --cert "$pki/$who.pem" --key "$pki/$who.key" \
        -H "@$tmp/$who.fog.header" "$@" "$fog$path"
}


fognode() {
    as "$uid_edge" "$place/bin/hars-fognode" \
        --config "$place/etc/fognode.conf" "$@"
}


# the fog node: a client like others, and its secret of hars-fogcloud
fog_node() {
    must "fog-node-1 cannot be registered" "$log/authserver.log" \
        authserver client add --id fog-node-1 --kind fog_node \
        --subject-dn "$(subject "$pki/fog-node-1.pem")" \
        --scope "fog:relay recordings:fog" --resource "$fog_audience" \
        --resource "$dcm_audience" > /dev/null
    must "fog-node-1 gets no secret of hars-fogcloud" "$log/fogcloud.log" \
        fognode register > "$tmp/fognode" 2>&1
    says f1 "Fog node: fog-node-1 has registered itself at $fog, by mutual" \
        "TLS and a token bound to its certificate" \
        "$(thumbprint "$pki/fog-node-1.pem")"

    service_start fognode "$uid_edge" \
        "$place/bin/hars-fognode" --config "$place/etc/fognode.conf"
    service_wait fognode "$log/fognode.log" test -S "$place/sock/fognode.sock"
}


# the wearable: registered by its patient, made under her password
fog_wearable() {
    must "no token for anna" "$log/authserver.log" \
        hars_as anna token --url "$auth" --client-id anna \
        --scope fog:register --resource "$fog_audience" > "$tmp/anna.fog"
    jq -j '"Authorization: Bearer " + .access_token' "$tmp/anna.fog" \
        > "$tmp/anna.fog.header"
    must "anna cannot register her wearable" "$log/fogcloud.log" \
        fog_as anna /v1/fog/devices -H "Content-Type: application/json" \
        -d '{"id":"anna-watch"}' > "$tmp/anna.registration"
    says f2 "Wearable registered: anna's, alias" \
        "$(jq -r '"\(.alias), suite \(.suite), generation \(.gen)"' \
           "$tmp/anna.registration"); the fog node never learns whose it is"

    printf 'anna-watch\nwinter is over\n' > "$place/anna.owner"
    rm -f "$place/anna.flash"
    must "the wearable cannot be made" "$tmp/stderr" \
        "$place/bin/hars-wearable" provision --flash "$place/anna.flash" \
        --owner-file "$place/anna.owner" \
        --registration "$tmp/anna.registration"
    rm -f "$tmp/anna.registration"
    says f3 "Wearable made: $(wc -c < "$place/anna.flash") bytes of flash," \
        "of which nothing opens without anna's password"
}


# is there a line of an activity, or has the wearable ended?
fog_told() {
    grep -q '^[0-9]' "$tmp/wearable" || ! kill -0 "$1" 2> /dev/null
}


fog_session() {
    local began pid

    sed '1s/^t_s,/timestamp_s,/' "$place/walking.csv" > "$place/wearable.csv"
    began=$(now_ms)
    "$place/bin/hars-wearable" run --node "unix:$place/sock/fognode.sock" \
        --flash "$place/anna.flash" --owner-file "$place/anna.owner" \
        --recording "$place/wearable.csv" --speed 100 --tries 5 \
        --start $((began - 15000)) --linger 30000 \
        > "$tmp/wearable" 2> "$tmp/wearable.stderr" 19>&- &
    pid=$!
    wait_until 30 fog_told "$pid" || true
    kill "$pid" 2> /dev/null || true
    wait "$pid" 2> /dev/null || true

    if ! grep -q '^[0-9]' "$tmp/wearable"; then
        sed 's/^/  | /' "$tmp/wearable.stderr" >&2
        fail_log "no activity came back to the wearable" "$log/fognode.log"
    fi

    says f4 "Key exchange and" \
        "$(($(wc -l < "$place/wearable.csv") - 1)) samples: the wearable is" \
        "told after $(secs $(($(now_ms) - began))):" \
        "$(awk '{ n = n sep $3; sep = ", " } END { print n }' \
           "$tmp/wearable"); it had no certificate and no token"
}


# whose it is only the data collecting mechanism asked
fog_seen() {
    local anna

    anna=$(authserver client show anna | jq -r .sub)
    must "anna does not see it" "$log/dcm.log" dcm_as anna \
        "/v1/patients/$anna/export?format=json" > "$tmp/export.json"
    if ! jq -e '.recordings | map(select(.fog_device)) | length > 0' \
         "$tmp/export.json" > /dev/null
    then
        fail_log "anna has no recording of her wearable" "$log/dcm.log"
    fi

    says f5 "Recording stored: $(jq -r '.recordings
        | map(select(.fog_device))[-1]
        | "anna\u0027s, of wearable \(.fog_device), session \(
           .fog_session[0:8])..., by \(.client_id) with certificate \(
           .certificate_s256)"' "$tmp/export.json")"
}


second_act() {
    step "The second act: a wearable in the fog"
    fog_node
    fog_wearable
    fog_session
    fog_seen
}
