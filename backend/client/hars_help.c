
/* hars --help: all of its commands on a page. */

#include "hars_client.h"
#include "hars_version.h"

#include <stdio.h>


void
hars_help(void)
{
    puts("hars " HARS_VERSION ", a client of the gateway\n\n"
         "  hars token --url URL --cert F --key F --cacert F --client-id ID\n"
         "      [--scope S] [--resource R]\n"
         "  hars recognize FILE --url URL --cert F --key F --cacert F\n"
         "      (--token T | --token-file F)\n"
         "  hars upload FILE|DIR... --placement P --url URL --cert F --key F\n"
         "      --cacert F TOKEN [--start T] [--speed N] [--seconds S]\n"
         "      [--acceleration UNIT] [--rotation UNIT] [--times arrival]\n"
         "  hars watch --patient ID --url URL --cert F --key F --cacert F\n"
         "      TOKEN [--count N] [--json]\n"
         "  hars revoke --url URL --cert F --key F --cacert F --client-id ID\n"
         "      (--token T|- | --client ID | --sub SUB |\n"
         "       --thumbprint X5T#S256 [--until SECONDS])\n\n"
         "  hars enrol --url URL --client-id ID [--secret-file F]\n"
         "      (--ca F | --ca-fingerprint SHA256) --key F --cert F\n"
         "  hars enrol --url URL --renew (--ca F | --ca-fingerprint SHA256)\n"
         "      --key F --cert F\n\n"
         "all take\n"
         "  --connect-to HOST:PORT  connect there, whatever the URL's host\n"
         "  --show-tls              print what the handshake agreed\n\n"
         "TOKEN is --token T, --token-file F, or --auth-url URL --client-id\n"
         "ID --resource R: then it is asked for, and renewed.\n"
         "upload sends recordings of a minute (--seconds) as a phone would,\n"
         "one by one, and again where it was interrupted; what is there is\n"
         "not sent twice.  FILE is CSV as below, plain or gzip; --placement\n"
         "is pocket, wrist-left or wrist-right.  Times from 0 are moved so\n"
         "that the replay ends at the present, or to --start\n"
         "(2026-05-04T12:30:00Z, seconds since 1970, now), which makes other\n"
         "recordings of it.\n"
         "--speed 1 sends as if it were recorded just then, 10 ten times as\n"
         "fast, 0 (preset) as fast as it goes.  watch prints a line for each\n"
         "activity of a patient from now on, or with --json each event.\n"
         "A URL without a path means /oauth2/token, /v1/recognitions and\n"
         "/oauth2/revoke.  revoke ends an own token; as an operator any, or\n"
         "all live ones of a client, a subject or a certificate, which then\n"
         "gets no others (until SECONDS, its notAfter in unix time).\n"
         "enrol makes the key where there is none (P-256, 0600), gets a\n"
         "certificate for it by the secret of \"hars-authserver client\n"
         "enrol\" (a file, or standard input), or with --renew by the present\n"
         "certificate, and replaces --cert by what it has checked.  --ca is\n"
         "the server's CA; --ca-fingerprint the SHA-256 of the root of the\n"
         "client certificates, which without --ca has to be the server's,\n"
         "too.  Without either nobody is asked.\n"
         "The token file holds the token or what \"hars token\" printed.\n"
         "FILE is CSV (columns t_s or timestamp_s, ax, ay, az in m/s^2 with\n"
         "gravity, gx, gy, gz in rad/s) or the service's JSON; \"-\" reads\n"
         "standard input.\n\n"
         "Exit status: 0 answered, 1 refused by the server, 2 usage, or what\n"
         "the options name cannot be used, 3 could not connect.");
}
