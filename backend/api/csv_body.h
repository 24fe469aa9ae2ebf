/* The two ends of a request that brings a CSV file, which is imported all or not at all. */
#ifndef SM_API_CSV_BODY_H
#define SM_API_CSV_BODY_H

#include "api/api.h"
#include "base/problem.h"

/* Whether there is a file to import, and room for the work now; *dry_run is the query's. Else it is
 * answered. `what`: which header and lines are meant, for who sends nothing. */
bool sm_csv_body_begin(sm_api *api, const sm_request *request, sm_answer *answer, const char *what,
                       bool *dry_run);
/* After the import, always; false: it failed, which is answered. */
bool sm_csv_body_end(sm_api *api, const sm_request *request, sm_answer *answer, sm_err err,
                     const sm_problems *problems);

#endif
