//! Response actions: isolate, release and scan a device, change a control; and what came of each.

mod body;

use super::{
    Answer, Block, Call, Cell, Column, Comment, Door, Page, Parameter, Route, Shown, Who,
    call::unreadable, principal, shape,
};
use crate::action::{self, Acted, Attempt, Order, Outcome, Refusal, audit};
use crate::host::Problem;
use crate::settings::Action;
use body::{Body, Common, Control, Isolation, Release, Scan};
use futures::FutureExt;
use std::time::Duration;

/// The longest that an answer waits for an action's end, in seconds.
const MOST_WAIT_S: u64 = 90;
/// When to ask again for an action that isn't over, in seconds.
const AGAIN_S: u64 = 15;
/// The header that makes two calls the same.
const KEY: &str = "idempotency-key";
/// Days that a list shows, and the most of them.
const DEFAULT_DAYS: i32 = 7;
const MOST_DAYS: i32 = 90;

const WAIT: Parameter = Parameter {
    name: "wait",
    about: "Seconds, 0 to 90, to follow the action before the answer. Default 0",
};
const DRY_RUN: Parameter = Parameter {
    name: "dryRun",
    about: "`true`: says whether it would be carried out, and carries nothing out. As `dryRun` in the body",
};

/// A route that acts: its answer is 200 where all is over, else 202 with `Location` and `Retry-After`.
const fn acts(path: &'static str, about: &'static str, handler: super::Handler) -> Route {
    Route {
        method: "POST",
        query: &[WAIT, DRY_RUN],
        statuses: &[202, 200],
        ..Route::get(path, about, shape::<Attempt>, handler)
    }
}

/// The routes of this file.
pub const ROUTES: &[Route] = &[
    Route {
        body: Some(shape::<Isolation>),
        ..acts(
            "response/devices/{id}/isolate",
            "Cuts a device off the network. Needs the header Idempotency-Key",
            |call| device::<Isolation>(call).boxed(),
        )
    },
    Route {
        body: Some(shape::<Release>),
        ..acts(
            "response/devices/{id}/release",
            "Lets an isolated device back into the network. Needs the header Idempotency-Key",
            |call| device::<Release>(call).boxed(),
        )
    },
    Route {
        body: Some(shape::<Scan>),
        ..acts(
            "response/devices/{id}/scan",
            "Lets Defender Antivirus scan a device. Needs the header Idempotency-Key",
            |call| device::<Scan>(call).boxed(),
        )
    },
    Route {
        query: &[Parameter { name: "days", about: "How many days back, 1 to 90. Default 7" }],
        ..Route::list(
            "response/actions",
            "Attempts at response actions, refused ones included, the newest first: 500 at most",
            shape::<Page<Attempt>>,
            |call| list(call).boxed(),
        )
    },
    Route::get(
        "response/actions/{id}",
        "One attempt at a response action, and what Microsoft says of it now",
        shape::<Attempt>,
        |call| one(call).boxed(),
    ),
    Route {
        method: "PATCH",
        body: Some(shape::<Control>),
        ..acts(
            "response/controls/{id}",
            "Changes the state of a secure score control. Needs the header Idempotency-Key",
            |call| device::<Control>(call).boxed(),
        )
    },
];

async fn device<B: Body>(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut order = Order {
        action: B::ACTION,
        variant: None,
        target: call.segment("id").to_owned(),
        assigned_to: None,
        reason: String::new(),
        caller: caller(call),
        requested_by: None,
        dry_run: false,
        key: call.header(KEY).map(str::to_owned),
    };
    let (app, tenant) = (call.app, call.tenant());
    let acted = match asked::<B>(call, &mut order) {
        Ok(wait) => action::act(app, tenant, &order, wait).await,
        Err(problem) => {
            let refusal = Refusal::new("badRequest", problem.status, problem.detail);
            action::refuse(app, tenant, &order, refusal).await
        }
    };
    answer(call, acted)
}

/// Who calls: whoever has a key, and who that is where the platform has authenticated it.
fn caller(call: &Call<'_>) -> String {
    let behind_the_key = || principal(call.request.headers).filter(|_| call.app.authenticates);
    match (&call.who, behind_the_key()) {
        (Who::Key, Some(identity)) => format!("{identity} with a {}", call.who),
        (who, _) => who.to_string(),
    }
}

/// Reads what a call asks for into its order; how long to wait for the action's end.
fn asked<B: Body>(call: &Call<'_>, order: &mut Order) -> Result<Duration, Problem> {
    if call.request.headers.get_all(KEY).iter().count() > 1 {
        return Err(Problem::new(400, "the header Idempotency-Key is there more than once"));
    }
    let is_dry = call.query.flag("dryRun")?;
    let seconds = |text: &str| text.parse().ok().filter(|seconds| *seconds <= MOST_WAIT_S);
    let wait = call.query.parsed("wait", "a number of seconds from 0 to 90", seconds)?;
    let (variant, assigned_to, common) = call.json::<B>()?.parts();
    let Common { reason, dry_run, idempotency_key, requested_by } = common;
    (order.variant, order.assigned_to, order.reason) = (variant, assigned_to, reason);
    (order.requested_by, order.dry_run) = (requested_by, dry_run || is_dry);
    order.key = match (order.key.take(), idempotency_key) {
        (Some(header), Some(body)) if header != body => {
            let detail =
                "the header Idempotency-Key and idempotencyKey in the body differ: send one";
            return Err(Problem::new(400, detail));
        }
        (header, body) => header.or(body),
    };
    Ok(Duration::from_secs(wait.unwrap_or(0)))
}

fn answer(call: &Call<'_>, acted: Acted) -> Result<Answer, Problem> {
    let Acted { attempt, refusal } = acted;
    if let Some(Refusal { status, detail, retry_after, .. }) = refusal {
        let detail = format!("{detail} (attempt {})", attempt.id);
        return Err(Problem { retry_after, ..Problem::new(status, detail) });
    }
    shown(call, &attempt, 202)
}

/// An attempt; one that isn't over with the status for that, and where and when to ask again.
fn shown(call: &Call<'_>, attempt: &Attempt, open: u16) -> Result<Answer, Problem> {
    let answer = Answer::of(call, attempt)?;
    if attempt.outcome.is_final() {
        return Ok(answer);
    }
    let below = if call.door == Door::Caller { "/api/caller" } else { "/api" };
    let location = format!("{below}/response/actions/{}?tenant={}", attempt.id, attempt.tenant);
    let answer = answer.status(open).header("location", location);
    Ok(answer.header("retry-after", AGAIN_S.to_string()))
}

async fn one(call: &Call<'_>) -> Result<Answer, Problem> {
    let (app, tenant) = (call.app, call.tenant());
    let found = audit::read(app, &tenant.id, call.segment("id")).await.map_err(unreadable)?;
    let no_such = || Problem::new(404, "no such attempt in this tenant: GET /api/response/actions");
    let mut attempt = found.ok_or_else(no_such)?;
    action::resolve(app, tenant, &mut attempt).await;
    shown(call, &attempt, 200)
}

const COLUMNS: &[Column] = &[
    Column("Requested", "requested"),
    Column("Action", "action"),
    Column("Variant", "variant"),
    Column("Target", "target.name"),
    Column("Target as asked", "target.asked"),
    Column("Outcome", "outcome"),
    Column("Detail", "detail"),
    Column("Reason", "reason"),
    Column("Caller", "caller"),
    Column("Requested by", "requestedBy"),
    Column("Attempt", "id"),
];

async fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    let days = |text: &str| text.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
    let days = call.query.parsed("days", "a number of days from 1 to 90", days)?;
    let days = days.unwrap_or(DEFAULT_DAYS);
    let tenant = call.tenant();
    let attempts = audit::list(call.app, &tenant.id, days).await.map_err(unreadable)?;
    let newest = attempts.first().map(|attempt| attempt.id.clone()).unwrap_or_default();
    let heading = format!("Response actions in {}", tenant.name);
    Page::of(call, (heading, COLUMNS), &newest, attempts)?.answer(call)
}

impl Shown for Attempt {
    fn comment(&self) -> Option<Comment> {
        let target = self.target.name.as_ref().unwrap_or(&self.target.asked);
        let fact = |name: &str, value: &str| (name.to_owned(), Cell::new(value));
        let mut facts = vec![
            fact("Outcome", said(self.outcome)),
            fact("Detail", &self.detail),
            fact("Reason", &self.reason),
            fact("Caller", &self.caller),
            fact("Asked at", &self.requested.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
            fact("Attempt", &self.id),
        ];
        let optional = [
            ("Variant", &self.variant),
            ("Assigned to", &self.assigned_to),
            ("Requested by", &self.requested_by),
        ];
        let optional = optional.into_iter();
        facts.extend(optional.filter_map(|(name, value)| Some(fact(name, value.as_ref()?))));
        if let Some(action) = &self.machine_action {
            facts.push(fact("Defender", &format!("{} ({})", action.id, action.status)));
        }
        let title = format!("{}: {target}", heading(self.action));
        Some(Comment { title, blocks: vec![Block::Facts(facts)] })
    }
}

fn heading(action: Action) -> &'static str {
    match action {
        Action::Isolate => "Isolate",
        Action::Release => "Release from isolation",
        Action::Scan => "Antivirus scan",
        Action::ControlProfile => "Secure score control",
    }
}

/// An outcome for people.
fn said(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Refused => "refused",
        Outcome::Possible => "possible (dry run, nothing was done)",
        Outcome::Repeated => "asked for before",
        Outcome::Intended | Outcome::Unknown => "not known yet",
        Outcome::NotCarriedOut => "not carried out",
        Outcome::Pending => "pending at Defender",
        Outcome::Succeeded => "done",
        Outcome::Failed => "failed",
        Outcome::TimedOut => "timed out",
        Outcome::Cancelled => "cancelled",
    }
}
