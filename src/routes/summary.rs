//! The summary of a tenant's posture.

use super::{Answer, Call, Route, Shown, shape};
use crate::host::Problem;
use crate::summary::{self, Summary};
use futures::FutureExt;

/// The routes of this file.
pub const ROUTES: &[Route] = &[Route {
    has_comment: false,
    ..Route::get(
        "summary",
        "The tenant's posture: scores with their changes, what to do first, vulnerabilities, devices",
        shape::<Summary>,
        |call| summarise(call).boxed(),
    )
}];

impl Shown for Summary {}

async fn summarise(call: &Call<'_>) -> Result<Answer, Problem> {
    let tenant = call.tenant();
    let known = call.known().await?;
    let portal = tenant.cloud.portal;
    let now = call.app.now();
    let summary = summary::summary(&tenant.id, &tenant.name, portal, &known, now);
    Answer::of(call, &summary)
}
