//! A tenant's directory: service principals, and the app roles that they hold.
//!
//! The application of the tenant holds the roles of its tokens; a role that is granted to it is in the
//! tokens issued from then on. The other principals are an identity for response actions, and the two
//! services that define roles.

mod roles;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use warp::http::Method;

use super::error;
use crate::answer::Answer;
use crate::entra::Claims;
use crate::entra::identity::principal;
use crate::generate::Draw;
use crate::options::Tenant;
use crate::state::{Request, State, lock};
use crate::web;
use roles::{DEFENDER, GRAPH, ROLES};

const PATH: &str = "/v1.0/serviceprincipals";
/// Assignments on one page.
const PAGE: usize = 5;

/// Template ids of the directory roles whose holders may grant app roles: Global Administrator,
/// Privileged Role Administrator.
///
/// <https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference>
const GRANTERS: [&str; 2] =
    ["62e90394-69f5-4237-9190-012177145e10", "e8611ab8-c189-46e8-94e4-60213ab1f814"];
/// The directory role that a developer's sign-in has where it may grant.
pub(crate) const PRIVILEGED_ROLE_ADMINISTRATOR: &str = GRANTERS[1];

/// Roles that were granted to others than the tenant's application: tenant, principal, role's id.
pub(crate) type Granted = BTreeSet<(String, String, String)>;

/// Client id of the identity for response actions.
pub(crate) fn action_client(tenant: &Tenant) -> String {
    Draw::new(tenant.seed, "action client", 0).guid()
}

/// Object id of the identity for response actions.
pub(crate) fn action_principal(tenant: &Tenant) -> String {
    Draw::new(tenant.seed, "action principal", 0).guid()
}

/// Grants roles to the identity for response actions, by their names.
pub(crate) fn let_act(state: &State, tenant: &Tenant, names: &[&str]) {
    let of_name = |name: &&str| ROLES.iter().find(|(_, known, _)| known == name);
    for (_, _, role) in names.iter().filter_map(of_name) {
        let key = (tenant.id.clone(), action_principal(tenant), (*role).to_owned());
        lock(&state.granted).insert(key);
    }
}

/// Whether a path is the directory's.
pub(super) fn is_route(path: &str) -> bool {
    path.to_ascii_lowercase().starts_with(PATH)
}

/// A service principal: its object id and its client id.
struct Principal {
    id: String,
    client: String,
}

fn principals(state: &State, tenant: &Tenant) -> Vec<Principal> {
    let id = |what: &'static str| Draw::new(tenant.seed, what, 0).guid();
    let mut all = vec![
        // The managed identity of the first tenant has that tenant's client id.
        Principal { id: own_id(state, tenant), client: tenant.client_id.clone() },
        Principal { id: action_principal(tenant), client: action_client(tenant) },
        Principal { id: id("graph principal"), client: GRAPH.to_owned() },
    ];
    if !lock(&state.without_defender).contains(&tenant.id) {
        all.push(Principal { id: id("defender principal"), client: DEFENDER.to_owned() });
    }
    all
}

fn own_id(state: &State, tenant: &Tenant) -> String {
    match state.options.tenants.first() {
        Some(first) if first.id == tenant.id => principal(true),
        _ => Draw::new(tenant.seed, "own principal", 0).guid(),
    }
}

/// Answers one request for service principals.
pub(super) fn answer(state: &State, tenant: &Tenant, claims: &Claims, request: &Request) -> Answer {
    let has = |role: &str| claims.roles.iter().any(|one| one == role);
    let administers = claims.wids.iter().any(|role| GRANTERS.contains(&role.as_str()));
    // Any member of a directory may look service principals up.
    if claims.idtyp != "user" && !has("Application.Read.All") {
        return denied(state);
    }
    let all = principals(state, tenant);
    let path = request.path.to_ascii_lowercase();
    let (named, below) = named(&path[PATH.len()..]);
    let found = all.iter().find(|one| match named {
        Named::Client(client) => one.client == client,
        Named::Object(id) => one.id == id,
    });
    let Some(found) = found else { return unknown(state, &path) };
    match (&request.method, below) {
        (&Method::GET, "") => Answer::json(200, &json!({ "id": found.id, "appId": found.client })),
        (&Method::GET, "approleassignments") => list(state, tenant, &all, found, &request.query),
        (&Method::POST, "approleassignedto") => {
            if !(administers || has("AppRoleAssignment.ReadWrite.All")) {
                return denied(state);
            }
            assign(state, tenant, &all, found, &request.body)
        }
        _ => error(state, 404, "ResourceNotFound", "Resource not found for the segment."),
    }
}

enum Named<'a> {
    Client(&'a str),
    Object(&'a str),
}

/// Whom `(appId='…')/…` or `/<id>/…` names, and what of it.
fn named(rest: &str) -> (Named<'_>, &str) {
    match rest.strip_prefix("(appid='").and_then(|rest| rest.split_once("')")) {
        Some((client, below)) => (Named::Client(client), below.trim_start_matches('/')),
        None => {
            let rest = rest.trim_start_matches('/');
            let (id, below) = rest.split_once('/').unwrap_or((rest, ""));
            (Named::Object(id), below)
        }
    }
}

fn held(state: &State, tenant: &Tenant, all: &[Principal], of: &Principal) -> Vec<Value> {
    let own = state.roles(&tenant.id);
    let granted = lock(&state.granted);
    let holds = |(_, name, role): &&(&str, &str, &str)| {
        let key = (tenant.id.clone(), of.id.clone(), (*role).to_owned());
        granted.contains(&key) || of.client == tenant.client_id && own.iter().any(|one| one == name)
    };
    let shown = |(service, _, role): &(&str, &str, &str)| {
        let resource = all.iter().find(|one| one.client == *service)?;
        Some(assignment(of, &resource.id, role))
    };
    ROLES.iter().filter(holds).filter_map(shown).collect()
}

fn assignment(principal: &Principal, resource: &str, role: &str) -> Value {
    json!({
        "id": format!("{}-{role}", principal.id), "appRoleId": role, "deletedDateTime": null,
        "principalId": principal.id, "principalType": "ServicePrincipal", "resourceId": resource,
    })
}

fn list(state: &State, tenant: &Tenant, all: &[Principal], of: &Principal, query: &str) -> Answer {
    let query = web::pairs(query);
    let skip = web::value(&query, "$skiptoken").and_then(|text| text.parse().ok()).unwrap_or(0);
    let held = held(state, tenant, all, of);
    let mut body = json!({ "value": held.iter().skip(skip).take(PAGE).collect::<Vec<_>>() });
    if held.len() > skip + PAGE {
        let base = state.base(crate::fault::Api::Graph);
        let next = skip + PAGE;
        body["@odata.nextLink"] = json!(format!(
            "{base}/v1.0/servicePrincipals/{}/appRoleAssignments?$skiptoken={next}",
            of.id
        ));
    }
    Answer::json(200, &body)
}

fn assign(
    state: &State,
    tenant: &Tenant,
    all: &[Principal],
    resource: &Principal,
    body: &[u8],
) -> Answer {
    let refuse = |text: &str| error(state, 400, "Request_BadRequest", text);
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let field = |name: &str| body[name].as_str().unwrap_or_default().to_ascii_lowercase();
    if field("resourceId") != resource.id {
        return refuse("Invalid value specified for property 'resourceId'.");
    }
    let role = field("appRoleId");
    let known = ROLES.iter().find(|(service, _, id)| *service == resource.client && *id == role);
    let Some((_, name, _)) = known else {
        return refuse("Permission being assigned was not found on application.");
    };
    let Some(to) = all.iter().find(|one| one.id == field("principalId")) else {
        return unknown(state, &field("principalId"));
    };
    if held(state, tenant, all, to).iter().any(|one| one["appRoleId"] == *role) {
        return refuse("Permission being assigned already exists on the object.");
    }
    if to.client == tenant.client_id {
        let mut roles = state.roles(&tenant.id);
        roles.push((*name).to_owned());
        let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
        state.set_roles(&tenant.id, &roles);
    } else {
        lock(&state.granted).insert((tenant.id.clone(), to.id.clone(), role.clone()));
    }
    Answer::json(201, &assignment(to, &resource.id, &role))
}

/// What an identity holds, by name.
pub(crate) fn names(state: &State, tenant: &Tenant, client: &str) -> Vec<String> {
    let all = principals(state, tenant);
    let Some(of) = all.iter().find(|one| one.client == client) else { return Vec::new() };
    let held = held(state, tenant, &all, of);
    let has = |id: &str| held.iter().any(|one| one["appRoleId"] == id);
    ROLES.iter().filter(|(_, _, id)| has(id)).map(|(_, name, _)| (*name).to_owned()).collect()
}

fn denied(state: &State) -> Answer {
    let text = "Insufficient privileges to complete the operation.";
    error(state, 403, "Authorization_RequestDenied", text)
}

fn unknown(state: &State, what: &str) -> Answer {
    let text = format!(
        "Resource '{what}' does not exist or one of its queried reference-property objects are not present."
    );
    error(state, 404, "Request_ResourceNotFound", &text)
}
