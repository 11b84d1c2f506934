#!/usr/bin/env bash
# Step 1, before the button: makes the user-assigned identity and grants it the app roles that collecting
# needs; for a provider, makes the multi-tenant registration. A second run changes nothing, and after a new
# release it adds what new sources need. Takes the Azure CLI, signed in; what to grant is in
# generated/permissions.json.
set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=infra/steps/say.sh
. "$(dirname "${BASH_SOURCE[0]}")/steps/say.sh"
# shellcheck source=infra/steps/identity.sh
. "$here/steps/identity.sh"
# shellcheck source=infra/steps/registration.sh
. "$here/steps/registration.sh"

usage() {
  cat << 'END'
infra/grant.sh --resource-group NAME [--location REGION]

  --name NAME             the identity that collects (posture-collect)
  --identity ID           instead of the two: the resource id of one that the template has made
  --live                  also what live look-ups need
  --object-id ID          instead of all these: the object id of an identity that is there; only app roles are looked
                          at, for a Privileged Role Administrator who may see nothing of the subscription
  --act LIST              also an identity apart, for these response actions: isolate,release,scan,control-profile
  --act-name NAME         its name (posture-act); --act-object-id ID as above
  --management-group NAME also Security Reader there; in subscriptions the template grants it
  --provider NAME         a provider: make the multi-tenant registration NAME (and NAME-act with --act), which
                          customers consent to; the identity is its credential and gets no role itself
  --certificate VAULT     with --provider: a certificate made in that Key Vault instead of the identity
  --tenants FILE          with --provider: tenants.json, to name who must consent
  --classic-tables ID     also migrate the older solutions' tables of the workspace with that resource id, in
                          place (infra/tables.sh existing)
END
}

group='' region='' name=posture-collect live='' actions='' act_name=posture-act
registration_name='' vault='' tenants='' workspace='' identity_id='' object_id='' act_object_id='' management_group='' ids=()

options() {
  while (($#)); do
    case $1 in
      --live) live=on && shift && continue ;;
      --help | -h) usage && exit 0 ;;
    esac
    (($# > 1)) || fail "$1 needs a value (--help)"
    case $1 in
      --resource-group | -g) group=$2 ;;
      --location | -l) region=$2 ;;
      --name) name=$2 ;;
      --identity) identity_id=$2 ;;
      --object-id) object_id=$2 ;;
      --act-object-id) act_object_id=$2 ;;
      --management-group) management_group=$2 ;;
      --act) actions=$2 ;;
      --act-name) act_name=$2 ;;
      --provider) registration_name=$2 ;;
      --certificate) vault=$2 ;;
      --tenants) tenants=$2 ;;
      --classic-tables) workspace=$2 ;;
      *) fail "$1 isn't known (--help)" ;;
    esac
    shift 2
  done
}

# Group and name of an identity that is there, by its resource id.
named() {
  local shape='^/subscriptions/[^/]+/resource[Gg]roups/([^/]+)/providers/Microsoft.ManagedIdentity/userAssignedIdentities/([^/]+)$'
  [[ $identity_id =~ $shape ]] || fail "--identity $identity_id is no resource id of a user-assigned identity"
  group=${BASH_REMATCH[1]} name=${BASH_REMATCH[2]}
}

checks() {
  local action known
  if [[ $identity_id ]]; then named; fi
  if [[ $act_object_id && ! $actions ]]; then fail '--act-object-id goes with --act'; fi
  [[ $group || $object_id$act_object_id ]] || fail 'name the resource group of the identity by --resource-group (--help)'
  [[ $name != "$act_name" ]] || fail 'the identity that acts is the one that collects: give them two names'
  [[ $registration_name || ! $vault$tenants ]] || fail '--certificate and --tenants go with --provider'
  [[ ! $registration_name || $registration_name =~ ^[A-Za-z0-9._-]{1,100}$ ]] \
    || fail "--provider $registration_name: letters, digits, dots and hyphens, at most 100"
  [[ ! $tenants || -r $tenants ]] || fail "$tenants can't be read"
  known=$(app_roles act | cut -f 5 | tr -d ' ' | tr '\n' ',')
  for action in ${actions//,/ }; do
    [[ ,$known == *",$action,"* ]] || fail "--act $action isn't one of ${known%,}"
  done
}

# What reading needs, each role once.
roles_to_read() {
  { app_roles collect && if [[ $live ]]; then app_roles live; fi; } | awk -F '\t' '!had[$1, $3]++' | sort -s -k 1,1
}

# What the wanted actions need.
roles_to_act() {
  app_roles act | awk -F '\t' -v wanted=",$actions," '
    { n = split($5, action, ", "); for (i = 1; i <= n; i++) if (index(wanted, "," action[i] ",")) { print; next } }'
}

# One identity with its roles, or with the registration that it stands for.
purpose() {
  local identity_name=$1 registration=$2 roles=$3 credential=$4
  identity "$identity_name" "$group"
  until_known "$principal"
  again="$(options_of "$roles") $principal"
  if [[ $registration_name ]]; then
    registration "$registration"
    registration_principal
    required < <("$roles")
    if [[ $vault ]]; then certificate "$vault" "$registration"; else trust "$principal"; fi
    consent "$tenants" "$credential"
    ids+=("client id of the registration $registration: $application")
  else
    grant "$principal" < <("$roles")
  fi
  if [[ $management_group && $roles == roles_to_read ]]; then azure_grant "$principal" "$management_group"; fi
  ids+=("client id of the identity $identity_name: $client" "its resource id, for the template: $resource")
}

# What names the identity of a purpose by its object id.
options_of() {
  if [[ $1 == roles_to_act ]]; then echo "--act $actions --act-object-id"; else echo "${live:+--live }--object-id"; fi
}

# App roles alone, of identities that are there.
by_object_id() {
  if [[ $object_id ]]; then
    again="$(options_of roles_to_read) $object_id"
    grant "$object_id" < <(roles_to_read)
  fi
  if [[ $act_object_id ]]; then
    again="$(options_of roles_to_act) $act_object_id"
    grant "$act_object_id" < <(roles_to_act)
  fi
  report
}

main() {
  options "$@"
  checks
  signed_in
  [[ ! $identity_id || $identity_id == "/subscriptions/$subscription/"* ]] \
    || fail "the identity is in another subscription: az account set --subscription $(cut -d / -f 3 <<< "$identity_id")"
  if [[ $object_id$act_object_id ]]; then
    by_object_id
    return
  fi
  say "tenant $tenant, subscription $subscription"
  resource_group "$group"
  purpose "$name" "$registration_name" roles_to_read credential
  if [[ $actions ]]; then purpose "$act_name" "$registration_name-act" roles_to_act actionCredential; fi
  if [[ $workspace ]]; then
    "$here/tables.sh" existing --workspace "$workspace" || lacks 'the classic tables, see above'
  fi
  say '' && printf '%s\n' "${ids[@]}" && say ''
  say 'Azure roles (storage, collection rules, Security Reader in subscriptions) are granted by the template: give it the resource id.'
  say 'Deployed already with an identity of its own? Deploy again with that resource id: this starts the timer.'
  report
}

main "$@"
