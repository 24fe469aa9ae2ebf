# shellcheck shell=bash
# Invoices printed a second of CPU on one thread, from the ledger's row to the bytes, the worst kinds too. The same pages each time:
# what differs from bill to bill (names, amounts) is shaped anew in practice, which is a small part of it.

section_pdf() {
  local name pages bytes
  say "bench: pdf, $SM_PDF_SECONDS s each"
  while read -r name pages bytes; do
    add_row "invoices printed a CPU second: $name" "$pages" none '' "$([[ $name == @(plain|hindi|estimated) ]] && printf '>= 200')"
    add_row "bytes of one: $name" "$bytes"
  done < <("$SM_BENCH_BIN/bench_pdf" "$SM_PDF_SECONDS" plain hindi estimated arrears arrears-hindi time-of-day many-lines credit-note)
}
