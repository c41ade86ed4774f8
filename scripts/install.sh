#!/bin/bash
#
# Installs what has been built, with the paths of an installed system, into
# DESTDIR.  Settings that are there already stay; keys and certificates are
# the administrator's to make.
#
# usage: install.sh [DESTDIR]

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/say.sh
. "$top/scripts/say.sh"

cd "$top"
dest=${1:-}

for file in build/ngx_http_hars_module.so build/bin/hars \
            build/bin/hars-authserver build/bin/hars-mlservice \
            build/bin/hars-dcm build/bin/hars-fogcloud \
            build/bin/hars-fognode build/bin/hars-wearable \
            build/dashboard/index.html
do
    if [ ! -f "$file" ]; then
        die "$file has not been built" "make all"
    fi
done

modules=$(PATH=$PATH:/usr/sbin:/sbin nginx -V 2>&1 \
          | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p')

install -D -m 644 build/ngx_http_hars_module.so \
    "$dest${modules:-/usr/lib/nginx/modules}/ngx_http_hars_module.so"
install -D -m 755 -t "$dest/usr/bin" build/bin/hars build/bin/hars-wearable
install -D -m 755 -t "$dest/usr/sbin" build/bin/hars-authserver \
    build/bin/hars-mlservice build/bin/hars-dcm build/bin/hars-fogcloud \
    build/bin/hars-fognode
install -D -m 755 scripts/hars-crl.sh "$dest/usr/sbin/hars-crl"
install -D -m 644 -t "$dest/usr/lib/systemd/system" conf/systemd/*
install -D -m 644 -t "$dest/usr/share/hars" backend/mlservice/model.hars \
    backend/mlservice/model-wrist.hars

for file in build/dashboard/*.* build/dashboard/vendor/*; do
    install -D -m 644 "$file" "$dest/usr/share/hars/${file#build/}"
done

for file in conf/*.conf conf/*.acl; do
    name=$dest/etc/hars/${file##*/}
    if [ -e "$name" ]; then
        name=$name.new
    fi
    install -D -m 644 "$file" "$name"
done

info "installed; keys for zone, seal, data, fog-master, fog-exchange and" \
     "fognode: openssl rand -hex 32"
info "the signing key: (umask 077; openssl genpkey -algorithm EC -pkeyopt" \
     "ec_paramgen_curve:P-256 -out /etc/hars/signing.key)"
info "revocation lists, USER being the authorization server's:"
info "  runuser -u USER -- hars-authserver ca crl > /etc/hars/tls/crl.pem.new" \
     "&& mv /etc/hars/tls/crl.pem.new /etc/hars/tls/crl.pem"
info "  systemctl enable --now hars-crl.timer"
