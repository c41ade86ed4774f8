
/*
 * Texts of a second each go out when their last row is due and stay here till
 * the fog node says that they are on its disk; a session that ends leaves them
 * for the next one, under new numbers.  Activities that come back are printed,
 * one line each: from, to (s, UTC) and the name.
 */

#include "hars_wearable.h"
#include "aka_crypto.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>


#define HARS_CARRY_ROWS    50
#define HARS_CARRY_US      1000000
#define HARS_CARRY_WINDOW  16             /* sent and not kept, most */


/* the session's part of it */
typedef struct {
    const hars_wearable_options_t  *options;
    hars_carry_t                   *carry;
    hars_link_t                    *link;
    hars_aka_channel_t              up;
    hars_aka_channel_t              down;
    int64_t                         progress;  /* ms: of the last KEPT */
} hars_carrying_t;


static int hars_carry_loop(hars_carrying_t *c);
static int hars_carry_fill(hars_carry_t *carry);
static int hars_carry_rows(hars_carry_t *carry, hars_fog_text_t *text);
static hars_carried_t *hars_carry_at(hars_carry_t *carry, unsigned n);
static int hars_carry_send(hars_carrying_t *c, int64_t now);
static int64_t hars_carry_until(const hars_carrying_t *c, int64_t now);
static void hars_carry_take(hars_carrying_t *c, const unsigned char *message,
    size_t len);
static void hars_carry_kept(hars_carrying_t *c, uint64_t number);


int
hars_wearable_carry(const hars_wearable_options_t *options,
    hars_carry_t *carry, hars_link_t *link,
    const hars_aka_session_t *session)
{
    int              rc;
    hars_carrying_t  c = { .options = options, .carry = carry, .link = link };

    carry->sent = 0;
    rc = HARS_DECLINED;

    if (hars_aka_channel(session, HARS_AKA_DEVICE_TO_FOG, &c.up)
        == HARS_AKA_OK
        && hars_aka_channel(session, HARS_AKA_FOG_TO_DEVICE, &c.down)
           == HARS_AKA_OK)
    {
        c.progress = hars_clock();
        rc = hars_carry_loop(&c);
    }

    hars_aka_channel_wipe(&c.up);
    hars_aka_channel_wipe(&c.down);

    return rc;
}


static int
hars_carry_loop(hars_carrying_t *c)
{
    int                   rc;
    size_t                len;
    int64_t               now, until;
    const unsigned char  *message;

    for ( ;; ) {
        rc = hars_carry_fill(c->carry);

        if (rc != HARS_OK) {
            return rc;
        }

        now = hars_clock();

        if (hars_carry_send(c, now) != HARS_OK) {
            return HARS_DECLINED;
        }

        until = hars_carry_until(c, now);
        rc = hars_link_receive(c->link, until, &message, &len);

        if (rc == HARS_OK) {
            hars_carry_take(c, message, len);
            continue;
        }

        if (rc == HARS_ERROR) {
            return c->carry->n ? HARS_DECLINED : HARS_OK;
        }

        now = hars_clock();

        if (c->carry->n == 0 && c->carry->ended) {
            return HARS_OK;
        }

        if (c->carry->sent
            && now >= c->progress + (int64_t) c->options->kept_wait)
        {
            fprintf(stderr, "hars-wearable: the fog node keeps nothing\n");
            return HARS_DECLINED;
        }
    }
}


static int
hars_carry_fill(hars_carry_t *carry)
{
    int              rc;
    hars_carried_t  *carried;
    hars_fog_text_t  text;

    while (carry->n < HARS_WEARABLE_TEXTS && !carry->ended) {
        memset(&text, 0, sizeof(text));
        text.type = HARS_FOG_SAMPLES;
        text.placement = carry->placement;
        rc = hars_carry_rows(carry, &text);

        if (rc == HARS_ERROR) {
            return HARS_ERROR;
        }

        if (text.rows == 0) {
            text.type = HARS_FOG_END;
            carry->ended = 1;
        }

        carried = hars_carry_at(carry, carry->n);
        carried->len = hars_fog_text_put(&text, carried->bytes);
        carried->due = carry->begin
                       + (int64_t) ((double) carry->us / 1e3 / carry->speed);
        carry->n++;
        hars_aka_wipe(&text, sizeof(text));
    }

    return HARS_OK;
}


/* the rows of a text; HARS_DECLINED: there are no more */
static int
hars_carry_rows(hars_carry_t *carry, hars_fog_text_t *text)
{
    int       rc;
    uint64_t  first;

    for (first = 0; text->rows < HARS_CARRY_ROWS && carry->left; ) {

        if (!carry->had_row) {
            rc = hars_replay_next(carry->replay, &carry->us, carry->value);

            if (rc != HARS_OK) {
                carry->left = 0;
                return rc;
            }

            carry->had_row = 1;
        }

        if (text->rows == 0) {
            first = carry->us;
            text->time = carry->start + first;

        } else if (carry->us - first >= HARS_CARRY_US) {
            break;
        }

        text->row[text->rows].us = (uint32_t) (carry->us - first);
        memcpy(text->row[text->rows].value, carry->value,
               sizeof(carry->value));
        text->rows++;
        carry->had_row = 0;
        carry->left--;
    }

    return HARS_OK;
}


static hars_carried_t *
hars_carry_at(hars_carry_t *carry, unsigned n)
{
    return &carry->text[(carry->first + n) % HARS_WEARABLE_TEXTS];
}


static int
hars_carry_send(hars_carrying_t *c, int64_t now)
{
    hars_carried_t  *carried;
    unsigned char    record[HARS_FOG_TEXT + HARS_AKA_RECORD];

    while (c->carry->sent < c->carry->n
           && c->carry->sent < HARS_CARRY_WINDOW)
    {
        carried = hars_carry_at(c->carry, c->carry->sent);

        if (carried->due > now) {
            break;
        }

        if (c->carry->sent == 0) {
            c->progress = now;
        }

        carried->number = c->up.next;

        if (hars_aka_record_seal(&c->up, carried->bytes, carried->len, record)
            != HARS_AKA_OK
            || hars_link_send(c->link, record,
                              carried->len + HARS_AKA_RECORD) != HARS_OK)
        {
            return HARS_ERROR;
        }

        c->carry->sent++;
    }

    return HARS_OK;
}


/* when something has to be done if nothing comes; ms, monotonic */
static int64_t
hars_carry_until(const hars_carrying_t *c, int64_t now)
{
    int64_t        until, due;
    hars_carry_t  *carry;

    carry = c->carry;

    if (carry->n == 0) {
        return now + (int64_t) c->options->linger;
    }

    until = carry->sent ? c->progress + (int64_t) c->options->kept_wait
                        : INT64_MAX;

    if (carry->sent < carry->n && carry->sent < HARS_CARRY_WINDOW) {
        due = hars_carry_at(carry, carry->sent)->due;

        if (due < until) {
            until = due;
        }
    }

    /* the wait is an int of ms */

    return until < now + 60000 ? until : now + 60000;
}


static void
hars_carry_take(hars_carrying_t *c, const unsigned char *message, size_t len)
{
    uint64_t         number;
    unsigned char    bytes[HARS_FRAME_MAX];
    hars_fog_text_t  text;

    if (hars_aka_record_open(&c->down, message, len, bytes, &number)
        != HARS_AKA_OK
        || hars_fog_text_take(&text, bytes, len - HARS_AKA_RECORD)
           != HARS_OK)
    {
        return;
    }

    switch (text.type) {

    case HARS_FOG_KEPT:
        hars_carry_kept(c, text.number);
        break;

    case HARS_FOG_REFUSED:
        fprintf(stderr, "hars-wearable: record %" PRIu64 " was refused\n",
                text.number);
        break;

    case HARS_FOG_ACTIVITY:
        printf("%.3f %.3f %s\n", (double) text.from / 1e3,
               (double) text.to / 1e3, text.name);
        fflush(stdout);
        break;
    }
}


static void
hars_carry_kept(hars_carrying_t *c, uint64_t number)
{
    hars_carry_t    *carry;
    hars_carried_t  *carried;

    carry = c->carry;

    while (carry->sent) {
        carried = hars_carry_at(carry, 0);

        if (carried->number > number) {
            break;
        }

        hars_aka_wipe(carried, sizeof(hars_carried_t));
        carry->first = (carry->first + 1) % HARS_WEARABLE_TEXTS;
        carry->n--;
        carry->sent--;
        c->progress = hars_clock();
    }
}
