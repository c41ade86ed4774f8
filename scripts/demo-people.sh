# shellcheck shell=bash
#
# The demo's people: a patient, her caregiver, and a recording of the patient
# that the caregiver sees.  Sourced by demo.sh.

: "${here:=}" "${place:=}" "${pki:=}" "${tmp:=}" "${log:=}" "${auth:=}" \
  "${dcm:=}" "${dcm_audience:=}" "${fog_audience:=}"


# person NAME KIND SCOPE [RESOURCE]: a certificate, a registration, a file for
# a browser
person() {
    "$here/demo-pki.sh" "$pki" client "$1" > /dev/null
    authserver client add --id "$1" --kind "$2" \
        --subject-dn "$(subject "$pki/$1.pem")" --scope "$3" \
        --resource "$dcm_audience" ${4:+--resource "$4"} > /dev/null
    must "no token for $1" "$log/authserver.log" \
        hars_as "$1" token --url "$auth" --client-id "$1" \
        --resource "$dcm_audience" > "$tmp/$1.json"
    jq -j '"Authorization: Bearer " + .access_token' "$tmp/$1.json" \
        > "$tmp/$1.header"
    openssl pkcs12 -export -in "$pki/$1.pem" -inkey "$pki/$1.key" \
        -name "HARS demo: $1" -passout pass:hars -out "$pki/$1.p12"
}


# dcm_as PERSON PATH [CURL-ARGUMENT...]: what the DCM answers
dcm_as() {
    local who=$1 path=$2

    shift 2
    curl -q -sS --fail-with-body --noproxy '*' --max-time 20 \
        --cacert "$pki/ca.pem" --cert "$pki/$who.pem" --key "$pki/$who.key" \
        -H "@$tmp/$who.header" "$@" "$dcm$path"
}


# people and their data: what the dashboard shows
people() {
    local anna bea now state=queued until

    step "People"

    person anna patient "recordings:write activities:read samples:read \
consent:write fog:register" "$fog_audience"
    person bea caregiver activities:read
    anna=$(authserver client show anna | jq -r .sub)
    bea=$(authserver client show bea | jq -r .sub)

    now=$(date +%s)
    until=$((now + 30 * 86400))
    must "anna cannot say her name" "$log/dcm.log" dcm_as anna \
        "/v1/patients/$anna" -X PUT -H "Content-Type: application/json" \
        -d '{"name":"Anna"}' > /dev/null
    must "anna cannot connect bea" "$log/dcm.log" dcm_as anna \
        "/v1/patients/$anna/caregivers/$bea" -X PUT \
        -H "Content-Type: application/json" \
        -d "{\"role\":\"caregiver\",\"until\":$until,\"since\":$((now - 60)),
             \"scopes\":[\"activities:read\"],\"name\":\"Bea\"}" > /dev/null
    info "anna, a patient, gives bea, her caregiver, access for 30 days"

    awk -F, -v OFS=, -v now="$now" '
        NR == 1 { print "t_s,ax,ay,az,gx,gy,gz"; next }
        NR == 2 { first = $1 }
        { printf "%.3f,%s,%s,%s,%s,%s,%s\n", now - 12 + $1 - first,
                 $2, $3, $4, $5, $6, $7 }' "$place/walking.csv" \
        > "$tmp/walking.csv"
    must "the recording is not taken" "$log/dcm.log" dcm_as anna \
        "/v1/recordings?id=demo&placement=pocket&sampling_rate_hz=50" \
        -H "Content-Type: text/csv" --data-binary "@$tmp/walking.csv" \
        > /dev/null

    for _ in $(seq 200); do
        state=$(dcm_as anna /v1/recordings/demo | jq -r .state)
        case $state in done|failed) break ;; esac
        sleep 0.1
    done
    if [ "$state" != "done" ]; then
        fail_log "the recording is $state" "$log/dcm.log"
    fi

    must "bea sees nothing" "$log/dcm.log" dcm_as bea \
        "/v1/patients/$anna/activities" > "$tmp/seen.json"
    info "bea sees: $(jq -r '[.activities[].smoothed] | group_by(.)
        | map("\(length) windows of \(.[0])") | join(", ")' "$tmp/seen.json")"
}
