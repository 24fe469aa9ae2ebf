#include "app/printing.h"

#include "base/complain.h"
#include "document/logo.h"

bool sm_printing_keep_logo(const sm_program *program) {
  char name[SM_LOGO_NAME_MAX];
  const char *logo = program->invoicing.logo;
  if (logo == NULL) return true;
  sm_err err = sm_logo_keep(logo, program->ledger, name);
  if (err == SM_ERR_SYNTAX)
    sm_complain("SMARTMETER_INVOICE_LOGO is %s: give a PNG picture; that one cannot be read", logo);
  else if (err == SM_ERR_RANGE)
    sm_complain("SMARTMETER_INVOICE_LOGO is %s: give a smaller picture, of at most %d pixels a "
                "side and %d KiB",
                logo, (int)SM_LOGO_SIDE_MAX, SM_LOGO_BYTES_MAX / 1024);
  else if (err != SM_OK)
    sm_complain("cannot keep the logo %s in the ledger: %s", logo, sm_complain_text(err));
  return err == SM_OK;
}

bool sm_printing_open(const sm_program *program, sm_cabinet **cabinet) {
  const sm_cabinet_options options = {.data_dir = program->config.data_dir,
                                      .ledger = program->ledger,
                                      .sealer = sm_identity_sealer(program->identity)};
  return sm_complain_unless(sm_cabinet_new(&options, cabinet), "set up", "the printing");
}
