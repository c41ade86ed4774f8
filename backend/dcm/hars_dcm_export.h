
/*
 * All data of a patient as one text, made while it is sent: a part at a time,
 * each with a connection of its own for as long as it reads.
 *
 *     {"patient": ..., "name": ..., "recordings": [...], "samples": [...],
 *      ...}
 *
 * A part that cannot be read breaks the text off: what is not valid JSON is
 * not all of it.  So does the end of a doctor's right to read it: of the token
 * or the connection, which is looked at whenever something is sent.
 */

#ifndef HARS_DCM_EXPORT_H
#define HARS_DCM_EXPORT_H


#include "hars_dcm_people.h"
#include "hars_dcm_print.h"
#include "hars_dcm_samples.h"
#include "hars_dcm_timeline.h"


typedef struct hars_export_s  hars_export_t;

/*
 * Puts the next items of a section behind the text: HARS_OK; HARS_DECLINED:
 * there are no more.
 */
typedef int (*hars_export_pt)(hars_export_t *export, hars_db_t *db);

/* a table of these ends with fill NULL */
typedef struct {
    const char         *name;             /* of a JSON array; NULL: as it is */
    hars_export_pt      fill;
    unsigned            own:1;            /* for the patient alone */
} hars_export_section_t;


struct hars_export_s {
    hars_dcm_t                   *dcm;
    hars_look_t                   look;
    int64_t                       from_ms;
    int64_t                       to_ms;

    const hars_export_section_t  *section;
    unsigned                      begun:1;
    unsigned                      rows:1; /* windows, not as JSON */
    size_t                        items;  /* of the section so far */

    hars_print_t                  print;  /* what is made */
    size_t                        sent;   /* of it */

    char                          after[HARS_DCM_ID];   /* recording */
    hars_activities_t             activities;
    hars_timeline_block_t         windows;
    hars_accesses_t               looks;
    hars_samples_t                samples;
    hars_block_t                  block;
};


/*
 * NULL: no memory; from and to are bounds of the look.  hars_export_free()
 * gives its place back (hars_exports_begin()).
 */
hars_export_t *hars_export_create(hars_dcm_t *dcm, const hars_look_t *look,
    const hars_export_section_t *section);
void hars_export_free(void *data);

/* as hars_reply_flow() wants it */
long hars_export_next(void *data, char *dst, size_t size);

/* a comma where one is needed, and place for one more item */
void hars_export_item(hars_export_t *export);

/* all sections of each form */
extern const hars_export_section_t  hars_export_json[];
extern const hars_export_section_t  hars_export_csv[];
extern const hars_export_section_t  hars_export_csv_activities[];


#endif /* HARS_DCM_EXPORT_H */
