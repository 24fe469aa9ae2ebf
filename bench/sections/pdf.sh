# shellcheck shell=bash
# Invoices printed a second of CPU on one thread, from the ledger's row to the bytes, the worst kinds too. Number, payer and amounts
# are others on each page, as they are from bill to bill; the words are those of the page before.

section_pdf() {
  local name pages bytes
  say "bench: pdf, $SM_PDF_SECONDS s each"
  while read -r name pages bytes; do
    add_row "invoices printed a CPU second: $name" "$pages" none '' "$([[ $name == @(plain|hindi|estimated) ]] && printf '>= 200')"
    add_row "bytes of one: $name" "$bytes"
  done < <("$SM_BENCH_BIN/bench_pdf" "$SM_PDF_SECONDS" plain hindi estimated arrears arrears-hindi time-of-day many-lines credit-note)
}
