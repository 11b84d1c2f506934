//! What response actions may do in a tenant, and as whom they are carried out.

use super::values::{Lookup, guid, wrong};
use super::{Action, Actions, Ground, SettingError, identity};
use crate::action::{Caps, Deny, Policy};
use crate::cloud::{Identity, Proof};
use std::collections::BTreeSet;

const CLIENT_ID: &str = "POSTURE_ACTION_CLIENT_ID";

/// Reads `POSTURE_ACTIONS`, `POSTURE_ACTION_DENY` and `POSTURE_ACTION_CAPS`.
///
/// # Errors
///
/// The first one that is wrong.
pub(super) fn policy(look: Lookup) -> Result<Policy, SettingError> {
    const DENY: &str = "POSTURE_ACTION_DENY";
    const CAPS: &str = "POSTURE_ACTION_CAPS";
    let deny = look(DENY).unwrap_or_else(|| Deny::DEFAULT.to_owned());
    let deny = Deny::read(deny.split(',')).map_err(|problem| {
        wrong(DENY, format!("has a wrong entry: {problem}"), "tag:vip,name:srv-dc*")
    })?;
    let caps = look(CAPS).unwrap_or_default();
    let caps = Caps::read(&caps).map_err(|problem| {
        wrong(CAPS, format!("has a wrong entry: {problem}"), "isolate=5,scan=50")
    })?;
    Ok(Policy { allowed: allowed(look)?, deny, caps })
}

fn allowed(look: Lookup) -> Result<BTreeSet<Action>, SettingError> {
    const NAME: &str = "POSTURE_ACTIONS";
    let text = look(NAME).unwrap_or_default();
    let names: Vec<_> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if let [] | ["off"] = names.as_slice() {
        return Ok(BTreeSet::new());
    }
    let read = |name: &&str| {
        let known: Vec<_> = Action::ALL.map(Action::name).to_vec();
        let problem = format!("has {name:?}, expected off or some of {}", known.join(", "));
        Action::named(name).ok_or_else(|| wrong(NAME, problem, "isolate,release"))
    };
    names.iter().map(read).collect()
}

/// The policy of a tenant of the file: what both it and the deployment allow, what either denies, and its
/// own caps in front of the deployment's.
///
/// # Errors
///
/// What is wrong, with the field.
pub(super) fn of_file(common: Policy, own: Option<&Actions>) -> Result<Policy, String> {
    let Some(own) = own else { return Ok(Policy { allowed: BTreeSet::new(), ..common }) };
    let mut deny = common.deny;
    for (index, rule) in own.deny.iter().enumerate() {
        let read = Deny::read([rule.as_str()]);
        deny = deny.and(read.map_err(|problem| format!("field actions.deny[{index}]: {problem}"))?);
    }
    let caps = Caps::of(own.caps.clone());
    let caps = caps.map_err(|problem| format!("field actions.caps: {problem}"))?;
    let allowed = common.allowed.intersection(&own.allowed).copied().collect();
    Ok(Policy { allowed, deny, caps: caps.or(&common.caps) })
}

/// Who carries actions out where the tenant has no credential of its own for that: at home, where a managed
/// identity collects, the identity that `POSTURE_ACTION_CLIENT_ID` names.
///
/// # Errors
///
/// Why there is nobody, as an administrator reads it.
pub(super) fn at_home(look: Lookup, collecting: &Identity) -> Result<Identity, String> {
    let Identity::ManagedIdentity { client_id } = collecting else {
        return Err(
            "an application collects here, and nothing says which other one acts: name one as \
             `actionCredential` of the tenant in tenants.json"
                .to_owned(),
        );
    };
    let id = look(CLIENT_ID).and_then(|id| guid(CLIENT_ID, Some(id)).ok());
    let id = id.ok_or_else(|| {
        format!("there is no identity for actions: name one apart from the collecting one by {CLIENT_ID}")
    })?;
    match client_id.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(&id)) {
        true => Err(one_identity()),
        false => Ok(Identity::ManagedIdentity { client_id: Some(id) }),
    }
}

/// The identity of a tenant's own `actionCredential`, which `look` gives by the names of settings. A managed
/// identity that stands behind it is the one that `POSTURE_ACTION_CLIENT_ID` names, never the app's own.
///
/// # Errors
///
/// What is wrong with the credential. Inside, why there is nobody to act all the same.
pub(super) fn apart(
    look: Lookup,
    ground: Ground,
    tenant: &str,
    collecting: &Identity,
) -> Result<Result<Identity, String>, SettingError> {
    let look = |name: &str| match name {
        "AZURE_CLIENT_ID" => look(CLIENT_ID),
        name => look(name),
    };
    let acting = identity(&look, ground, tenant)?;
    let lacks = format!("its credential needs the identity that {CLIENT_ID} names: set it");
    let problem = match &acting {
        Identity::AzureCli { .. } => Some(
            "whoever is signed in to the Azure CLI is nobody apart: choose another \
             `actionCredential`"
                .to_owned(),
        ),
        Identity::ManagedIdentity { client_id: None } => Some(lacks),
        acting if acting.application().is_some_and(|one| is_without_identity(&one.proof)) => {
            Some(lacks)
        }
        acting if is_same(acting, collecting) => Some(one_identity()),
        _ => None,
    };
    Ok(problem.map_or(Ok(acting), Err))
}

fn is_without_identity(proof: &Proof) -> bool {
    matches!(proof, Proof::Federated { identity: None, .. })
}

fn is_same(one: &Identity, other: &Identity) -> bool {
    match (one.client_id(), other.client_id()) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => false,
    }
}

fn one_identity() -> String {
    "the identity for actions is the one that collects: give actions an identity of their own"
        .to_owned()
}
