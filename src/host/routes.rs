//! The HTTP routes, the same whether the host forwards, proxies or wraps a request.

use super::problem::Choice;
use super::{Problem, Reply};
use crate::app::App;
use crate::summary;
use crate::tenant::Tenant;
use azure_core::http::Url;

/// The routes below `/api/`, for the text of a 404.
const ROUTES: &str = "/api/health, /api/summary";

/// Answers a request: `path` begins with `/api/`, `query` is as it was sent.
pub async fn answer(app: &App, method: &str, path: &str, query: &str) -> Reply {
    let route = path.strip_prefix("/api").unwrap_or(path).trim_matches('/');
    let handler = match route {
        "health" | "summary" => route,
        _ => return Problem::new(404, format!("no such route, there are {ROUTES}")).into(),
    };
    if method != "GET" {
        return Problem::new(405, "this route answers GET only").into();
    }
    let outcome = match handler {
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
    let mut tenants = Vec::new();
    for tenant in &app.tenants {
        let known = app.known(tenant).await.map_err(unreadable)?;
        let collected = known.iter().filter(|known| tenant.source(known.source).is_some());
        tenants.push((tenant.id.clone(), tenant.name.clone(), collected.cloned().collect()));
    }
    Ok(Reply::json(200, &summary::health(app.now(), &tenants)))
}

async fn summarise(app: &App, tenant: Option<&str>) -> Result<Reply, Problem> {
    let tenant = chosen(app, tenant)?;
    let known = app.known(tenant).await.map_err(unreadable)?;
    let portal = tenant.cloud.portal;
    let summary = summary::summary(&tenant.id, &tenant.name, portal, &known, app.now());
    Ok(Reply::json(200, &summary))
}

fn unreadable(error: crate::ledger::LedgerError) -> Problem {
    Problem::new(503, error.to_string())
}

/// The tenant that is named by id, else the only one; never a default among several.
fn chosen<'a>(app: &'a App, named: Option<&str>) -> Result<&'a Tenant, Problem> {
    match (named, app.tenants.as_slice()) {
        (Some(id), _) => {
            app.tenant(id).ok_or_else(|| Problem::new(404, "no such tenant in this deployment"))
        }
        (None, [only]) => Ok(only),
        (None, tenants) => {
            let choice =
                |tenant: &Tenant| Choice { tenant: tenant.id.clone(), name: tenant.name.clone() };
            let choices = tenants.iter().map(choice).collect();
            let detail = "there are several tenants: name one by ?tenant=<id>";
            Err(Problem { choices, ..Problem::new(400, detail) })
        }
    }
}
