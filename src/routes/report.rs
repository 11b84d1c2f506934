//! The report page.

use super::{Answer, Call, Route, Subject, shape};
use crate::app::KNOWN_OF_MANY_FOR;
use crate::host::Problem;
use crate::page;
use crate::summary::{self, Order};
use crate::tenant::Tenant;
use futures::FutureExt;

/// Days over which the page of many tenants tells changes.
const CHANGE_DAYS: u16 = 7;

/// The routes of this file.
pub const ROUTES: &[Route] = &[Route {
    has_comment: false,
    subject: Subject::Tenants,
    media: "text/html",
    ..Route::get(
        "report",
        "The posture as a page of HTML for people, without scripts and without anything from elsewhere; of \
         several tenants, where none is named, a page of all of them",
        shape::<String>,
        |call| report(call).boxed(),
    )
}];

async fn report(call: &Call<'_>) -> Result<Answer, Problem> {
    let html = match call.tenants.as_slice() {
        [only] => of_tenant(call, only).await?,
        _ => of_all(call).await?,
    };
    Ok(Answer::document("text/html; charset=utf-8", html)
        .header("content-security-policy", page::policy())
        .header("referrer-policy", "no-referrer"))
}

async fn of_tenant(call: &Call<'_>, tenant: &Tenant) -> Result<String, Problem> {
    let known = call.app.known(tenant).await.map_err(super::call::unreadable)?;
    let (portal, now) = (tenant.cloud.portal, call.app.now());
    let summary = summary::summary(&tenant.id, &tenant.name, portal, &known, now);
    let history = summary::history(&known, page::DAYS);
    Ok(page::tenant(&summary, &history))
}

async fn of_all(call: &Call<'_>) -> Result<String, Problem> {
    let standings = call.standings(KNOWN_OF_MANY_FOR).await?;
    let enabled = call.tenants.iter().map(|tenant| tenant.enabled);
    let tenants: Vec<_> = enabled.zip(standings.iter().map(|standing| &**standing)).collect();
    let entries = summary::portfolio(&tenants, CHANGE_DAYS, Order::Score);
    Ok(page::portfolio(&entries, CHANGE_DAYS, call.app.now()))
}
