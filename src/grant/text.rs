//! What people are to do, as text: commands with comments, so that the whole can be pasted into a shell.
//! Pure.

use super::command::{command, publisher};
use super::{Grant, Grantee, Outcome, Standing};
use crate::cloud::Identity;
use crate::permissions::{Role, application};
use crate::source::{Api, Permission};
use crate::tenant::Tenant;

/// The commands that grant everything in a tenant, for whoever administers it.
pub fn commands(tenant: &Tenant, grants: &[Grant], app: Option<&str>) -> String {
    let mut lines = vec![
        format!("# What {} grants, for a POSIX shell.", title(tenant)),
        "# App roles need the directory role Privileged Role Administrator, Azure roles an owner of the scope."
            .to_owned(),
        "# An app role that is there already answers 400; `posture grant --apply` leaves it out.".to_owned(),
        sign_in(tenant),
    ];
    for grant in grants {
        lines.push(format!("\n# To the identity {}, which {}:", grant.to.identity, grant.purpose));
        lines.extend(grant.roles.iter().map(|role| with_reason(role, &grant.to)));
    }
    let own = tenant.logs.as_ref().filter(|logs| logs.sender().application().is_none());
    match (own, app) {
        (Some(logs), Some(app)) => {
            let rules: Vec<_> = logs.rules().into_iter().collect();
            lines.push(format!("\n# To the app's own identity {app}:"));
            lines.push(publishing(&rules, app));
        }
        (Some(_), None) => lines.push(
            "\n# Set AZURE_CLIENT_ID to have the commands by which the app may send rows too."
                .to_owned(),
        ),
        (None, _) => {}
    }
    lines.join("\n")
}

/// The tenant's name with its id, or the id alone.
fn title(tenant: &Tenant) -> String {
    match tenant.name == tenant.id {
        true => tenant.id.clone(),
        false => format!("{} ({})", tenant.name, tenant.id),
    }
}

/// Which cloud and tenant the commands are for.
fn sign_in(tenant: &Tenant) -> String {
    let cloud = match tenant.cloud.name {
        "gcc-high" | "dod" => "az cloud set --name AzureUSGovernment && ",
        "china" => "az cloud set --name AzureChinaCloud && ",
        _ => "",
    };
    format!("{cloud}az login --tenant {}", tenant.id)
}

fn with_reason(role: &Role, to: &Grantee) -> String {
    let command = command(role.permission, role.api, to);
    format!("# {}\n{command}", reason(role))
}

fn reason(role: &Role) -> String {
    format!("{} of {}, for {}", role.name(), role.api, role.needed_for.join(", "))
}

fn publishing(rules: &[&str], identity: &str) -> String {
    let of = |rule: &&str| {
        let command = publisher(rule, identity);
        format!("# Monitoring Metrics Publisher on the collection rule {rule}, for rows\n{command}")
    };
    rules.iter().map(of).collect::<Vec<_>>().join("\n")
}

/// The link by which an administrator of the tenant consents to what the application asks for.
///
/// <https://learn.microsoft.com/entra/identity-platform/v2-admin-consent>
pub fn consent_link(tenant: &Tenant, client_id: &str) -> String {
    format!("{}/{}/adminconsent?client_id={client_id}", tenant.cloud.sign_in, tenant.id)
}

/// What a customer of a provider does, and what the provider does before.
pub fn customer(tenant: &Tenant, grants: &[Grant]) -> String {
    let is_user = matches!(tenant.tokens().identity(), Identity::Delegated { .. });
    let (title, id) = (title(tenant), &tenant.id);
    let mut lines = vec![
        format!("# What {title} does so that it can be read; for a POSIX shell."),
        "\n# 1. The provider, in its own tenant: the application asks for these permissions."
            .to_owned(),
    ];
    for Grant { to, purpose, roles } in grants {
        lines.push(format!("# The application {}, which {purpose}:", to.identity));
        for api in [Api::Graph, Api::Defender] {
            lines.extend(permissions(to.identity, api, roles, is_user));
        }
    }
    lines.push(
        "\n# 2. The customer: a Privileged Role Administrator opens each link and accepts."
            .to_owned(),
    );
    let link = |grant: &Grant| format!("# {}", consent_link(tenant, grant.to.identity));
    lines.extend(grants.iter().map(link));
    if is_user {
        lines.push(format!("# Then the user who reads signs in: posture consent --tenant {id}"));
    }
    lines.extend(grants.iter().flat_map(|grant| azure(tenant, grant)));
    lines.extend(workspace(tenant));
    lines.join("\n")
}

/// The permissions of one API: those of an application by a command, a user's by name.
fn permissions(client: &str, api: Api, roles: &[Role], is_user: bool) -> Vec<String> {
    let roles: Vec<_> = roles.iter().filter(|role| role.api == api).collect();
    let Some((name, id)) = application(api).filter(|_| !roles.is_empty()) else {
        return Vec::new();
    };
    let mut lines = vec![format!("# {name} ({id}):")];
    if is_user {
        let delegated = roles.iter().map(|role| match api {
            Api::Defender => role.name().trim_end_matches(".All"),
            _ => role.name(),
        });
        let delegated: Vec<_> = delegated.collect();
        lines.push(format!("#   delegated: {}", delegated.join(", ")));
        return lines;
    }
    let line = |role: &&Role| {
        format!("#   {} {}, for {}", role.name(), role.id(), role.needed_for.join(", "))
    };
    lines.extend(roles.iter().map(line));
    let ids: Vec<_> = roles.iter().map(|role| format!("{}=Role", role.id())).collect();
    let ids = ids.join(" ");
    lines
        .push(format!("az ad app permission add --id {client} --api {id} --api-permissions {ids}"));
    lines
}

fn azure(tenant: &Tenant, grant: &Grant) -> Vec<String> {
    let is_azure = |role: &&Role| matches!(role.permission, Permission::AzureRole(..));
    let roles: Vec<_> = grant.roles.iter().filter(is_azure).collect();
    if roles.is_empty() {
        return Vec::new();
    }
    let who = "\n# 3. The customer: an owner of the subscriptions or the management group, after consent.";
    let mut lines = vec![who.to_owned(), sign_in(tenant)];
    lines.extend(roles.iter().map(|role| with_reason(role, &grant.to)));
    lines
}

/// The customer's own collection rules take rows of an application of the customer's tenant only.
fn workspace(tenant: &Tenant) -> Vec<String> {
    let Some(logs) = &tenant.logs else { return Vec::new() };
    let sender = logs.sender().application();
    let Some(sender) = sender.filter(|sender| sender.tenant.eq_ignore_ascii_case(&tenant.id))
    else {
        return Vec::new();
    };
    let rules: Vec<_> = logs.rules().into_iter().collect();
    vec![
        "\n# 4. The customer: an owner of its collection rules lets the application send rows."
            .to_owned(),
        publishing(&rules, &sender.client_id),
    ]
}

/// Whether a tenant must consent again, and by which link.
pub fn overview(tenant: &Tenant, standing: &Standing) -> String {
    let name = title(tenant);
    let mut lines = Vec::new();
    if !standing.lacks.is_empty() {
        let lacks: Vec<_> = standing.lacks.iter().map(reason).collect();
        lines.push(format!("{name}: must consent again, lacks"));
        lines.extend(lacks.iter().map(|role| format!("  {role}")));
        let (id, identity) = (&tenant.id, tenant.tokens().identity());
        lines.push(match identity.application() {
            Some(from) => format!("  by {}", consent_link(tenant, &from.client_id)),
            None => format!("  by `posture grant --tenant {id} --apply`"),
        });
    }
    let troubles = standing.troubles.iter();
    lines.extend(troubles.map(|trouble| format!("{name}: can't be told: {trouble}")));
    if lines.is_empty() {
        lines.push(format!("{name}: has consented to everything"));
    }
    lines.join("\n")
}

/// What became of each role of each grant.
pub fn applied(grants: &[Grant], outcomes: &[Vec<Outcome>]) -> String {
    let mut lines = Vec::new();
    for (grant, outcomes) in grants.iter().zip(outcomes) {
        lines.push(format!("To the identity {}, which {}:", grant.to.identity, grant.purpose));
        for (role, outcome) in grant.roles.iter().zip(outcomes) {
            let became = match (outcome, application(role.api)) {
                (Outcome::There, _) => "there already".to_owned(),
                (Outcome::Granted, _) => "granted".to_owned(),
                (Outcome::NoProduct, Some((name, id))) => format!(
                    "not granted, the tenant has never had {name}: where it has the licence, `az ad sp create \
                     --id {id}` and run this again"
                ),
                (Outcome::NoProduct | Outcome::Azure, _) => {
                    let command = command(role.permission, role.api, &grant.to);
                    format!("no app role, not looked at; it is granted by\n{command}")
                }
            };
            lines.push(format!("  {} of {}: {became}", role.name(), role.api));
        }
    }
    lines.join("\n")
}
