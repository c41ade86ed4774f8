#!/bin/bash
#
# The demo on this machine: installs what is missing, builds, makes keys and
# certificates, starts Redis, authorization server, ML service, data
# collecting mechanism, the fog's cloud server and nginx on Unix sockets and
# one free loopback port, and plays the fourteen steps, the attacks and the
# second act, for which a fog node is started (demo.sh).  A second run ends the
# first one and begins anew.
#
# usage: run.sh [start|stop|clean]
#
# Everything is below build/run (or $HARS_RUN).  As root each service runs as
# a user of its own that needs no entry in passwd, nginx's workers as
# www-data; where those could not get at build/run (a home of root, a path
# too long for a Unix socket) it becomes a link to a directory in /tmp.
# Otherwise everything runs as the user that called.

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/say.sh
. "$top/scripts/say.sh"
# shellcheck source=scripts/services.sh
. "$top/scripts/services.sh"

export LC_ALL=C
umask 022
cd "$top"

PATH=$PATH:/usr/sbin:/sbin
build=$top/build
run=${HARS_RUN:-$build/run}
place=$run

# the longest name of a socket, with what hars_socket.c puts behind it
longest=/sock/auth-gateway.sock.4194304


stop_all() {
    service_stop fognode
    service_stop nginx
    service_stop fogcloud
    service_stop dcm
    service_stop mlservice
    service_stop authserver
    service_stop redis
}


stop() {
    if [ -d "$run/pid" ]; then
        place=$(cd "$run" && pwd -P)
        stop_all
        info "stopped, logs are in ${run#"$top"/}/log"
    else
        info "nothing runs"
    fi
}


# the run and what is left of it
clean() {
    stop
    if [ -d "$run" ]; then
        place=$(cd "$run" && pwd -P)
        rm -rf "${place:?}" "${run:?}" "$run.port" "$run.lock"
    fi
}


# one of the machine's users could be at most a stranger's: unused numbers
choose_users() {
    local id=61200 name

    for name in auth ml dcm fog edge redis; do
        while getent passwd "$id" > /dev/null \
              || getent group "$id" > /dev/null
        do
            id=$((id + 1))
        done
        eval "uid_$name=$id"
        id=$((id + 1))
    done
}


decide_users() {
    others=no
    uid_auth=$(id -u) uid_ml=$uid_auth uid_dcm=$uid_auth uid_fog=$uid_auth
    uid_edge=$uid_auth uid_redis=$uid_auth uid_www=$uid_auth
    gid_www=$(id -g)
    # the own user may speak to the services in any case
    gateway_user=$(id -un 2> /dev/null) || gateway_user=www-data

    if [ "$uid_auth" -ne 0 ]; then
        return
    fi

    choose_users
    uid_www=$(id -u www-data)
    gid_www=$(id -g www-data)
    gateway_user=www-data
    drop=(setpriv --no-new-privs --inh-caps=-all --bounding-set=-all)
    others=yes

    if ! as "$uid_auth" true 2> /dev/null; then
        drop=(setpriv)

        if ! as "$uid_auth" true 2> /dev/null; then
            info "this root cannot become another user: all run as root"
            others=no
            uid_auth=0 uid_ml=0 uid_dcm=0 uid_fog=0 uid_edge=0 uid_redis=0
        fi
    fi
}


# the directory of the run, one that its users get at
choose_place() {
    mkdir -p "$(dirname "$run")"

    if [ -L "$run" ] && [ ! -d "$run" ]; then
        rm -f "$run"
    fi

    mkdir -p "$run"
    place=$(cd "$run" && pwd -P)

    if [ ! -O "$place" ]; then
        die "$run is of another user's run" \
            "as that user: make clean"
    fi

    if [ -d "$place/pid" ]; then
        stop_all
    fi

    if is_good_place; then
        return
    fi

    # may be of an earlier run as another user
    rm -rf "$run"
    place=$(mktemp -d /tmp/hars-run.XXXXXX)
    chmod 755 "$place"
    ln -s "$place" "$run"

    if ! is_good_place; then
        die "no directory that all services get at: neither $run nor $place"
    fi
}


is_good_place() {
    [ $((${#place} + ${#longest})) -le 107 ] \
        && as "$uid_auth" test -x "$place" \
        && as "$uid_www" test -x "$place"
}


# the port of the last run while it is free, otherwise any free one
choose_port() {
    local last

    last=$(cat "$run.port" 2> /dev/null || true)

    port=$(perl -MIO::Socket::INET -e '
        for my $try (@ARGV, 0) {
            my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1",
                LocalPort => $try, Proto => "tcp", Listen => 1,
                ReuseAddr => 1) or next;
            print $s->sockport;
            exit;
        }' -- ${last:+"$last"})

    if [ -z "$port" ]; then
        die "no free loopback port"
    fi

    printf '%s\n' "$port" > "$run.port"
}


# secret FILE USER-NUMBER: a new one, for root and that user's group
secret() {
    openssl rand -hex 32 > "$1"
    own "$1" "$2"
}


# signing_key FILE USER-NUMBER: the same of an EC key
signing_key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
    own "$1" "$2"
}


own() {
    if [ "$others" = yes ]; then
        chown "0:$2" "$1"
        chmod 640 "$1"
    else
        chmod 600 "$1"
    fi
}


make_directories() {
    local d

    # a database and sockets of another run tell nothing any more
    rm -rf "${place:?}"/{bin,data,data-dcm,data-fogcloud,data-fognode} \
        "${place:?}"/{etc,sock}
    mkdir -p "$place"/{bin,data,data-dcm,data-fogcloud,data-fognode/spool} \
        "$place"/{etc/tls,log,pid,pki,share,sock,tmp}
    chmod 700 "$place/pid" "$place/pki"
    chmod 711 "$place/sock"

    for d in data data-dcm data-fogcloud data-fognode sock; do
        if [ "$others" = no ]; then
            chmod 700 "$place/$d"
        fi
    done

    if [ "$others" = yes ]; then
        chown "$uid_auth:$uid_auth" "$place/data"
        chown "$uid_dcm:$uid_dcm" "$place/data-dcm"
        chown "$uid_fog:$uid_fog" "$place/data-fogcloud"
        chown -R "$uid_edge:$uid_edge" "$place/data-fognode"
        chmod 700 "$place/data" "$place/data-dcm" "$place/data-fogcloud" \
            "$place/data-fognode"
        # each makes its own socket there, nobody another one's
        chmod 1733 "$place/sock"
    fi
}


# client_identity NAME DIRECTORY USER-NUMBER: its certificate and key there
client_identity() {
    local name

    for name in pem key; do
        install -m 600 "$place/pki/$1.$name" "$2/client.$name"
        if [ "$others" = yes ]; then
            chown "$3:$3" "$2/client.$name"
        fi
    done
}


make_settings() {
    local f name

    for name in auth ml dcm fog; do
        cp "$place/pki/$name.pem" "$place/pki/$name.key" "$place/etc/tls/"
    done
    cp "$place/pki/ca.pem" "$place/pki/client-ca.pem" "$place/etc/tls/"
    # for the authserver, which may not look into tls/
    install -m 644 "$place/pki/client-ca.pem" "$place/etc/"
    # what hars-dcm and hars-fognode believe, and are as clients
    install -m 644 "$place/pki/ca.pem" "$place/etc/server-ca.pem"
    client_identity hars-dcm "$place/data-dcm" "$uid_dcm"
    client_identity fog-node-1 "$place/data-fognode" "$uid_edge"

    (
        umask 077
        secret "$place/etc/zone.key" "$uid_auth"
        secret "$place/etc/seal.key" "$uid_auth"
        secret "$place/etc/data.key" "$uid_dcm"
        secret "$place/etc/fog-master.key" "$uid_fog"
        secret "$place/etc/fog-exchange.key" "$uid_fog"
        secret "$place/etc/fognode.key" "$uid_edge"
        signing_key "$place/etc/signing.key" "$uid_auth"
        secret "$place/etc/redis-authserver.password" "$uid_auth"
        secret "$place/etc/redis-gateway.password" 0
    )

    for f in conf/*.conf conf/*.acl; do
        sed -e "s#/etc/hars#$place/etc#g" \
            -e "s#/var/lib/hars#$place/data#g" \
            -e "s#/run/hars#$place/sock#g" \
            -e "s#localhost:8443#localhost:$port#g" \
            -e "s#\\([ \"]\\)8443#\\1127.0.0.1:$port#g" \
            -e "s#127.0.0.1:9145#unix:$place/sock/status.sock#g" \
            -e "s#127.0.0.1:9146#unix:$place/sock/auth-status.sock#g" \
            -e "s#127.0.0.1:9147#unix:$place/sock/crl.sock#g" \
            -e "s#127.0.0.1:9148#unix:$place/sock/ml-status.sock#g" \
            -e "s#127.0.0.1:9144#unix:$place/sock/fog-status.sock#g" \
            -e "s#127.0.0.1:9149#unix:$place/sock/dcm-status.sock#g" \
            -e "s#allow 127.0.0.1;#allow unix:;#" \
            -e "s#/usr/share/hars#$place/share#g" \
            -e "s#/var/log/nginx#$place/log#g" \
            -e "s#/run/nginx.pid#$place/pid/nginx.pid#g" \
            -e "s#modules/ngx_http_hars_module#$build/ngx_http_hars_module#g" \
            -e "s#^gateway_user = .*#gateway_user = $gateway_user#" \
            "$f" > "$place/etc/${f##*/}"
    done

    # so that the demo sees the authserver asked without waiting a minute
    sed -i -e 's/ttl=60s/ttl=1s/' -e '/^hars_refresh_before/d' \
        "$place/etc/hars-dropin.conf"

    if [ "$(id -u)" -ne 0 ]; then
        sed -i -e '/^user /d' "$place/etc/nginx.conf"
    elif [ "$others" = no ]; then
        sed -i -e 's/^user .*/user root;/' "$place/etc/nginx.conf"
    fi

    # what an unprivileged nginx could not write to
    {
        printf '\n# of this run\n'
        for name in client_body proxy fastcgi uwsgi scgi; do
            printf '%s_temp_path %s/tmp/%s;\n' "$name" "$place" "$name"
        done
    } > "$place/etc/places.conf"
    sed -i -e "s#^http {#http {\\n    include $place/etc/places.conf;#" \
        "$place/etc/nginx.conf"

    for name in gateway authserver; do
        f=$(tr -d '\n' < "$place/etc/redis-$name.password" | sha256sum)
        sed -i -e "s/#${name^^}_PASSWORD_SHA256/#${f%% *}/" \
            "$place/etc/redis-users.acl"
    done
    own "$place/etc/redis-users.acl" "$uid_redis"

    cp backend/mlservice/model.hars backend/mlservice/model-wrist.hars \
        "$place/share/"
    cp -r "$build/dashboard" "$place/share/"
    cp "$build/bin/hars-authserver" "$build/bin/hars-mlservice" \
       "$build/bin/hars-dcm" "$build/bin/hars-fogcloud" "$build/bin/hars" \
       "$build/bin/hars-fognode" "$build/bin/hars-wearable" "$place/bin/"
}


redis_answers() {
    REDISCLI_AUTH=$(cat "$place/etc/redis-authserver.password") \
        redis-cli -s "$place/sock/redis.sock" --user authserver PING \
        2> /dev/null | grep -q '^PONG'
}


start_all() {
    local ng=$place/etc/nginx.conf

    : > "$place/log/error.log"
    : > "$place/log/access.log"

    service_start redis "$uid_redis" \
        redis-server "$place/etc/redis.conf" --dir "$place/tmp" \
        --daemonize no
    service_wait redis "$place/log/redis.log" redis_answers

    # the client that hars-dcm is; two at once could not make the database
    as "$uid_auth" "$place/bin/hars-authserver" \
        --config "$place/etc/authserver.conf" client add --id hars-dcm \
        --kind service --scope "ml:recognize fog:resolve" \
        --resource https://ml.hars.localhost/ \
        --resource https://fog.hars.localhost/ \
        --subject-dn "CN=hars-dcm,O=HARS Gateway demo" \
        > "$place/log/hars-dcm-client.log"
    service_start authserver "$uid_auth" \
        "$place/bin/hars-authserver" --config "$place/etc/authserver.conf" \
        serve
    service_start mlservice "$uid_ml" \
        "$place/bin/hars-mlservice" --config "$place/etc/mlservice.conf"
    service_start dcm "$uid_dcm" \
        "$place/bin/hars-dcm" --config "$place/etc/dcm.conf"
    service_start fogcloud "$uid_fog" \
        "$place/bin/hars-fogcloud" --config "$place/etc/fogcloud.conf"
    service_wait authserver "$place/log/authserver.log" \
        test -S "$place/sock/auth-public.sock" \
        -a -S "$place/sock/auth-gateway.sock"
    service_wait mlservice "$place/log/mlservice.log" \
        test -S "$place/sock/ml.sock"
    service_wait dcm "$place/log/dcm.log" test -S "$place/sock/dcm.sock"
    service_wait fogcloud "$place/log/fogcloud.log" \
        test -S "$place/sock/fogcloud.sock"

    if ! nginx -t -q -e stderr -p "$place" -c "$ng" \
         > "$place/log/nginx.log" 2>&1
    then
        fail_log "nginx refuses the configuration $ng" "$place/log/nginx.log"
    fi

    # nginx itself gives its workers another user
    others=no service_start nginx 0 nginx -e "$place/log/error.log" \
        -p "$place" -c "$ng" -g 'daemon off;'
    service_wait nginx "$place/log/error.log" curl -s -o /dev/null --max-time 2 \
        --resolve "auth.hars.localhost:$port:127.0.0.1" \
        --cacert "$place/pki/ca.pem" \
        "https://auth.hars.localhost:$port/healthz"
}


start() {
    local begun

    case $run$build in
        *[[:space:]\'\"\;#\&\\]*)
            die "a path with blanks or quotes in it: $run" \
                "have the repository at a plainer path"
            ;;
    esac

    begun=$(now_ms)
    scripts/install-packages.sh run dashboard

    step "Building"
    make -s --no-print-directory -j2 module programs dashboard

    for name in hars-authserver hars-mlservice hars-dcm hars-fogcloud hars \
                hars-fognode hars-wearable
    do
        if [ ! -x "$build/bin/$name" ]; then
            die "the program $name has not been built: no sources of it here"
        fi
    done

    decide_users
    choose_place
    choose_port
    make_directories
    scripts/demo-pki.sh "$place/pki" authorities
    scripts/demo-pki.sh "$place/pki" server auth auth.hars.localhost
    scripts/demo-pki.sh "$place/pki" server ml ml.hars.localhost
    scripts/demo-pki.sh "$place/pki" server dcm dcm.hars.localhost
    scripts/demo-pki.sh "$place/pki" server fog fog.hars.localhost
    scripts/demo-pki.sh "$place/pki" client hars-dcm
    scripts/demo-pki.sh "$place/pki" client fog-node-1
    make_settings

    step "Starting Redis, the four services, nginx"
    trap stop_all EXIT
    start_all
    trap - EXIT
    info "127.0.0.1:$port, sockets and logs in ${run#"$top"/}," \
        "ready after $(secs $(($(now_ms) - begun)))"

    # what demo.sh has to know
    {
        for name in top run place port others uid_auth uid_edge uid_www \
                    gid_www
        do
            printf '%s=%q\n' "$name" "${!name}"
        done
        printf 'drop=('
        printf '%q ' ${drop[@]+"${drop[@]}"}
        printf ')\n'
    } > "$place/env"

    scripts/demo.sh "$place/env"
}


mkdir -p "$(dirname "$run")"
exec 19> "$run.lock"
flock -w 120 19 || die "another make run or make stop has not ended in 2 minutes"

case ${1:-start} in
    start) start ;;
    stop)  stop ;;
    clean) clean ;;
    *)     die "unknown: $1" "usage: $0 [start|stop|clean]" ;;
esac
