//! Who carries response actions out in a tenant, and whether that identity may.

use super::{Finding, token};
use crate::cloud::{Claims, Patience};
use crate::permissions::{self, Role};
use crate::source::Api;
use crate::tenant::Tenant;

const AREA: &str = "actions";

/// Looks at the identity for actions; at nothing where the tenant allows none.
pub(super) async fn look(tenant: &Tenant, patience: &Patience) -> Vec<Finding> {
    let allowed = &tenant.actions.allowed;
    if allowed.is_empty() {
        return Vec::new();
    }
    let names: Vec<_> = allowed.iter().map(|action| action.name().to_owned()).collect();
    let acting = match tenant.acting() {
        Ok(acting) => acting,
        Err(why) => {
            let finding = Finding::good(AREA, "identity", format!("nobody acts: {why}"));
            return vec![finding.wrong("see docs/actions.md, or take the actions out")];
        }
    };
    let needed = permissions::to_act(&names);
    let mut findings = Vec::new();
    for api in [Api::Defender, Api::Graph] {
        let roles: Vec<_> = needed.iter().filter(|role| role.api == api).collect();
        if roles.is_empty() {
            continue;
        }
        let pipeline = match api {
            Api::Graph => acting.graph(),
            _ => acting.defender(),
        };
        let origin = tenant.cloud.origin(api);
        match token::look(pipeline, (AREA, origin), Some(&tenant.id), patience).await {
            Ok((token, claims)) => {
                findings.push(token);
                findings.extend(claims.and_then(|claims| missing(&roles, &claims)));
            }
            Err(finding) => findings.push(finding),
        }
    }
    findings
}

/// The roles that a token lacks, where it lacks some.
fn missing(roles: &[&Role], claims: &Claims) -> Option<Finding> {
    let lacking: Vec<_> = roles.iter().filter(|role| !claims.has(role.name())).collect();
    let names: Vec<_> = lacking.iter().map(|role| role.name()).collect();
    let actions: Vec<_> = lacking.iter().flat_map(|role| &role.needed_for).copied().collect();
    (!lacking.is_empty()).then(|| {
        let says = format!("the identity for actions lacks {}", names.join(", "));
        let next = format!(
            "posture grant --act {} --act-identity <its client id>; a new grant may take hours to reach the \
             tokens",
            actions.join(",")
        );
        Finding::good(AREA, "app roles", says).wrong(next)
    })
}
