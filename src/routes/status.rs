//! How the service itself is: health, and the doctor.

use super::who::NO_SUCH_TENANT;
use super::{Answer, Call, Route, Shown, Subject, shape};
use crate::app::{KNOWN_FOR, KNOWN_OF_MANY_FOR};
use crate::check::{self, Diagnosis};
use crate::host::Problem;
use crate::summary::{self, Health};
use futures::FutureExt;

/// The routes of this file.
pub const ROUTES: &[Route] = &[
    Route {
        subject: Subject::Service,
        has_comment: false,
        ..Route::get(
            "health",
            "What is collected, how old it is, and what is in the way",
            shape::<Health>,
            |call| health(call).boxed(),
        )
    },
    Route {
        subject: Subject::Doctor,
        has_comment: false,
        ..Route::get(
            "check",
            "What the doctor finds: permissions, credentials, workspace, storage",
            shape::<Diagnosis>,
            |call| diagnose(call).boxed(),
        )
    },
];

impl Shown for Health {}
impl Shown for Diagnosis {}

async fn health(call: &Call<'_>) -> Result<Answer, Problem> {
    let app = call.app;
    let age = if call.tenants.len() > 1 { KNOWN_OF_MANY_FOR } else { KNOWN_FOR };
    let standings = call.standings(age).await?;
    let tenants = standings.iter().map(|standing| standing.health.clone()).collect();
    // What is wrong with the file of tenants, and the queue of all, is no caller's of some of them.
    let sees_all = call.tenants.len() == call.present.tenants.len();
    let problem = call.present.problem.as_deref().filter(|_| sees_all);
    let health = summary::health_of(app.now(), tenants, problem);
    let Some(queue) = app.queue.as_ref().filter(|_| sees_all) else {
        return Answer::of(call, &health);
    };
    let peeked = queue.poison.peeked_within(age).await;
    Answer::of(call, &health.with_given_up(&peeked))
}

/// All tenants where none is named: the doctor mixes nobody's figures.
async fn diagnose(call: &Call<'_>) -> Result<Answer, Problem> {
    let named = call.query.get("tenant");
    if named.is_none() && call.tenants.len() < call.present.tenants.len() {
        let detail = "name one of your tenants by ?tenant=<id>: the doctor looks at one or at all";
        return Err(Problem::new(400, detail));
    }
    let diagnosis = check::check(call.app, named.as_deref()).await;
    let diagnosis = diagnosis.ok_or_else(|| Problem::new(404, NO_SUCH_TENANT))?;
    Answer::of(call, &diagnosis)
}
