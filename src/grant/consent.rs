//! What a tenant has consented to, as its own tokens say: after sources were added, who must consent
//! again.

use super::plan::to_read;
use crate::permissions::Role;
use crate::source::Api;
use crate::tenant::Tenant;
use futures::future;

/// What is missing in a tenant.
#[derive(Debug, Default)]
pub struct Standing {
    /// Roles that are needed and in no token.
    pub lacks: Vec<Role>,
    /// Why roles can't be told, with the next step.
    pub troubles: Vec<String>,
}

impl Standing {
    /// Whether nobody has to do anything.
    pub fn is_complete(&self) -> bool {
        self.lacks.is_empty() && self.troubles.is_empty()
    }
}

/// Compares the app roles that the tenant's sources need with those in its tokens.
pub async fn standing(tenant: &Tenant, live: bool) -> Standing {
    let needed = to_read(tenant, live);
    let of = |api| {
        let roles: Vec<_> = needed.iter().filter(|role| role.api == api).cloned().collect();
        compare(tenant, api, roles)
    };
    let (graph, defender) = future::join(of(Api::Graph), of(Api::Defender)).await;
    let mut all = Standing::default();
    for result in [graph, defender] {
        match result {
            Ok(lacks) => all.lacks.extend(lacks),
            Err(trouble) => all.troubles.push(trouble),
        }
    }
    all
}

async fn compare(tenant: &Tenant, api: Api, mut needed: Vec<Role>) -> Result<Vec<Role>, String> {
    if needed.is_empty() {
        return Ok(needed);
    }
    let granted = tenant.tokens().claims(&tenant.cloud.scope(api)).await;
    let granted = granted.map_err(|error| error.to_string())?;
    let granted = granted.ok_or_else(|| format!("the token for {api} can't be read"))?;
    needed.retain(|role| !granted.has(role.name()));
    Ok(needed)
}
