#!/usr/bin/env bash
# Tables of a workspace keep every column that they have: a write of a table drops those that it doesn't
# list, so this writes the union of what is there and what this release needs. A second run changes nothing.
#
#   infra/tables.sh existing --workspace RESOURCE_ID   the older solutions' tables: migrated in place, for
#                                                      classicTables=existing
#   infra/tables.sh upgrade --workspace RESOURCE_ID    our own tables, before a redeploy with
#                                                      postureTables=existing
#
# Takes the Azure CLI, signed in; the columns are in generated/tables.json. Least role: Log Analytics
# Contributor on the workspace.
set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=infra/steps/say.sh
. "$(dirname "${BASH_SOURCE[0]}")/steps/say.sh"

readonly version=2025-07-01
readonly contributor='somebody with Log Analytics Contributor on the workspace'
pause=${POSTURE_STEP_SECONDS:-5}
looks=120
# shellcheck disable=SC2016 # the CLI's own quotes
readonly parts='[to_string(properties.schema.columns || `[]`), to_string(properties.schema.standardColumns || `[]`),
  to_string(properties.schema.tableSubType), to_string(properties.plan), to_string(properties.retentionInDays),
  to_string(properties.totalRetentionInDays)]'

# Name and type of every column of a set (`classicTables` or `tables`): table, column, type.
wanted() {
  values tables.json | awk -F '\t' -v set="$1" '
    { split($1, at, ".") }
    at[1] != set { next }
    at[3] == "name" { table[at[2]] = $2; order[++n] = at[2] }
    at[5] == "name" { column[at[2], at[4]] = $2; if (at[4] >= count[at[2]]) count[at[2]] = at[4] + 1 }
    at[5] == "type" { type[at[2], at[4]] = $2 }
    END {
      for (i = 1; i <= n; i++) {
        one = order[i]
        for (j = 0; j < count[one]; j++) print table[one] "\t" column[one, j] "\t" type[one, j]
      }
    }'
}

table() { ask rest --method "$1" --url "$manager$workspace/tables/$2?api-version=$version" "${@:3}"; }

# Reads a table: `columns` its own as they stand, `had` their names, `has` name and type of the standard ones
# too, its kind in `kind`, its plan and retentions in `facts`. Not there: `columns` is empty.
read_table() {
  columns='' had='' has='' kind='' facts=''
  if ! table GET "$1" --output tsv --query "$parts"; then
    if is_absent; then return; fi
    failed "reading the table $1"
  fi
  local standard
  { read -r columns && read -r standard && read -r kind && facts=$(tr '\n' ' '); } <<< "$answer"
  had=$(names_and_types <<< "$columns")
  has=$had$'\n'$(names_and_types <<< "$standard")
}

# Of a list of columns as JSON.
names_and_types() {
  awk -f "$here/steps/json.awk" | awk -F '\t' '
    { split($1, at, ".") }
    !(at[1] in seen) { seen[at[1]] = 1; n++ }
    at[2] == "name" { name[at[1]] = $2 }
    at[2] == "type" { type[at[1]] = $2 }
    END { for (i = 0; i < n; i++) print name[i] "\t" type[i] }'
}

failed() {
  if is_denied; then fail "$1 refused: this is the turn of $contributor ($why)"; fi
  fail "$1: $why"
}

# Waits until no write of the table is under way: the next one would be refused.
until_done() {
  local look
  for ((look = 1; look <= looks; look++)); do
    table GET "$1" --query properties.provisioningState --output tsv || failed "reading the table $1"
    [[ $answer == Succeeded ]] && return
    sleep "$pause"
  done
  fail "the table $1 is still being changed: run this again in some minutes"
}

# A table of the Data Collector API takes rows by a rule only after this; its columns and rows stay.
migrate() {
  ask rest --method POST --output none --url "$manager$workspace/tables/$1/migrate?api-version=$version" \
    || failed "migrating the table $1"
  until_done "$1"
  changed "$1: migrated in place"
  read_table "$1"
}

append() {
  if [[ $union == *\} ]]; then union+=,; fi
  union+="{\"name\":\"$1\",\"type\":\"$2\"}"
}

# Columns on standard input (name, type) that the table lacks, as JSON after what it has; those of another type
# are noted.
union() {
  local name=$1 column type there
  union=${columns%]}
  added=()
  while IFS=$'\t' read -r column type; do
    there=$(awk -F '\t' -v name="$column" 'tolower($1) == tolower(name) { print $1 " " $2; exit }' <<< "$has")
    if [[ ! $there ]]; then
      added+=("$column")
      append "$column" "$type"
    elif [[ $column == TimeGenerated ]]; then
      # A table that was migrated has it among the standard ones, and no table is written without it.
      grep -q "^TimeGenerated"$'\t' <<< "$had" || append "$column" "$type"
    elif [[ ${there%% *} != "$column" || ${there##* } != "${type,,}" && ${there##* } != "$type" ]]; then
      lacks "$name: the column $column of type $type is there as $there, which can't change: its values stay out of the workspace"
    fi
  done
  union+=']'
}

# Standard columns aside, every one in `union` is written; plan and retention go along as they are.
write_table() {
  local name=$1 plan retention total properties
  read -r plan retention total <<< "$facts"
  properties="\"schema\":{\"name\":\"$name\",\"columns\":$union}"
  [[ $plan && $plan != null ]] && properties+=",\"plan\":\"$plan\""
  if [[ $plan == Analytics && $retention =~ ^-?[0-9]+$ ]]; then properties+=",\"retentionInDays\":$retention"; fi
  if [[ $total =~ ^-?[0-9]+$ ]]; then properties+=",\"totalRetentionInDays\":$total"; fi
  table PUT "$name" --output none --body "{\"properties\":{$properties}}" || failed "writing the table $name"
  until_done "$name"
}

# One table, with its columns on standard input: migrated where it is an old one, then the union of columns;
# made where it isn't there.
existing() {
  read_table "$1"
  if [[ $kind == Classic ]]; then migrate "$1"; fi
  local was=$columns
  columns=${columns:-[]}
  union "$1"
  if ((${#added[@]} == 0)); then
    say "$1: has every column"
    return
  fi
  write_table "$1"
  if [[ $was ]]; then changed "$1: has ${added[*]} now"; else changed "$1: made"; fi
}

# One table of ours; says what the template's own write would drop.
upgrade() {
  local wanted own
  wanted=$(cat)
  existing "$1" <<< "$wanted"
  own=$(comm -23 <(cut -f 1 <<< "$had" | sort) <(cut -f 1 <<< "$wanted" | sort) | tr '\n' ' ')
  if [[ ${own// /} ]]; then
    own=${own% }
    lacks "$1 has columns that this release doesn't list (${own// /, }): deploy with postureTables=existing, or the template's write drops them"
  fi
}

main() {
  local step=${1:-} name all lines
  [[ $step == existing || $step == upgrade ]] && [[ ${2:-} == --workspace && ${3:-} == /subscriptions/* ]] \
    || fail 'usage: tables.sh existing|upgrade --workspace <resource id of the workspace>'
  workspace=$3
  signed_in
  all=$(wanted "$([[ $step == existing ]] && echo classicTables || echo tables)")
  while read -r name; do
    lines=$(awk -F '\t' -v name="$name" '$1 == name { print $2 "\t" $3 }' <<< "$all")
    "$step" "$name" <<< "$lines"
  done < <(cut -f 1 <<< "$all" | uniq)
  report
}

main "$@"
