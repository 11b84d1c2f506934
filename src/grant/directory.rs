//! Grants app roles through Microsoft Graph, as whoever is signed in. What is there stays as it is.

use super::plan::{Grant, ONE_IDENTITY};
use crate::cloud::{CallError, Cloud, Meter, Patience, Pipeline, canonical};
use crate::permissions::{Role, application};
use crate::source::{Api, Permission};
use azure_core::http::headers::CONTENT_TYPE;
use azure_core::http::{Method, Request, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::{HashMap, HashSet};

/// Why nothing, or not all, is granted.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The signed-in person may not.
    #[error(
        "{0}: sign in (`az login --tenant <id>`) as somebody with the directory role Privileged Role \
         Administrator, or as an application with AppRoleAssignment.ReadWrite.All and Application.Read.All"
    )]
    Denied(CallError),
    /// No such identity.
    #[error(
        "there is no service principal {0} in this tenant: check --identity and --act-identity; for an \
         application of another tenant open the consent link of `posture grant --tenant <id>` first"
    )]
    Unknown(String),
    /// One identity for both.
    #[error("{}", ONE_IDENTITY)]
    OneIdentity,
    /// Anything else.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// What became of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was there.
    There,
    /// It is granted now.
    Granted,
    /// The tenant has no service principal of the API: it never had the product.
    NoProduct,
    /// It is Azure's own and not granted through Microsoft Graph.
    Azure,
}

/// The tenant's directory.
#[derive(Debug)]
pub struct Directory {
    pipeline: Pipeline,
    cloud: &'static Cloud,
    patience: Patience,
    meter: Meter,
}

#[derive(Deserialize)]
struct Principal {
    id: String,
}

#[derive(Deserialize)]
struct Assignments {
    value: Vec<Assignment>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assignment {
    resource_id: String,
    app_role_id: String,
}

/// Resource and role of each assignment.
type Held = HashSet<(String, String)>;

impl Directory {
    /// The directory that `pipeline` asks Microsoft Graph for.
    pub fn new(pipeline: Pipeline, cloud: &'static Cloud, patience: Patience) -> Directory {
        Directory { pipeline, cloud, patience, meter: Meter::default() }
    }

    /// Carries the grants out and says what became of each role, in order.
    ///
    /// All identities are looked up before the first role is granted.
    ///
    /// # Errors
    ///
    /// [`GrantError`]; what was granted before stays, and a further try goes on there.
    pub async fn apply(&self, grants: &[Grant<'_>]) -> Result<Vec<Vec<Outcome>>, GrantError> {
        let mut principals: Vec<String> = Vec::new();
        for grant in grants {
            let principal = self.principal(grant.to.identity).await?;
            if principals.contains(&principal) {
                return Err(GrantError::OneIdentity);
            }
            principals.push(principal);
        }
        let mut outcomes = Vec::new();
        for (grant, principal) in grants.iter().zip(&principals) {
            outcomes.push(self.grant(principal, &grant.roles).await?);
        }
        Ok(outcomes)
    }

    async fn grant(&self, principal: &str, roles: &[Role]) -> Result<Vec<Outcome>, GrantError> {
        let held = self.held(principal).await?;
        let mut resources = HashMap::new();
        let mut outcomes = Vec::new();
        for role in roles {
            let (Permission::AppRole(..), Some((_, id))) = (role.permission, application(role.api))
            else {
                outcomes.push(Outcome::Azure);
                continue;
            };
            if !resources.contains_key(id) {
                resources.insert(id, self.by_client_id(id).await?);
            }
            outcomes.push(match &resources[id] {
                None => Outcome::NoProduct,
                Some(resource) if has(&held, resource, role.id()) => Outcome::There,
                Some(resource) => self.assign(principal, resource, role.id()).await?,
            });
        }
        Ok(outcomes)
    }

    /// The object id of an identity that is named by its client id or by that object id.
    async fn principal(&self, identity: &str) -> Result<String, GrantError> {
        if let Some(id) = self.by_client_id(identity).await? {
            return Ok(id);
        }
        let found = self.find(&format!("/v1.0/servicePrincipals/{identity}?$select=id")).await?;
        found.ok_or_else(|| GrantError::Unknown(identity.to_owned()))
    }

    async fn by_client_id(&self, id: &str) -> Result<Option<String>, GrantError> {
        self.find(&format!("/v1.0/servicePrincipals(appId='{id}')?$select=id")).await
    }

    async fn find(&self, path: &str) -> Result<Option<String>, GrantError> {
        let request = self.request(path, Method::Get);
        match self.send::<Principal>(&request).await {
            Ok(principal) => Ok(Some(principal.id)),
            Err(CallError::Rejected { status: 404, .. }) => Ok(None),
            Err(error) => Err(explained(error)),
        }
    }

    async fn held(&self, principal: &str) -> Result<Held, GrantError> {
        let mut held = Held::new();
        let mut path = format!("/v1.0/servicePrincipals/{principal}/appRoleAssignments");
        loop {
            let request = self.request(&path, Method::Get);
            let page = self.send::<Assignments>(&request).await.map_err(explained)?;
            held.extend(page.value.into_iter().map(|one| (one.resource_id, one.app_role_id)));
            let Some(next) = page.next else { return Ok(held) };
            let route = self.pipeline.wire().route(self.cloud.graph);
            let foreign = || CallError::Unavailable {
                what: "a next link to elsewhere".to_owned(),
                path: path.clone(),
                tries: 1,
            };
            let next = canonical(&next, Api::Graph, self.cloud, route).map_err(|_| foreign())?;
            path = next.strip_prefix(self.cloud.graph).ok_or_else(foreign)?.to_owned();
        }
    }

    /// The service answers 400 to a role that is there, which a try before this one may have brought.
    async fn assign(
        &self,
        principal: &str,
        resource: &str,
        role: &str,
    ) -> Result<Outcome, GrantError> {
        let path = format!("/v1.0/servicePrincipals/{resource}/appRoleAssignedTo");
        let mut request = self.request(&path, Method::Post);
        request.insert_header(CONTENT_TYPE, "application/json");
        let body = json!({ "principalId": principal, "resourceId": resource, "appRoleId": role });
        request.set_body(body.to_string());
        match self.send::<Assignment>(&request).await {
            Ok(_) => Ok(Outcome::Granted),
            Err(error @ CallError::Rejected { status: 400, .. }) => {
                match has(&self.held(principal).await?, resource, role) {
                    true => Ok(Outcome::There),
                    false => Err(error.into()),
                }
            }
            Err(error) => Err(explained(error)),
        }
    }

    fn request(&self, path: &str, method: Method) -> Request {
        let url = format!("{}{path}", self.cloud.graph);
        #[expect(
            clippy::expect_used,
            reason = "an origin of the table with a path of ours or canonical's"
        )]
        let url = Url::parse(&url).expect("an origin and a path");
        Request::new(url, method)
    }

    async fn send<T: DeserializeOwned>(&self, request: &Request) -> Result<T, CallError> {
        let read = |answer: crate::cloud::Answer| {
            serde_json::from_slice(&answer.body).map_err(|_| "an unreadable answer".to_owned())
        };
        self.pipeline.send(request, &self.patience, &self.meter, read).await
    }
}

fn has(held: &Held, resource: &str, role: &str) -> bool {
    held.iter().any(|(at, id)| at.eq_ignore_ascii_case(resource) && id.eq_ignore_ascii_case(role))
}

fn explained(error: CallError) -> GrantError {
    match error {
        CallError::Denied { .. } => GrantError::Denied(error),
        other => GrantError::Call(other),
    }
}
