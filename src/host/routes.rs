//! The HTTP routes, the same whether the host forwards, proxies or wraps a request.

use super::problem::Choice;
use super::{Problem, Reply};
use crate::app::{App, KNOWN_FOR};
use crate::check;
use crate::ledger::LedgerError;
use crate::summary::{self, Known};
use crate::tenant::{Present, RosterError, Tenant};
use azure_core::http::Url;
use futures::future::try_join_all;
use std::sync::Arc;
use std::time::Duration;

/// How long what the ledger says of each of many tenants is answered from memory.
const KNOWN_OF_MANY_FOR: Duration = Duration::from_secs(60);
/// Tenants whose states are read beside one another.
const TENANTS_AT_ONCE: usize = 8;

/// The routes below `/api/`, for the text of a 404.
const ROUTES: &str = "/api/check, /api/health, /api/summary";

const NO_SUCH_TENANT: &str = "no such tenant in this deployment";

/// Answers a request: `path` begins with `/api/`, `query` is as it was sent.
pub async fn answer(app: &App, method: &str, path: &str, query: &str) -> Reply {
    let route = path.strip_prefix("/api").unwrap_or(path).trim_matches('/');
    let handler = match route {
        "check" | "health" | "summary" => route,
        _ => return Problem::new(404, format!("no such route, there are {ROUTES}")).into(),
    };
    if method != "GET" {
        return Problem::new(405, "this route answers GET only").into();
    }
    let outcome = match handler {
        "check" => diagnose(app, parameter(query, "tenant").as_deref()).await,
        "health" => health(app).await,
        _ => summarise(app, parameter(query, "tenant").as_deref()).await,
    };
    outcome.unwrap_or_else(Reply::from)
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let url = Url::parse(&format!("http://localhost/?{query}")).ok()?;
    let all = url.query_pairs().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    // A forwarding host joins a repeated key's values like this, and so no way picks one of them.
    let joined = all.map(|(_, value)| value.into_owned()).collect::<Vec<_>>().join(",");
    Some(joined).filter(|value| !value.is_empty())
}

async fn health(app: &App) -> Result<Reply, Problem> {
    let present = app.tenants().await.map_err(unknown)?;
    let age = if present.tenants.len() > 1 { KNOWN_OF_MANY_FOR } else { KNOWN_FOR };
    let mut tenants = Vec::new();
    for some in present.tenants.chunks(TENANTS_AT_ONCE) {
        let reads = try_join_all(some.iter().map(|tenant| app.known_within(tenant, age)));
        for (tenant, known) in some.iter().zip(reads.await.map_err(unreadable)?) {
            let collected =
                |known: &&Known| tenant.enabled && tenant.source(known.source).is_some();
            let known = known.iter().filter(collected).cloned().collect();
            tenants.push((tenant.id.clone(), tenant.name.clone(), known));
        }
    }
    let health = summary::health(app.now(), &tenants, present.problem.as_deref());
    let Some(queue) = &app.queue else { return Ok(Reply::json(200, &health)) };
    let peeked = queue.poison.peeked_within(age).await;
    Ok(Reply::json(200, &health.with_given_up(&peeked)))
}

/// All tenants where none is named: the doctor mixes nobody's figures.
async fn diagnose(app: &App, tenant: Option<&str>) -> Result<Reply, Problem> {
    let diagnosis = check::check(app, tenant).await;
    let diagnosis = diagnosis.ok_or_else(|| Problem::new(404, NO_SUCH_TENANT))?;
    Ok(Reply::json(200, &diagnosis))
}

async fn summarise(app: &App, tenant: Option<&str>) -> Result<Reply, Problem> {
    let present = app.tenants().await.map_err(unknown)?;
    let tenant = chosen(&present, tenant)?;
    let known = app.known(tenant).await.map_err(unreadable)?;
    let portal = tenant.cloud.portal;
    let summary = summary::summary(&tenant.id, &tenant.name, portal, &known, app.now());
    Ok(Reply::json(200, &summary))
}

fn unreadable(error: LedgerError) -> Problem {
    Problem::new(503, error.to_string())
}

fn unknown(error: RosterError) -> Problem {
    Problem::new(503, error.to_string())
}

/// The tenant that is named by id, else the only one; never a default among several.
fn chosen<'a>(present: &'a Present, named: Option<&str>) -> Result<&'a Tenant, Problem> {
    match (named, present.tenants.as_slice()) {
        (Some(id), _) => {
            let found = present.tenant(id).map(Arc::as_ref);
            found.ok_or_else(|| Problem::new(404, NO_SUCH_TENANT))
        }
        (None, [only]) => Ok(only),
        (None, tenants) => {
            let choice = |tenant: &Arc<Tenant>| Choice {
                tenant: tenant.id.clone(),
                name: tenant.name.clone(),
            };
            let choices = tenants.iter().map(choice).collect();
            let detail = "there are several tenants: name one by ?tenant=<id>";
            Err(Problem { choices, ..Problem::new(400, detail) })
        }
    }
}
