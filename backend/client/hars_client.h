
/*
 * The hars command: what a data collecting mechanism, a test or a person
 * does at the gateway by hand.  Data in the order of a call: options, body,
 * request, answer.
 *
 * Only https, only TLS 1.3, the server's certificate verified against the
 * one CA named; no proxy, no redirects: nothing that carries a token goes
 * where the command line did not say.
 */

#ifndef HARS_CLIENT_H
#define HARS_CLIENT_H


#include "hars_https.h"
#include "hars_record.h"
#include "hars_token.h"


/* exit status; docs/architecture.md */
#define HARS_EXIT_OK      0
#define HARS_EXIT_REFUSED 1               /* by the server; or no input */
#define HARS_EXIT_USAGE   2
#define HARS_EXIT_CONNECT 3


typedef struct {
    const char   *url;
    const char   *cert;
    const char   *key;
    const char   *cacert;
    const char   *connect_to;             /* HOST:PORT, NULL: as in the URL */
    unsigned      show_tls:1;

    const char   *client_id;
    const char   *scope;
    const char   *resource;

    const char   *token;
    const char   *token_file;             /* "-": standard input */
    const char   *file;                   /* of the recording; "-" as well */

    const char   *client;                 /* what is to be revoked */
    const char   *sub;
    const char   *thumbprint;             /* of a certificate, x5t#S256 */
    const char   *until;                  /* its notAfter, unix seconds */

    const char   *secret_file;            /* NULL or "-": standard input */
    const char   *fingerprint;            /* SHA-256 of the root */
    unsigned      renew:1;

    const char   *auth_url;               /* whom a command asks for tokens */
    char        **file_list;              /* of an upload, and directories */
    int           files;
    const char   *placement;              /* of the sensor, and its units */
    const char   *acceleration;
    const char   *rotation;
    const char   *times;
    const char   *start;
    const char   *speed;
    const char   *seconds;                /* of a recording */
    const char   *patient;
    const char   *count;                  /* of lines */
    unsigned      json:1;
} hars_options_t;


/*
 * hars_text_file.c: all of a file, "-" is standard input; HARS_ERROR: said
 * on standard error.
 */
int hars_text_read(hars_text_t *text, const char *file, size_t max);


/*
 * hars_recording.c: the service's JSON of a recording, from itself or from
 * CSV, in place.  HARS_ERROR and a text that names line and mend.
 */
int hars_recording_body(hars_text_t *text, char *error, size_t size);


/* hars_help.c */
void hars_help(void);


/* hars_revoke.c: the form of a revocation; HARS_EXIT_OK, or said */
int hars_revoke_form(const hars_options_t *options, hars_text_t *form);


/* commands; their exit status: hars_enrol.c, hars_upload.c, hars_watch.c */
int hars_enrol(const hars_options_t *options);
int hars_upload(const hars_options_t *options);
int hars_watch(const hars_options_t *options);


/*
 * hars_given.c: can what the options name be used?  "identity": --cert and
 * --key, too.  HARS_ERROR: said on standard error.
 */
int hars_given(const hars_options_t *options, unsigned identity);


/*
 * hars_call.c: HARS_OK: there is an answer.  Else said on standard error:
 * HARS_ERROR: no connection; HARS_DECLINED: what the options name is wrong.
 */
int hars_call(const hars_options_t *options, const hars_call_t *call,
    hars_answer_t *answer);


#endif /* HARS_CLIENT_H */
