
/*
 * Is an audit log whole?  Each line follows from the one before by its hash.
 * Who can write the file could make all hashes anew; a signature says that
 * all before it stands as it stood when it was made.  What is left to who
 * has no key is the end: what came after the last signature, or all back to
 * an older one, whose number then shows.
 */

#include "hars_as_audit_private.h"
#include "hars_sha256.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>


/* the lines so far */
typedef struct {
    hars_sign_t        *sign;             /* NULL: there is no key */
    uint64_t            n;
    hars_audit_line_t   line;             /* the last one */
    char                head[HARS_B64_SHA256_LEN + 1];  /* its hash */
    char                first[HARS_B64_SHA256_LEN + 1];
    uint64_t            signatures;
    uint64_t            covered;          /* the last number signed */
    char                kid[HARS_B64_SHA256_LEN + 1];
} hars_audit_chain_t;


static int hars_audit_unread(const char *path, int error);
static const char *hars_audit_follow(hars_audit_chain_t *chain,
    const char *text);
static const char *hars_audit_signed(hars_audit_chain_t *chain,
    const hars_audit_line_t *line);
static void hars_audit_summary(const hars_audit_chain_t *chain);
static int hars_audit_seal(json_t *root, hars_audit_line_t *line);


int
hars_audit_verify(const char *path, hars_sign_t *sign)
{
    char                 buf[HARS_AUDIT_LINE + 2];
    int                  failed;
    FILE                *fp;
    const char          *why;
    hars_audit_chain_t   chain;

    fp = fopen(path, "r");
    if (fp == NULL) {
        return hars_audit_unread(path, errno);
    }

    memset(&chain, 0, sizeof(chain));
    chain.sign = sign;
    why = NULL;

    while (why == NULL && fgets(buf, sizeof(buf), fp)) {
        chain.n++;
        why = hars_audit_follow(&chain, buf);
    }

    failed = ferror(fp) ? errno : 0;
    fclose(fp);

    if (failed) {
        return hars_audit_unread(path, failed);
    }

    if (why) {
        fprintf(stderr, "hars-authserver: line %llu %s\n",
                (unsigned long long) chain.n, why);
        return HARS_ERROR;
    }

    hars_audit_summary(&chain);

    /* who has no key can make the whole of it anew */

    if (sign && chain.signatures == 0) {
        fprintf(stderr, "hars-authserver: none of the lines is signed by a "
                "key given\n");
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_audit_unread(const char *path, int error)
{
    fprintf(stderr, "hars-authserver: \"%s\" cannot be read: %s\n", path,
            strerror(error));

    return HARS_ERROR;
}


/* NULL: the line is the next one; otherwise why it is not */
static const char *
hars_audit_follow(hars_audit_chain_t *chain, const char *text)
{
    size_t              len;
    const char         *why;
    hars_audit_line_t   line;

    len = strlen(text);

    if (len == 0 || text[len - 1] != '\n') {
        return "is cut short or too long";
    }

    len--;

    if (hars_audit_line(text, len, &line) != HARS_OK) {
        return "is no line of an audit log";
    }

    if (chain->n == 1) {
        strcpy(chain->first, line.prev);

    } else if (strcmp(line.prev, chain->head) != 0) {
        return "does not follow from the one before it: one of both was "
               "changed, or one between them taken out";

    } else if (line.seq != chain->line.seq + 1) {
        return "has a wrong number";
    }

    why = line.sealed ? hars_audit_signed(chain, &line) : NULL;

    chain->line = line;

    if (why == NULL && hars_audit_hash(text, len, chain->head) != HARS_OK) {
        return "cannot be hashed";
    }

    return why;
}


static const char *
hars_audit_signed(hars_audit_chain_t *chain, const hars_audit_line_t *line)
{
    char    text[HARS_AUDIT_HEAD];
    size_t  len;

    len = hars_audit_head(text, line->seq - 1, line->prev);

    if (chain->sign
        && hars_sign_verify(chain->sign, text, len, line->signature)
           != HARS_OK)
    {
        return "has a signature by none of the keys given";
    }

    chain->signatures++;
    chain->covered = line->seq - 1;
    strcpy(chain->kid, line->kid);

    return NULL;
}


static void
hars_audit_summary(const hars_audit_chain_t *chain)
{
    printf("%llu lines, the last has number %llu\nbegins after  %s\n"
           "ends with     %s\n", (unsigned long long) chain->n,
           (unsigned long long) chain->line.seq,
           chain->first[0] ? chain->first : "nothing",
           chain->head[0] ? chain->head : "nothing");

    if (chain->signatures == 0) {
        puts("signed        nothing");
        return;
    }

    printf("signed        up to number %llu, %llu signatures, the last by "
           "key %s%s\n", (unsigned long long) chain->covered,
           (unsigned long long) chain->signatures, chain->kid,
           chain->sign ? "" : "; none verified, for want of a key");
}


int
hars_audit_line(const char *text, size_t len, hars_audit_line_t *line)
{
    int           rc;
    json_t       *root;
    const char   *prev, *event;
    json_int_t    number;

    memset(line, 0, sizeof(hars_audit_line_t));

    root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

    rc = root && json_unpack(root, "{s:I, s:s, s:s}", "seq", &number,
                             "prev", &prev, "event", &event) == 0
         && number > 0
         && (strlen(prev) == HARS_B64_SHA256_LEN || *prev == '\0')
         ? HARS_OK : HARS_ERROR;

    if (rc == HARS_OK) {
        line->seq = (uint64_t) number;
        strcpy(line->prev, prev);
        line->sealed = strcmp(event, HARS_AUDIT_SIGN) == 0;
    }

    if (line->sealed) {
        rc = hars_audit_seal(root, line);
    }

    json_decref(root);

    return rc;
}


static int
hars_audit_seal(json_t *root, hars_audit_line_t *line)
{
    const char  *kid, *signature;

    if (json_unpack(root, "{s:s, s:s}", "kid", &kid,
                    "signature", &signature) == -1
        || strlen(kid) != HARS_B64_SHA256_LEN
        || hars_sign_unb64(line->signature, signature) != HARS_OK)
    {
        return HARS_ERROR;
    }

    strcpy(line->kid, kid);

    return HARS_OK;
}


int
hars_audit_hash(const char *text, size_t len,
    char hash[HARS_B64_SHA256_LEN + 1])
{
    unsigned char  digest[HARS_SHA256_LEN];

    if (hars_sha256(digest, text, len) != HARS_OK) {
        return HARS_ERROR;
    }

    hars_b64url_sha256_encode(hash, digest);
    hash[HARS_B64_SHA256_LEN] = '\0';

    return HARS_OK;
}


size_t
hars_audit_head(char text[HARS_AUDIT_HEAD], uint64_t seq, const char *hash)
{
    return (size_t) snprintf(text, HARS_AUDIT_HEAD,
                             "HARS audit log\n%llu\n%s\n",
                             (unsigned long long) seq, hash);
}
