# What every step script uses: its words, its calls of the Azure CLI, its reading of written files. Sourced.
# shellcheck shell=bash disable=SC2034,SC2154

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
missing=()
changes=0

say() { printf '%s\n' "$*"; }

fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# Notes what is still to be done, with whose turn it is; told at the end.
lacks() { missing+=("$1"); }

# Says that something was changed, which a second run doesn't do.
changed() {
  changes=$((changes + 1))
  say "$*"
}

# Calls the Azure CLI: `answer` is what it gave, `why` one line of what it complained about.
ask() {
  local errors status=0
  errors=$(mktemp)
  answer=$(az "$@" --only-show-errors 2> "$errors" < /dev/null) || status=$?
  why=$(tr -s '[:space:]' ' ' < "$errors" | cut -c 1-300)
  why=${why#ERROR: }
  rm -f "$errors"
  return "$status"
}

is_absent() { [[ $why =~ ResourceNotFound|ResourceGroupNotFound|Not\ Found|NotFound|does\ not\ exist|not\ be\ found ]]; }

is_denied() { [[ $why =~ Forbidden|AuthorizationFailed|RequestDenied|Insufficient\ privileges|does\ not\ have\ authorization ]]; }

# Calls it and ends the script where it fails; the first word says what for, the second whose turn it is.
must() {
  local what=$1 who=$2
  shift 2
  ask "$@" && return
  is_denied && fail "$what refused: this is the turn of $who ($why)"
  fail "$what: $why"
}

# Tenant, subscription and cloud of whoever is signed in: `tenant`, `graph`, `login`, `audience`.
signed_in() {
  command -v az > /dev/null || fail 'there is no Azure CLI here: open the Cloud Shell, or install it'
  ask account show --query '[tenantId, id]' --output tsv || fail "nobody is signed in: az login ($why)"
  read -r tenant subscription <<< "$(tr '\n' ' ' <<< "$answer")"
  must 'the cloud' 'whoever is signed in' cloud show --output tsv \
    --query '[name, endpoints.microsoftGraphResourceId, endpoints.activeDirectory, endpoints.resourceManager]'
  read -r cloud graph login manager <<< "$(tr '\n' ' ' <<< "$answer")"
  graph=${graph%/} login=${login%/} manager=${manager%/}
  case $cloud in
    AzureUSGovernment) audience=api://AzureADTokenExchangeUSGov ;;
    AzureChinaCloud) audience=api://AzureADTokenExchangeChina ;;
    *) audience=api://AzureADTokenExchange ;;
  esac
}

# Asks Microsoft Graph: method, path, further arguments.
graph() {
  local method=$1 path=$2
  shift 2
  ask rest --method "$method" --resource "$graph" --url "$graph/v1.0/$path" "$@"
}

# The values of a written file, as `path<TAB>value`.
values() {
  local file=$here/generated/$1
  [[ -r $file ]] || fail "$file isn't there: take the whole folder infra of a release, not this script alone"
  awk -f "$here/steps/json.awk" "$file"
}

# App roles of a set of permissions.json: application, its name, role, its name, and what needs it.
app_roles() {
  values permissions.json | awk -F '\t' -v set="$1" '
    { split($1, at, ".") }
    at[1] != set || at[2] != "apis" { next }
    at[4] == "appId" { id[at[3]] = $2 }
    at[4] == "api" { api[at[3]] = $2 }
    at[6] == "id" { role[at[3], at[5]] = $2 }
    at[7] != "" { for_[at[3], at[5]] = for_[at[3], at[5]] (for_[at[3], at[5]] ? ", " : "") $2 }
    at[6] == "name" { order[++n] = at[3] SUBSEP at[5]; name[at[3], at[5]] = $2 }
    END {
      for (i = 1; i <= n; i++) {
        split(order[i], at, SUBSEP)
        print id[at[1]] "\t" api[at[1]] "\t" role[order[i]] "\t" name[order[i]] "\t" for_[order[i]]
      }
    }'
}

# Azure roles of a set: role, its name.
azure_roles() {
  values permissions.json | awk -F '\t' -v set="$1" '
    { split($1, at, ".") }
    at[1] != set || at[2] != "azureRoles" { next }
    at[4] == "id" { id = $2 }
    at[4] == "name" { print id "\t" $2 }'
}

# The end of every step: what is missing, and by whom.
report() {
  local one
  ((changes)) || say 'nothing was to change'
  ((${#missing[@]})) || return 0
  say '' && say 'Missing:'
  for one in "${missing[@]}"; do say "- $one"; done
  return 1
}
