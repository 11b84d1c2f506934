# A user-assigned identity and its app roles. Sourced behind say.sh.
# shellcheck shell=bash disable=SC2034,SC2154

# Seconds between two looks, and how many, for what the directory or Azure gets to know late.
pause=${POSTURE_STEP_SECONDS:-5}
looks=24

readonly azure_owner='an owner of the subscription (Contributor of the resource group does for the identity)'
# What a Privileged Role Administrator runs, who may see nothing of the subscription.
again=''

resource_group() {
  if ask group show --name "$1" --query location --output tsv; then
    region=${region:-$answer}
    return
  fi
  is_denied && fail "looking at the resource group $1 refused: this is the turn of $azure_owner ($why)"
  is_absent || fail "resource group $1: $why"
  [[ $region ]] || fail "there is no resource group $1: name its region by --location, and it is made"
  must "making the resource group $1" "$azure_owner" group create --name "$1" --location "$region" --output none
  changed "resource group $1: made in $region"
}

# Makes the identity where it isn't: `resource`, `principal`, `client`.
identity() {
  local name=$1 group=$2 ids='[id, principalId, clientId]'
  if ask identity show --name "$name" --resource-group "$group" --query "$ids" --output tsv; then
    say "identity $name: there already"
  else
    is_absent || is_denied || fail "identity $name: $why"
    must "making the identity $name" "$azure_owner" identity create --name "$name" --resource-group "$group" \
      --location "$region" --query "$ids" --output tsv
    changed "identity $name: made"
  fi
  read -r resource principal client <<< "$(tr '\n' ' ' <<< "$answer")"
}

# A new identity is in the directory after some seconds.
until_known() {
  local look
  for ((look = 1; look <= looks; look++)); do
    graph GET "servicePrincipals/$1?\$select=id" --query id --output tsv && return
    is_absent || fail "looking the identity up in Microsoft Graph: $why"
    sleep "$pause"
  done
  fail "the directory doesn't know the identity $1 yet: run this again in some minutes"
}

# What a principal holds, one line each of resource and role.
held() {
  local path="servicePrincipals/$1/appRoleAssignments" next
  roles_held=''
  while [[ $path ]]; do
    graph GET "$path" --output tsv --query \
      "[[\"@odata.nextLink\" || '-'], value[].join(' ', [resourceId, appRoleId])][]" \
      || fail "the app roles of $1: $why"
    next=$(head -n 1 <<< "$answer")
    roles_held+=$(tail -n +2 <<< "$answer")$'\n'
    path=''
    if [[ $next == "$graph/v1.0/"* ]]; then path=${next#"$graph/v1.0/"}; fi
  done
}

# Grants what is missing of the app roles on standard input, as `app_roles` gives them.
grant() {
  local to=$1 app api role name for_ at=''
  held "$to"
  while IFS=$'\t' read -r app api role name for_; do
    if [[ $app != "$at" ]]; then
      at=$app
      service "$app"
    fi
    grant_one "$to" "$api" "$role" "$name" "$for_"
  done
}

# The tenant's service principal of an API, in `service`; empty where the tenant has never had it.
service() {
  service=''
  if graph GET "servicePrincipals(appId='$1')?\$select=id" --query id --output tsv; then
    service=$answer
  else
    is_absent || fail "looking the API $1 up in Microsoft Graph: $why"
  fi
}

grant_one() {
  local to=$1 api=$2 role=$3 name=$4 for_=$5
  local what="$name of $api"
  if [[ ! $service ]]; then
    lacks "$what, for $for_: the tenant has never had $api; where it has the licence, az ad sp create --id $app and run this again"
  elif grep -qxF "$service $role" <<< "$roles_held"; then
    say "  $what: there already"
  elif graph POST "servicePrincipals/$service/appRoleAssignedTo" --output none --body \
    "{\"principalId\":\"$to\",\"resourceId\":\"$service\",\"appRoleId\":\"$role\"}"; then
    changed "  $what: granted"
  elif is_denied; then
    lacks "$what, for $for_: this is the turn of a Privileged Role Administrator (az login --tenant $tenant --allow-no-subscriptions): infra/grant.sh $again"
  else
    lacks "$what, for $for_: $why"
  fi
}

# Grants what collecting reads of Azure in a management group; in subscriptions the template does.
azure_grant() {
  local to=$1 scope=/providers/Microsoft.Management/managementGroups/$2 role name what
  while IFS=$'\t' read -r role name; do
    what="$name at the management group $2"
    must "$what" 'a Reader of the management group' role assignment list --assignee "$to" --role "$role" \
      --scope "$scope" --query '[].id' --output tsv
    if [[ $answer ]]; then
      say "  $what: there already"
    elif ask role assignment create --assignee-object-id "$to" --assignee-principal-type ServicePrincipal \
      --role "$role" --scope "$scope" --output none; then
      changed "  $what: granted"
    elif is_denied; then
      lacks "$what: this is the turn of an owner or User Access Administrator of it, who runs this same line"
    else
      lacks "$what: $why"
    fi
  done < <(azure_roles collect)
}
