//! The report page.

use super::{Answer, Call, Route, shape};
use crate::host::Problem;
use crate::page;
use crate::summary;
use futures::FutureExt;

/// The routes of this file.
pub const ROUTES: &[Route] = &[Route {
    has_comment: false,
    media: "text/html",
    ..Route::get(
        "report",
        "The posture as a page of HTML for people, without scripts and without anything from elsewhere",
        shape::<String>,
        |call| report(call).boxed(),
    )
}];

async fn report(call: &Call<'_>) -> Result<Answer, Problem> {
    let tenant = call.tenant();
    let known = call.known().await?;
    let (portal, now) = (tenant.cloud.portal, call.app.now());
    let summary = summary::summary(&tenant.id, &tenant.name, portal, &known, now);
    let history = summary::history(&known, page::DAYS);
    let html = page::tenant(&summary, &history);
    Ok(Answer::document("text/html; charset=utf-8", html)
        .header("content-security-policy", page::policy())
        .header("referrer-policy", "no-referrer"))
}
