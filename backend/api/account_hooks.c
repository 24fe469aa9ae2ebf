#include "api/account_hooks.h"

#include "auth/seal.h"

static sm_err seal_person(void *context, const char *name, sm_bytes *sealed) {
  return sm_seal(sm_identity_sealer(context), SM_FIELD_PERSON, name, sealed);
}

static sm_err named(void *context, const char *email, sm_user *row) {
  return sm_identity_named(context, email, row);
}

sm_account_file_hooks sm_account_hooks(sm_identity *identity) {
  return (sm_account_file_hooks){.context = identity, .seal_person = seal_person, .named = named};
}
