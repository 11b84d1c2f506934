//! The summary of a tenant's posture: JSON, an incident comment, and a row per figure.

mod comment;
mod figures;

use super::{Answer, Call, Comment, Route, Rows, Shown, shape};
use crate::host::Problem;
use crate::summary::{self, Summary};
use futures::FutureExt;

/// The routes of this file.
pub const ROUTES: &[Route] = &[Route {
    has_rows: true,
    ..Route::get(
        "summary",
        "The tenant's posture: scores with their changes, what to do first, vulnerabilities, devices, \
         compliance, alerts, Shadow IT; as CSV one row per figure",
        shape::<Summary>,
        |call| summarise(call).boxed(),
    )
}];

impl Shown for Summary {
    fn comment(&self) -> Option<Comment> {
        Some(comment::comment(self))
    }

    fn rows(&self) -> Option<Rows> {
        Some(figures::rows(self))
    }
}

async fn summarise(call: &Call<'_>) -> Result<Answer, Problem> {
    let tenant = call.tenant();
    let known = call.known().await?;
    let portal = tenant.cloud.portal;
    let now = call.app.now();
    let summary = summary::summary(&tenant.id, &tenant.name, portal, &known, now);
    Answer::of(call, &summary)
}
