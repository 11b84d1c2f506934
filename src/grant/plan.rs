//! What is to be granted in a tenant: which roles, to which identity. Pure.

use super::Grantee;
use crate::permissions::{self, Role};
use crate::tenant::Tenant;

/// Roles of one identity.
#[derive(Debug)]
pub struct Grant<'a> {
    /// Who gets them.
    pub to: Grantee<'a>,
    /// What for, such as `collects`.
    pub purpose: &'static str,
    /// The roles, each once.
    pub roles: Vec<Role>,
}

/// What is wanted beside collecting, and for whom.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The identity that collects.
    pub identity: Option<String>,
    /// The identity that carries out response actions.
    pub act_identity: Option<String>,
    /// Whether things are looked up live.
    pub live: bool,
    /// Response actions by name.
    pub actions: Vec<String>,
}

/// What reading this tenant needs: its sources, as far as its cloud has them, and the look-ups where
/// `live` is set.
pub fn to_read(tenant: &Tenant, live: bool) -> Vec<Role> {
    let is_there = |source: &&_| tenant.cloud.lacks(source).is_none();
    let sources: Vec<_> = tenant.sources.iter().filter(is_there).copied().collect();
    permissions::to_read(&sources, live && !tenant.cloud.defender.is_empty())
}

/// The grants in a tenant. Roles that act go to the action identity only.
///
/// # Errors
///
/// Where an identity isn't named, or both are the same one.
pub fn plan<'a>(tenant: &'a Tenant, wanted: &'a Wanted) -> Result<Vec<Grant<'a>>, String> {
    let to = |identity: &'a str| {
        let (tenant_id, cloud, azure) = (&tenant.id, tenant.cloud, &tenant.azure);
        Grantee { identity, tenant: tenant_id, cloud, azure }
    };
    let own = wanted.identity.as_deref().ok_or(
        "nobody says which identity collects: name its client id or object id by --identity, or set \
         AZURE_CLIENT_ID or POSTURE_CLIENT_ID",
    )?;
    let reading = Grant { to: to(own), purpose: "collects", roles: to_read(tenant, wanted.live) };
    if wanted.actions.is_empty() {
        return Ok(vec![reading]);
    }
    let acting = wanted.act_identity.as_deref().ok_or(
        "nobody says which identity acts: name one apart from the collecting one by --act-identity, or \
         set POSTURE_ACTION_CLIENT_ID",
    )?;
    if acting.eq_ignore_ascii_case(own) {
        return Err(ONE_IDENTITY.to_owned());
    }
    let roles = permissions::to_act(&wanted.actions);
    Ok(vec![reading, Grant { to: to(acting), purpose: "acts", roles }])
}

pub(super) const ONE_IDENTITY: &str = "the identity that acts is the one that collects: give the response \
     actions an identity of their own and name it by --act-identity";
