//! What callers ask for: the catalogue of routes, one file a subject.
//!
//! A route is data: its path, who may call it, what it takes and what it answers. The router, the
//! documents and the OpenAPI description all follow this list.

mod actions;
mod answer;
mod call;
mod cases;
mod cloud_apps;
mod collect;
mod comment;
mod compliance;
mod controls;
mod cves;
mod devices;
mod door;
mod entries;
mod hunt;
mod incident;
mod list;
mod notices;
mod one_of;
pub mod openapi;
mod portfolio;
mod recommendations;
mod report;
mod runs;
mod scores;
mod software;
mod status;
mod summary;
mod tenants;
mod vulnerabilities;
mod who;

pub use answer::{Answer, Form, Shown};
pub use call::{Call, Query, Request};
pub use comment::{Block, Cell, Comment, MOST_CHARS};
pub use door::{Door, principal};
pub use list::{Column, Page, Rows, Window};
pub use one_of::OneOf;
pub use who::Who;

use crate::app::App;
use crate::host::{Problem, Reply};
use futures::future::BoxFuture;
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Answers a call to a route.
pub type Handler = for<'a> fn(&'a Call<'a>) -> BoxFuture<'a, Result<Answer, Problem>>;

/// What a route is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One tenant: named by `?tenant=`, or the only one that the caller may ask for.
    Tenant,
    /// All tenants that the caller may ask for, or the one that it names.
    Tenants,
    /// All tenants that the caller may ask for, whichever it names.
    Service,
    /// As [`Subject::Tenants`], and answered even where the list of tenants is broken.
    Doctor,
}

/// A parameter of the query.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it does, with its form and default.
    pub about: &'static str,
}

/// One route.
#[derive(Clone, Copy)]
pub struct Route {
    /// `GET`, `POST` or `PATCH`.
    pub method: &'static str,
    /// The path below `/api/`, with `{name}` for a segment that varies.
    pub path: &'static str,
    /// What it answers, in a few words.
    pub about: &'static str,
    /// What it is about.
    pub subject: Subject,
    /// What its query takes beside `tenant` and `format`.
    pub query: &'static [Parameter],
    /// The shape of its body, where it takes one.
    pub body: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// The statuses of its right answers, the usual one first.
    pub statuses: &'static [u16],
    /// The media type of its usual answer.
    pub media: &'static str,
    /// The shape of its answer.
    pub answers: fn(&mut SchemaGenerator) -> Schema,
    /// Whether it also answers an incident comment.
    pub has_comment: bool,
    /// Whether it also answers CSV.
    pub has_rows: bool,
    /// Whether it comes by pages.
    pub has_pages: bool,
    /// What answers it.
    pub handler: Handler,
}

impl Route {
    /// A route that reads, answers JSON and an incident comment.
    pub const fn get(
        path: &'static str,
        about: &'static str,
        answers: fn(&mut SchemaGenerator) -> Schema,
        handler: Handler,
    ) -> Route {
        Route {
            method: "GET",
            path,
            about,
            subject: Subject::Tenant,
            query: &[],
            body: None,
            statuses: &[200],
            media: "application/json",
            answers,
            has_comment: true,
            has_rows: false,
            has_pages: false,
            handler,
        }
    }

    /// A route that reads a list: CSV too, by pages.
    pub const fn list(
        path: &'static str,
        about: &'static str,
        answers: fn(&mut SchemaGenerator) -> Schema,
        handler: Handler,
    ) -> Route {
        Route { has_rows: true, has_pages: true, ..Route::get(path, about, answers, handler) }
    }

    /// The door that it is behind; a route for reading is behind [`Door::Caller`] as well.
    pub fn door(&self) -> Door {
        if self.path.starts_with("response/") { Door::Action } else { Door::Read }
    }

    /// The segments that vary where the path fits, else nothing.
    fn fits(&self, segments: &[String]) -> Option<Vec<(&'static str, String)>> {
        let own: Vec<_> = self.path.split('/').collect();
        if own.len() != segments.len() {
            return None;
        }
        let mut found = Vec::new();
        for (own, given) in own.into_iter().zip(segments) {
            match own.strip_prefix('{').and_then(|own| own.strip_suffix('}')) {
                Some(name) => found.push((name, given.clone())),
                None if own.eq_ignore_ascii_case(given) => {}
                None => return None,
            }
        }
        Some(found)
    }
}

/// The shape of a type.
pub fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Every route. Of two that fit a path the first one counts, so that fixed segments come before those
/// that vary.
pub const ROUTES: &[&[Route]] = &[
    summary::ROUTES,
    report::ROUTES,
    scores::ROUTES,
    controls::ROUTES,
    recommendations::ROUTES,
    vulnerabilities::ROUTES,
    compliance::ROUTES,
    cloud_apps::ROUTES,
    entries::ROUTES,
    devices::ROUTES,
    cves::ROUTES,
    software::ROUTES,
    incident::ROUTES,
    notices::ROUTES,
    portfolio::ROUTES,
    tenants::ROUTES,
    runs::ROUTES,
    collect::ROUTES,
    hunt::ROUTES,
    cases::ROUTES,
    actions::ROUTES,
    status::ROUTES,
    openapi::ROUTES,
];

/// All routes, in order.
pub fn all() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().copied().flatten()
}

/// The media type of JSON that says nothing of what it is.
const PLAIN_JSON: &str = "application/json";

const NO_ROUTE: &str = "no such route: GET /api/openapi.json lists them";

/// Answers a request. Never fails: what goes wrong is a problem in the answer.
pub async fn answer(app: &App, request: Request<'_>) -> Reply {
    match reply(app, &request).await {
        Ok(reply) => reply,
        Err(problem) => in_form(problem.into(), &request),
    }
}

/// A problem for callers that know JSON under its plain name only, such as Logic Apps.
fn in_form(problem: Reply, request: &Request<'_>) -> Reply {
    let accept = request.headers.get("accept").and_then(|value| value.to_str().ok());
    match accept.is_some_and(|accept| accept.trim().eq_ignore_ascii_case(PLAIN_JSON)) {
        true => Reply { content_type: PLAIN_JSON, ..problem },
        false => problem,
    }
}

async fn reply(app: &App, request: &Request<'_>) -> Result<Reply, Problem> {
    let (door, segments) = Door::of(request.path)?;
    // For an identity that may not ask for actions there are none, not even ones that it may not have.
    let acts = door == Door::Caller && who::may_act(app, request, &segments).await;
    let is_behind = |route: &Route| door.leads_to(route.door()) || acts;
    let behind = all().filter(|route| is_behind(route));
    let fitting: Vec<_> =
        behind.filter_map(|route| Some((route, route.fits(&segments)?))).collect();
    let Some((first, _)) = fitting.first() else {
        return Err(Problem::new(404, NO_ROUTE));
    };
    let mut of_path = fitting.iter().filter(|(route, _)| route.path == first.path);
    let Some((route, path)) = of_path.find(|(route, _)| route.method == request.method) else {
        let mut methods: Vec<_> = fitting.iter().map(|(route, _)| route.method).collect();
        methods.dedup();
        return Err(Problem::new(405, format!("this route answers {} only", methods.join(", "))));
    };
    let call = Call::new(app, request, route, path, door).await?;
    let answer = (route.handler)(&call).await?;
    answer.reply(&call)
}

#[cfg(test)]
mod tests;
