# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of 2virt(8) for bash.

# Names of a column of a table of 2virt; nothing if 2virtd does not answer.
_2virt_column() {
  timeout 2 2virt "$1" 2>/dev/null | awk -v column="$2" 'NR > 1 { print $column }'
}

# Readline takes a colon for the end of a word: "web:c" comes as three.
# Sets all_words and last.
_2virt_words() {
  local at word joined=no
  all_words=()
  for ((at = 0; at <= COMP_CWORD; at++)); do
    word=${COMP_WORDS[at]}
    if [ "$word" = : ] || [ $joined = yes ]; then
      all_words[${#all_words[@]} - 1]+=$word
    else
      all_words+=("$word")
    fi
    joined=no
    [ "$word" = : ] && joined=yes
  done
  last=$((${#all_words[@]} - 1))
}

_2virt() {
  local all_words last
  _2virt_words
  local current=${all_words[last]} command="" words="" at first=1
  local commands='domains services grants links attach detach allow deny revoke
    policy limits stats watch log capture'
  local params='methods= path= request-size= response-size= rps= rate= burst=
    streams= pipes= class= weight= redirect= notify'
  COMPREPLY=()
  # The command is the first word that is no option.
  for ((at = 1; at < last; at++)); do
    case ${all_words[at]} in
    --control) at=$((at + 1)) ;;
    -*) ;;
    *)
      command=${all_words[at]}
      first=$((at + 1))
      break
      ;;
    esac
  done
  if [ "${all_words[last - 1]}" = --control ]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    return
  fi
  local place=$((last - first))
  case $command in
  '') words="$commands --json --control --help --version" ;;
  services | links) words='--json --help' ;;
  watch) words='-i -n --json --help' ;;
  log) words='-f -n --json --help' ;;
  policy)
    if [ $place = 0 ]; then
      words='check apply diff explain'
    else
      case ${all_words[first]}:$place in
      check:* | diff:1)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
      explain:1) words=$(_2virt_column domains 2) ;;
      explain:2) words=$(_2virt_column services 1) ;;
      esac
    fi
    ;;
  domains | grants | stats | attach | detach)
    [ $place = 0 ] && words="$(_2virt_column domains 2) --json --help"
    [ "$command:$place" = attach:1 ] && words=ports=
    ;;
  allow | deny | revoke | limits)
    case $place in
    0) words="$(_2virt_column domains 2) --help" ;;
    1)
      words=$(_2virt_column services 1)
      [ "$command" = limits ] && words="$words rate= burst= rps= streams= weight="
      ;;
    *)
      words=
      [ "$command" = limits ] || words=--save
      case $command in allow | limits) words="$words $params" ;; esac
      ;;
    esac
    ;;
  capture)
    mapfile -t COMPREPLY < <(compgen -f -W '-w --for' -- "$current")
    return
    ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  # What stands before the colon is there already.
  if [[ $current == *:* && ${#COMP_WORDS[COMP_CWORD]} -lt ${#current} ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${current%"${current##*:}"}"}")
  fi
  if [[ ${COMPREPLY[0]-} == *= && ${#COMPREPLY[@]} = 1 ]]; then
    compopt -o nospace 2>/dev/null
  fi
}

complete -F _2virt 2virt
