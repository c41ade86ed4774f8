
/*
 * What clients send, before it is a recording: rows of several streams, each
 * with its own time, and the options that say what they mean.
 *
 *     body -> rows (JSON, CSV or packed) -> scaled to m/s^2 and rad/s
 *          -> feed: screened, clocks steadied, streams joined -> samples
 *
 * The feed takes rows one by one and has a bounded state, so that what comes
 * out does not depend on how the rows were cut into requests.
 */

#ifndef HARS_ML_ROWS_H
#define HARS_ML_ROWS_H


#include "hars_ml.h"


#define HARS_ML_BODY        (1024 * 1024)        /* JSON */
#define HARS_ML_BODY_ROWS   (8 * 1024 * 1024)    /* CSV, packed, of a stream */
#define HARS_ML_ROWS_BIG    150000               /* of them: 50 minutes */
#define HARS_ML_BODY_READ   (1024 * 1024 * 1024) /* of a recording */

#define HARS_ML_PACKET      8             /* records that share a time */
#define HARS_ML_QUEUE       160           /* one stream ahead of the other */
#define HARS_ML_HEART       64            /* values kept */
#define HARS_ML_BEATS       26            /* within a window: 10 Hz */

/* beyond what phones and watches measure: 16 g on each axis, 2000 deg/s */
#define HARS_ML_ACCELERATION_MAX   300.0
#define HARS_ML_ROTATION_MAX       75.0

#define HARS_ML_TIME_MAX           1e12   /* s */

/* application/vnd.hars.samples: blocks of header and rows */
#define HARS_PACKED_MAGIC   "HARS"
#define HARS_PACKED_HEADER  32


typedef enum {
    HARS_STREAM_JOINED = 0,               /* all six at one time */
    HARS_STREAM_ACCELERATION,
    HARS_STREAM_ROTATION,
    HARS_STREAM_HEART,
    HARS_STREAMS
} hars_stream_e;


typedef struct {
    double             t;
    double             v[HARS_ML_AXES];   /* as in hars_sample_t; heart: v[0] */
    uint32_t           index;             /* of the client's rows */
    uint8_t            stream;            /* hars_stream_e */
} hars_row_t;


typedef struct {
    hars_row_t        *row;               /* from malloc() */
    size_t             n;
    size_t             size;
    size_t             max;               /* rows; set before */
    unsigned           bare:1;            /* CSV, packed: faults say samples */
    unsigned           status;            /* of a refusal, where it is not
                                              422; 0: it is */

    /* takes the rows and makes room; NULL: then there are too many */
    int              (*full)(void *data, hars_fault_t *fault);
    void              *data;
} hars_rows_t;


/* a body of CSV on its way; zeroed at first */
typedef struct {
    const char        *pos;               /* of the lines in hand */
    const char        *end;
    uint32_t           row;
    hars_stream_e      stream;
    unsigned           mixed:1;
    unsigned           headed:1;          /* the heading is known */
    unsigned           blank:1;           /* an empty line was there */
    double             unit;              /* of times, s */
    size_t             kept;
    char               line[1024];        /* its beginning */
} hars_text_t;


typedef struct {
    hars_stream_e      stream;
    unsigned           whole;             /* values are int16 */
    unsigned           values;
    uint32_t           rows;
    double             unit[2];
    double             t;
} hars_packed_block_t;


/* a packed body on its way; zeroed at first */
typedef struct {
    hars_packed_block_t  block;
    unsigned           headed:1;          /* there was a header */
    uint32_t           left;              /* rows of the block */
    uint32_t           first;             /* index of its first row */
    uint32_t           index;
    size_t             kept;
    unsigned char      unit[HARS_PACKED_HEADER];  /* its beginning */
} hars_unpack_t;


typedef struct hars_inflate_s  hars_inflate_t;

/* takes a piece of a body; status as of a body */
typedef unsigned (*hars_piece_taken_pt)(void *data, const char *piece,
    size_t len, hars_fault_t *fault);


typedef struct {
    double             rate;              /* Hz; 0: not declared */
    double             rotation_rate;     /* 0: the same */
    double             factor[2];         /* to m/s^2, to rad/s */
    unsigned           arrival:1;         /* times are those of packets */
    char               placement[HARS_ML_NAME];    /* "": not declared */
    char               model[HARS_ML_NAME];        /* "": by placement */
} hars_options_t;


typedef struct {
    double             t;
    float              v[3];
    float              drift;             /* s; hars_drift_t: value */
} hars_third_t;


/* how far stamps have run away from the samples that they are of */
typedef struct {
    double             moved;             /* s, by all packets' stamps */
    double             base;              /* of it, when the value began */
    double             value;             /* s */
    double             slow;              /* its mean of the last packets */
    double             since;             /* s */
    unsigned           settle;            /* packets until it is believed */
} hars_drift_t;


/* one stream on its way; [from, to) are its axes */
typedef struct {
    unsigned           from;
    unsigned           to;
    double             period;            /* s, as declared */

    unsigned           any:1;             /* last is one */
    unsigned           running:1;         /* clock is one */
    unsigned           held;              /* 0 to 2 samples of spike[] */
    hars_sample_t      last;              /* row that was taken */
    hars_sample_t      spike[2];          /* judged by their neighbours */

    double             clock;             /* of the packet before */
    hars_drift_t       drift;
    double             sent;              /* time of the sample before */
    size_t             slots;
    size_t             lost;
    unsigned           n;                 /* slots of the open packet */
    unsigned           usual;             /* slots of a packet; 0: unknown */
    uint8_t            empty[HARS_ML_PACKET];
    hars_sample_t      packet[HARS_ML_PACKET];

    unsigned           head;
    unsigned           queued;
    hars_third_t       queue[HARS_ML_QUEUE];
} hars_source_t;


typedef struct {
    hars_source_t      source[2];         /* joined or acceleration; rotation */
    unsigned           arrival:1;
    unsigned           together:1;        /* one clock takes all samples */
    unsigned           bare:1;
    uint8_t            seen;              /* bits of hars_stream_e */

    void             (*emit)(void *data, const hars_sample_t *sample);
    void              *data;

    size_t             received;
    size_t             empty;
    size_t             duplicates;
    size_t             outliers;
    size_t             unpaired;          /* without one of the other stream */
    hars_fault_t       outlier;           /* the first one */

    double             open;              /* s, start of the window in hand;
                                              NaN: there is none */
    unsigned           hearts;            /* kept, in order of time */
    double             heart_t[HARS_ML_HEART];
    float              heart[HARS_ML_HEART];
} hars_feed_t;


/* what "name" says, as the query of CSV and packed bodies has it */
void hars_options_init(hars_options_t *options);
int hars_options_set(hars_options_t *options, const char *name,
    const char *value, hars_fault_t *fault);

/* a unit's name; "which" 0: acceleration, 1: rotation */
int hars_options_unit(hars_options_t *options, unsigned which,
    const char *name, hars_fault_t *fault);
int hars_options_times(hars_options_t *options, const char *name,
    hars_fault_t *fault);

/* is the rate there and within bounds? */
int hars_options_judge(hars_options_t *options, hars_fault_t *fault);

/* NULL after fault: too many rows, or no memory (fault->field NULL) */
hars_row_t *hars_rows_add(hars_rows_t *rows, hars_stream_e stream,
    uint32_t index, hars_fault_t *fault);

/* takes the options' units to ours */
void hars_rows_scale(hars_rows_t *rows, const hars_options_t *options);

/*
 * Bodies: status 0, or the HTTP status of the refusal with its fault.
 * "options" NULL: none may be in it.
 */
unsigned hars_json_rows(const char *body, size_t len, hars_options_t *options,
    hars_rows_t *rows, hars_fault_t *fault);
unsigned hars_text_rows(const char *body, size_t len, hars_rows_t *rows,
    hars_fault_t *fault);
unsigned hars_packed_rows(const char *body, size_t len, hars_rows_t *rows,
    hars_fault_t *fault);

/* the HTTP status of the rows' refusal */
unsigned hars_rows_status(const hars_rows_t *rows, const hars_fault_t *fault);

/* bodies in pieces, and their end; status as above */
unsigned hars_text_piece(hars_text_t *text, const char *data, size_t len,
    hars_rows_t *rows, hars_fault_t *fault);
unsigned hars_text_end(hars_text_t *text, hars_rows_t *rows,
    hars_fault_t *fault);
unsigned hars_packed_piece(hars_unpack_t *packed, const char *data,
    size_t len, hars_rows_t *rows, hars_fault_t *fault);
unsigned hars_packed_end(hars_unpack_t *packed, hars_rows_t *rows,
    hars_fault_t *fault);

/* *dst from malloc(); HTTP status as above, 413 beyond "max" bytes */
unsigned hars_inflate(const char *src, size_t len, size_t max, char **dst,
    size_t *dst_len, hars_fault_t *fault);

/* the same in pieces: what comes out is taken at once.  NULL: no memory */
hars_inflate_t *hars_inflate_create(size_t max);
unsigned hars_inflate_piece(hars_inflate_t *inf, const char *src, size_t len,
    hars_piece_taken_pt take, void *data, hars_fault_t *fault);
unsigned hars_inflate_end(const hars_inflate_t *inflate, hars_fault_t *fault);
void hars_inflate_free(hars_inflate_t *inflate);

void hars_feed_init(hars_feed_t *feed, const hars_options_t *options,
    void (*emit)(void *data, const hars_sample_t *sample), void *data);
int hars_feed_push(hars_feed_t *feed, const hars_row_t *row,
    hars_fault_t *fault);
int hars_feed_end(hars_feed_t *feed, hars_fault_t *fault);

/* all rows, of several streams by their times */
int hars_feed_rows(hars_feed_t *feed, const hars_rows_t *rows,
    hars_fault_t *fault);

/* the stream's member of a request */
const char *hars_feed_field(const hars_feed_t *feed, unsigned stream);

/* a packet's samples, from the clock that they were taken by */
int hars_source_packet(hars_feed_t *feed, hars_source_t *source,
    hars_fault_t *fault);

/* a stream begins, or goes on after a pause of so many s */
void hars_drift_begin(hars_drift_t *drift, double pause);

/* a packet: its stamp moved the clock, which went on by the length of it */
void hars_drift_packet(hars_drift_t *drift, double moved, double length);

/* how much faster the stamps run than the samples come; 0: not known yet */
double hars_drift_rate(const hars_drift_t *drift);

/* of the rotation's stamps against those of the acceleration; NAN: unknown */
double hars_feed_drift(const hars_feed_t *feed);

/* a sample of a stream with times in order, on to the other one */
void hars_source_take(hars_feed_t *feed, hars_source_t *source,
    const hars_sample_t *sample);
void hars_source_end(hars_feed_t *feed, hars_source_t *source);

/* the median of the valid heart rates within [start, end); NAN: none */
double hars_feed_heart(const hars_feed_t *feed, double start, double end);

/* of "n" values, which it puts in order */
double hars_heart_median(float *value, unsigned n);

/*
 * All rows as a clean recording, streams in order of time.  rec->sample comes
 * from malloc() in any case.
 */
int hars_rows_recording(const hars_rows_t *rows, const hars_options_t *options,
    hars_recording_t *rec, hars_feed_t *feed, hars_fault_t *fault);


#endif /* HARS_ML_ROWS_H */
