# A provider's multi-tenant registration: what it asks of customers, and its credential. Sourced behind
# identity.sh.
# shellcheck shell=bash disable=SC2034,SC2154

readonly app_admin='an Application Administrator or Cloud Application Administrator'

# Makes the registration where it isn't, under a name that stays: `object`, `application`.
registration() {
  local name=$1 ids='[id, appId]'
  if graph GET "applications(uniqueName='$name')?\$select=id,appId" --query "$ids" --output tsv; then
    say "registration $name: there already"
  else
    is_absent || fail "registration $name: $why"
    must "making the registration $name" "$app_admin" rest --method PATCH --resource "$graph" \
      --url "$graph/v1.0/applications(uniqueName='$name')" --headers Prefer=create-if-missing --output none \
      --body "{\"displayName\":\"$name\",\"signInAudience\":\"AzureADMultipleOrgs\",\"api\":{\"requestedAccessTokenVersion\":2}}"
    must "the registration $name" "$app_admin" rest --method GET --resource "$graph" --query "$ids" --output tsv \
      --url "$graph/v1.0/applications(uniqueName='$name')?\$select=id,appId"
    changed "registration $name: made"
  fi
  read -r object application <<< "$(tr '\n' ' ' <<< "$answer")"
}

registration_principal() {
  graph GET "servicePrincipals(appId='$application')?\$select=id" --query id --output tsv && return
  is_absent || fail "the registration's service principal: $why"
  must "the registration's service principal" "$app_admin" rest --method POST --resource "$graph" \
    --url "$graph/v1.0/servicePrincipals" --body "{\"appId\":\"$application\"}" --output none
  changed '  service principal: made'
}

# Adds what is missing of the app roles on standard input to what the registration asks for. What somebody
# else has added stays. `asks_more` lists the new ones.
required() {
  local wanted had app api role name for_
  wanted=$(cat)
  graph GET "applications/$object?\$select=requiredResourceAccess" --output tsv --query \
    "requiredResourceAccess[].[resourceAppId, join(' ', resourceAccess[].join('=', [id, type]))]" \
    || fail "what the registration asks for: $why"
  had=$(awk -F '\t' '{ n = split($2, of, " "); for (i = 1; i <= n; i++) print $1 "\t" of[i] }' <<< "$answer")
  asks_more=()
  while IFS=$'\t' read -r app api role name for_; do
    if grep -qxF "$app"$'\t'"$role=Role" <<< "$had"; then
      say "  asks for $name of $api: already"
    else
      asks_more+=("$name of $api, for $for_")
      had+=$'\n'$app$'\t'$role=Role
    fi
  done <<< "$wanted"
  ((${#asks_more[@]})) || return 0
  must 'what the registration asks for' "$app_admin" rest --method PATCH --resource "$graph" --output none \
    --url "$graph/v1.0/applications/$object" --body "$(access <<< "$had")"
  for name in "${asks_more[@]}"; do changed "  asks for $name: now"; done
}

# Lines of application and `role=type`, as the directory takes them.
access() {
  awk -F '\t' '
    $1 == "" { next }
    !($1 in of) { order[++n] = $1 }
    { split($2, role, "=")
      of[$1] = of[$1] (of[$1] ? "," : "") "{\"id\":\"" role[1] "\",\"type\":\"" role[2] "\"}" }
    END {
      for (i = 1; i <= n; i++)
        all = all (i > 1 ? "," : "") "{\"resourceAppId\":\"" order[i] "\",\"resourceAccess\":[" of[order[i]] "]}"
      print "{\"requiredResourceAccess\":[" all "]}"
    }'
}

# The identity's token stands in for a secret: issuer, subject and audience are compared letter by letter.
trust() {
  local issuer="$login/$tenant/v2.0" subject=$1 path="applications/$object/federatedIdentityCredentials"
  graph GET "$path" --output tsv --query "value[].join(' ', [issuer, subject, join(' ', audiences)])" \
    || fail "the registration's federated credentials: $why"
  if grep -qxF "$issuer $subject $audience" <<< "$answer"; then
    say '  federated credential of the identity: there already'
    return
  fi
  must "the registration's federated credential" "$app_admin" rest --method POST --resource "$graph" \
    --url "$graph/v1.0/$path" --output none --body \
    "{\"name\":\"posture-$subject\",\"issuer\":\"$issuer\",\"subject\":\"$subject\",\"audiences\":[\"$audience\"]}"
  changed '  federated credential of the identity: made; it works after a few minutes'
}

# A certificate made in the vault, whose key never leaves it; only its public part comes to the registration.
certificate() {
  local vault=$1 name=$2 thumbprint file
  local admin='whoever has Key Vault Certificates Officer on the vault'
  if ask keyvault certificate show --vault-name "$vault" --name "$name" --query x509ThumbprintHex --output tsv; then
    say "  certificate $name in $vault: there already"
  else
    is_absent || is_denied || fail "certificate $name: $why"
    must "the certificate $name" "$admin" keyvault certificate create --vault-name "$vault" --name "$name" \
      --policy "$(certificate_policy "$name")" --output none
    changed "  certificate $name in $vault: made, its key can't be exported"
    must "the certificate $name" "$admin" keyvault certificate show --vault-name "$vault" --name "$name" \
      --query x509ThumbprintHex --output tsv
  fi
  thumbprint=$answer
  ask ad app credential list --id "$application" --cert --query '[].displayName' --output tsv \
    || fail "the registration's certificates: $why"
  if grep -qxF "posture-$thumbprint" <<< "$answer"; then
    say "  its public part on the registration: there already"
    return
  fi
  file=$(mktemp -d)/$name.pem
  must "the certificate's public part" "$admin" keyvault certificate download --vault-name "$vault" \
    --name "$name" --encoding PEM --file "$file" --output none
  must "the registration's certificate" "$app_admin" ad app credential reset --id "$application" --append \
    --cert "@$file" --display-name "posture-$thumbprint" --output none
  rm -r "$(dirname "$file")"
  changed '  its public part on the registration: added'
}

certificate_policy() {
  printf '%s' '{"issuerParameters":{"name":"Self"},' \
    '"keyProperties":{"exportable":false,"keyType":"RSA","keySize":3072,"reuseKey":false},' \
    '"secretProperties":{"contentType":"application/x-pkcs12"},' \
    "\"x509CertificateProperties\":{\"subject\":\"CN=$1\",\"validityInMonths\":12,\"keyUsage\":[\"digitalSignature\"]}," \
    '"lifetimeActions":[{"action":{"actionType":"EmailContacts"},"trigger":{"daysBeforeExpiry":30}}]}'
}

# Who must consent, or consent again, and by which link: by a tenants.json those who are read, or acted in, by
# this registration.
consent() {
  local file=$1 credential=$2 id name
  if ((${#asks_more[@]} == 0)); then
    say '  nothing new is asked for; posture grant names who has not consented yet'
  elif [[ ! $file ]]; then
    lacks "each customer consents, again where it has before: a Privileged Role Administrator there opens $login/<tenant>/adminconsent?client_id=$application (--tenants tenants.json names them)"
  else
    while IFS=$'\t' read -r id name; do
      lacks "$name consents, again where it has before: $login/$id/adminconsent?client_id=$application"
    done < <(customers "$file" "$credential")
  fi
}

# Id and name of each enabled tenant that has no credential of its own, or this registration's; of actions,
# only where some are allowed.
customers() {
  awk -f "$here/steps/json.awk" "$1" | awk -F '\t' -v credential="$2" -v application="$application" '
    { split($1, at, ".") }
    at[1] == "tenants" {
      if (!(at[2] in seen)) { order[++count] = at[2]; seen[at[2]] = 1 }
      if (at[3] == "actions" && at[4] == "allowed") acts[at[2]] = 1
      if (at[3] == credential) of[at[2], credential, at[4]] = $2
      else of[at[2], at[3]] = $2
    }
    END {
      for (i = 1; i <= count; i++) {
        one = order[i]
        own = of[one, credential, "clientId"]
        if (of[one, "enabled"] == "false" || (own && own != application)) continue
        if (credential == "actionCredential" && !acts[one]) continue
        print of[one, "id"] "\t" (of[one, "name"] ? of[one, "name"] : of[one, "id"])
      }
    }'
}
