/* The texts of ledger_*.sql, put into the program by the build. */
#ifndef SM_STORE_EMBEDDED_LEDGER_SCHEMA_H
#define SM_STORE_EMBEDDED_LEDGER_SCHEMA_H

extern const char sm_ledger_schema_1[];
extern const char sm_ledger_schema_2[];
extern const char sm_ledger_schema_3[];
extern const char sm_ledger_schema_4[];
extern const char sm_ledger_schema_5[];
extern const char sm_ledger_schema_6[];
extern const char sm_ledger_schema_7[];
extern const char sm_ledger_schema_8[];
extern const char sm_ledger_schema_9[];
extern const char sm_ledger_schema_10[];
extern const char sm_ledger_schema_11[];

#endif
