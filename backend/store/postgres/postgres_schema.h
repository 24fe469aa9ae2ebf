/* The texts of postgres_*.sql, put into the program by the build. */
#ifndef SM_STORE_POSTGRES_SCHEMA_H
#define SM_STORE_POSTGRES_SCHEMA_H

extern const char sm_postgres_schema_1[];
extern const char sm_postgres_readings_1[];

#endif
