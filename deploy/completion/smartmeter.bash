# shellcheck shell=bash
# Completion of `smartmeter` for bash. What there is to choose from comes from the program's own --help, so it cannot be out of step.

# _smartmeter_help [COMMAND]: kept, as asking takes some milliseconds.
_smartmeter_help() {
  local program=${COMP_WORDS[0]/#\~/$HOME} key=${1:-all}
  declare -gA _smartmeter_kept
  [[ -n ${_smartmeter_kept[$program $key]:-} ]] ||
    _smartmeter_kept[$program $key]=$("$program" ${1:+"$1"} --help 2>/dev/null)
  printf '%s\n' "${_smartmeter_kept[$program $key]}"
}

_smartmeter_commands() { _smartmeter_help | sed -n 's/^  \([a-z][a-z-]*\)  *[a-z].*/\1/p'; }

# The words that may stand behind a command: those in lower case after its name in the lines of usage.
_smartmeter_verbs() { _smartmeter_help "$1" | grep -oE "smartmeter $1 [a-z_]+" | sed 's/.* //' | sort -u; }

_smartmeter_options() {
  _smartmeter_help "$1" | grep -oE -- '(^|[^a-z-])--[a-z][a-z-]*' | sed 's/^[^-]*//' | sort -u
  echo --help
}

# What is known of an option's value: words with | between them behind it in the usage, else files.
_smartmeter_values() { _smartmeter_help "$1" | grep -oE -- "$2 [a-z]+(\|[a-z]+)+" | sed 's/^[^ ]* //; s/|/ /g' | head -n 1; }

_smartmeter() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]:-} values=''
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "$(_smartmeter_commands) --help" -- "$word")
    return
  fi
  if [[ $before == --* ]]; then values=$(_smartmeter_values "$command" "$before"); fi
  if [[ -n $values ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_smartmeter_options "$command")" -- "$word")
  elif ((COMP_CWORD == 2)); then
    mapfile -t COMPREPLY < <(compgen -W "$(_smartmeter_verbs "$command")" -- "$word")
  fi
  # Files, where nothing else fits.
  if ((${#COMPREPLY[@]} == 0)); then mapfile -t COMPREPLY < <(compgen -f -- "$word"); fi
}

complete -o filenames -F _smartmeter smartmeter
