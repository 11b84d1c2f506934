#!/usr/bin/env bash
# Takes a deployment away and leaves nothing: role assignments of its identities, its resource group, its tables
# and functions in a workspace elsewhere, a provider's registrations, what Azure would keep as deleted. Without
# --yes it only says what would go, and whose turn it is where something is refused.
set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=infra/steps/say.sh
. "$(dirname "${BASH_SOURCE[0]}")/steps/say.sh"

usage() {
  cat << 'END'
infra/remove.sh --resource-group NAME [--yes]

  --workspace ID         the workspace's resource id, where it is in another group: our tables and functions go
  --scope ID             a scope beside this subscription where the identities have roles, such as
                         /providers/Microsoft.Management/managementGroups/<name>; may be repeated
  --provider NAME        also the registrations NAME and NAME-act
  --yes                  do it; everything in the resource group goes, kept records and Key Vault included

The older solutions' tables stay: their rows are not ours.
END
}

readonly version=2025-07-01
group='' workspace='' registration_name='' scopes=() yes=''
vaults=() workspaces=() principals=()

options() {
  while (($#)); do
    case $1 in
      --yes) yes=on && shift && continue ;;
      --help | -h) usage && exit 0 ;;
    esac
    (($# > 1)) || fail "$1 needs a value (--help)"
    case $1 in
      --resource-group | -g) group=$2 ;;
      --workspace) workspace=$2 ;;
      --scope) scopes+=("$2") ;;
      --provider) registration_name=$2 ;;
      *) fail "$1 isn't known (--help)" ;;
    esac
    shift 2
  done
  [[ $group ]] || fail 'name the resource group by --resource-group (--help)'
}

# Does a change, or says that it would.
remove() {
  local what=$1 who=$2
  shift 2
  if [[ ! $yes ]]; then
    changed "would go: $what"
  elif ask "$@" || is_absent; then
    changed "gone: $what"
  elif is_denied; then
    lacks "$what: this is the turn of $who"
  else
    lacks "$what: $why"
  fi
}

# What the group holds, read before anything goes.
contents() {
  local type name id
  if ! ask resource list --resource-group "$group" --query '[].[type, name, id]' --output tsv; then
    is_absent || fail "the resource group $group: $why"
    say "the resource group $group isn't there"
    group=''
    return
  fi
  while IFS=$'\t' read -r type name id; do
    [[ $type ]] || continue
    say "in $group: $type $name"
    case ${type,,} in
      microsoft.keyvault/vaults) vaults+=("$name") ;;
      microsoft.operationalinsights/workspaces) workspaces+=("$name") ;;
    esac
  done <<< "$answer"
  must "the identities of $group" 'a Reader of the group' identity list --resource-group "$group" \
    --query '[].principalId' --output tsv
  mapfile -t principals < <(grep . <<< "$answer" || true)
}

# An assignment whose identity is gone stays for ever and has no name any more.
assignments() {
  local principal scope
  for principal in "${principals[@]}"; do
    roles_at "$principal" --all
    for scope in "${scopes[@]}"; do roles_at "$principal" --scope "$scope"; done
  done
}

roles_at() {
  local principal=$1 id at role
  shift
  must 'role assignments' 'an owner or User Access Administrator' role assignment list --assignee "$principal" "$@" \
    --query '[].[id, scope, roleDefinitionName]' --output tsv
  while IFS=$'\t' read -r id at role; do
    [[ $id ]] || continue
    remove "$role of the identity $principal at $at" 'an owner or User Access Administrator of that scope' \
      role assignment delete --ids "$id"
  done <<< "$answer"
}

resource_group() {
  local name owner="an owner or Contributor of $group"
  # Else Azure keeps a deleted workspace for two weeks, and gives it back under the same name.
  for name in "${workspaces[@]}"; do
    remove "the workspace $name with all its rows" "$owner" monitor log-analytics workspace delete --yes --force \
      --resource-group "$group" --workspace-name "$name"
  done
  remove "the resource group $group with all that is in it" "$owner" group delete --name "$group" --yes
  for name in "${vaults[@]}"; do
    remove "the deleted Key Vault $name" 'an owner of the subscription (a vault with purge protection goes by itself)' \
      keyvault purge --name "$name"
  done
}

# In a workspace that stays.
in_workspace() {
  local contributor='somebody with Log Analytics Contributor on the workspace' ours name alias
  ours=$(values functions.json | awk -F '\t' '$1 ~ /^[0-9]+[.]name$/ { print $2 }')
  if ! ask rest --method GET --url "$manager$workspace/savedSearches?api-version=$version" --output tsv \
    --query 'value[?properties.functionAlias].[name, properties.functionAlias]'; then
    is_absent || fail "functions of the workspace: $why"
    say "the workspace isn't there"
    return
  fi
  while IFS=$'\t' read -r name alias; do
    if [[ $alias ]] && grep -qxF "$alias" <<< "$ours"; then
      remove "the function $alias" "$contributor" rest --method DELETE --output none \
        --url "$manager$workspace/savedSearches/$name?api-version=$version"
    fi
  done <<< "$answer"
  ours=$(values tables.json | awk -F '\t' '$1 ~ /^tables[.][0-9]+[.]name$/ { print $2 }')
  must 'tables of the workspace' "$contributor" rest --method GET --output tsv --query 'value[].name' \
    --url "$manager$workspace/tables?api-version=$version"
  while read -r name; do
    if grep -qxF "$name" <<< "$ours"; then
      remove "the table $name with its rows" "$contributor" rest --method DELETE --output none \
        --url "$manager$workspace/tables/$name?api-version=$version"
    fi
  done <<< "$answer"
}

# A deleted registration is kept for 30 days unless it is taken away twice.
registration() {
  local name=$1 object admin='an Application Administrator'
  if ! graph GET "applications(uniqueName='$name')?\$select=id" --query id --output tsv; then
    is_absent || fail "the registration $name: $why"
    return 0
  fi
  object=$answer
  remove "the registration $name" "$admin" rest --method DELETE --resource "$graph" --output none \
    --url "$graph/v1.0/applications/$object"
  remove "the registration $name among the deleted ones" "$admin" rest --method DELETE --resource "$graph" \
    --output none --url "$graph/v1.0/directory/deletedItems/$object"
}

main() {
  options "$@"
  signed_in
  contents
  assignments
  if [[ $group ]]; then resource_group; fi
  if [[ $workspace ]]; then in_workspace; fi
  if [[ $registration_name ]]; then
    registration "$registration_name"
    registration "$registration_name-act"
  fi
  if [[ ! $yes ]]; then say 'nothing is changed yet: add --yes'; fi
  report
}

main "$@"
