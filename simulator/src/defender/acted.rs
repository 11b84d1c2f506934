//! Machine actions that were asked for: taken, under way for a while, then over.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use warp::http::Method;

use super::{inventory, machine};
use crate::answer::Answer;
use crate::entra::Claims;
use crate::fault::Api;
use crate::limits::DEFENDER_LISTS;
use crate::options::Tenant;
use crate::scene::{later, stamp};
use crate::state::{Request, State, lock};
use crate::web;

/// One that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Acted {
    /// Its id.
    pub id: String,
    /// The tenant's id.
    pub tenant: String,
    /// `Isolate`, `Unisolate` or `RunAntiVirusScan`.
    pub kind: &'static str,
    /// `Full`, `Selective` or `Quick`.
    pub scope: Option<String>,
    /// The comment that came along.
    pub comment: String,
    /// Client id of who asked.
    pub client: String,
    /// The device's id.
    pub machine: String,
    pub(crate) name: String,
    pub(crate) created: Timestamp,
    /// Whether the device is there to do it.
    pub(crate) is_reached: bool,
}

/// What can be asked for: the path's end, its name, the role, the option and the option's values.
struct Verb {
    path: &'static str,
    kind: &'static str,
    role: &'static str,
    option: Option<(&'static str, &'static [&'static str])>,
}

const VERBS: [Verb; 3] = [
    Verb {
        path: "isolate",
        kind: "Isolate",
        role: "Machine.Isolate",
        option: Some(("IsolationType", &["Full", "Selective", "UnManagedDevice"])),
    },
    Verb { path: "unisolate", kind: "Unisolate", role: "Machine.Isolate", option: None },
    Verb {
        path: "runantivirusscan",
        kind: "RunAntiVirusScan",
        role: "Machine.Scan",
        option: Some(("ScanType", &["Quick", "Full"])),
    },
];

impl Acted {
    /// Where it stands: under way for one span, and over after another, where the device is reached.
    fn status(&self, now: Timestamp, span: SignedDuration) -> (&'static str, Timestamp) {
        let age = now.duration_since(self.created);
        let ms = |span: SignedDuration| u64::try_from(span.as_secs()).unwrap_or(0);
        match () {
            () if !self.is_reached || age < span => ("Pending", self.created),
            () if age < span * 2 => ("InProgress", later(self.created, ms(span))),
            () => ("Succeeded", later(self.created, ms(span * 2))),
        }
    }

    fn is_active(&self, now: Timestamp, span: SignedDuration) -> bool {
        self.status(now, span).0 != "Succeeded"
    }

    /// The record of `GET /api/machineactions`.
    pub(crate) fn record(&self, now: Timestamp, span: SignedDuration) -> Value {
        let (status, updated) = self.status(now, span);
        json!({
            "id": self.id, "type": self.kind, "title": null, "scope": self.scope, "status": status,
            "requestor": self.client, "requestorComment": self.comment, "requestSource": "PublicApi",
            "machineId": self.machine, "computerDnsName": self.name,
            "creationDateTimeUtc": stamp(self.created), "lastUpdateDateTimeUtc": stamp(updated),
            "cancellationRequestor": null, "cancellationComment": null,
            "cancellationDateTimeUtc": null, "errorHResult": 0, "relatedFileInfo": null,
            "commands": [], "troubleshootInfo": null,
        })
    }
}

fn error(state: &State, status: u16, code: &str, text: &str) -> Answer {
    Answer::error(Api::Defender, status, code, text, &state.id())
}

/// Answers requests for an action, and those that ask for actions of one device or by id; nothing for
/// others.
pub(super) fn answer(state: &State, request: &Request, claims: &Claims) -> Option<Answer> {
    let (role, what) = What::of(request)?;
    let tenant = match state.tenant(&claims.tid) {
        Some(tenant) if claims.roles.iter().any(|held| held == role) => tenant,
        _ => {
            let text = format!("Missing application roles. API required roles: {role}.");
            return Some(error(state, 403, "Forbidden", &text));
        }
    };
    if state.options.limits
        && let Err(seconds) =
            state.limits.call("machine actions", &tenant.id, &DEFENDER_LISTS, Instant::now())
    {
        let text = "Too many requests. Please wait and try again.";
        let answer = error(state, 429, "TooManyRequests", text);
        return Some(answer.header("retry-after", seconds.to_string()));
    }
    Some(match what {
        What::Ask(verb, id) => ask(state, tenant, claims, request, verb, &id),
        What::One(id) => one(state, tenant, &id),
        What::Of(filter) => of(state, tenant, &filter),
    })
}

enum What {
    Ask(&'static Verb, String),
    One(String),
    Of(String),
}

impl What {
    /// What a request is about, and the role that it needs.
    fn of(request: &Request) -> Option<(&'static str, What)> {
        let path = request.path.to_ascii_lowercase();
        let rest = path.strip_prefix("/api/")?;
        let segments: Vec<_> = rest.trim_start_matches("v1.0/").split('/').collect();
        let filter = web::pairs(&request.query).into_iter().find(|(name, _)| name == "$filter");
        Some(match (&request.method, segments.as_slice()) {
            (&Method::POST, ["machines", id, verb]) => {
                let verb = VERBS.iter().find(|known| known.path == *verb)?;
                (verb.role, What::Ask(verb, (*id).to_owned()))
            }
            (&Method::GET, ["machineactions", id]) => {
                ("Machine.Read.All", What::One((*id).to_owned()))
            }
            (&Method::GET, ["machineactions"]) => {
                let (_, filter) = filter.filter(|(_, text)| text.contains("machineId"))?;
                ("Machine.Read.All", What::Of(filter))
            }
            _ => return None,
        })
    }
}

/// The option and the comment of a body; what is wrong with it otherwise.
fn body(request: &Request, verb: &Verb) -> Result<(Option<String>, String), String> {
    let is_json =
        request.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let Some(fields) = body.as_object().filter(|_| is_json) else {
        return Err("The request body is missing or is no JSON.".to_owned());
    };
    let option = verb.option.map(|(name, _)| name);
    if let Some(other) = fields.keys().find(|key| *key != "Comment" && Some(key.as_str()) != option)
    {
        return Err(format!("The request body has an unknown property '{other}'."));
    }
    let comment = body["Comment"].as_str().filter(|text| !text.trim().is_empty());
    let comment = comment.ok_or("The property 'Comment' is required.")?.to_owned();
    let Some((name, values)) = verb.option else { return Ok((None, comment)) };
    match body[name].as_str() {
        Some(value) if values.contains(&value) => Ok((Some(value.to_owned()), comment)),
        _ => Err(format!("The property '{name}' has no valid value.")),
    }
}

/// The device of that id, where an action can be asked for.
fn fit(state: &State, tenant: &Tenant, id: &str) -> Result<Value, Box<Answer>> {
    let Some(machine) = machine::by_id(&state.scene(tenant), id) else {
        let text = format!("Machine {id} was not found");
        return Err(error(state, 404, "ResourceNotFound", &text).into());
    };
    match machine["onboardingStatus"] == "Onboarded" {
        true => Ok(machine),
        false => {
            let text = "The machine isn't onboarded.";
            Err(error(state, 400, "OsPlatformNotSupported", text).into())
        }
    }
}

fn ask(
    state: &State,
    tenant: &Tenant,
    claims: &Claims,
    request: &Request,
    verb: &Verb,
    id: &str,
) -> Answer {
    let (scope, comment) = match body(request, verb) {
        Ok(body) => body,
        Err(text) => return error(state, 400, "InvalidRequestBody", &text),
    };
    let machine = match fit(state, tenant, id) {
        Ok(machine) => machine,
        Err(answer) => return *answer,
    };
    let is = |name: &str, value: &str| machine[name] == value;
    let (now, span) = (state.now(), state.action_span());
    let mut acted = lock(&state.acted);
    let isolates = |kind: &str| kind != "RunAntiVirusScan";
    let is_same = |other: &&Acted| {
        other.tenant == tenant.id
            && other.machine == id
            && isolates(other.kind) == isolates(verb.kind)
    };
    if acted.iter().filter(is_same).any(|other| other.is_active(now, span)) {
        return error(state, 400, "ActiveRequestAlreadyExists", "Action is already in progress");
    }
    let new = Acted {
        id: state.id(),
        tenant: tenant.id.clone(),
        kind: verb.kind,
        scope,
        comment,
        client: claims.appid.clone(),
        machine: id.to_owned(),
        name: machine["computerDnsName"].as_str().unwrap_or_default().to_owned(),
        created: now,
        is_reached: is("healthStatus", "Active"),
    };
    let record = new.record(now, span);
    acted.push(new);
    Answer::json(201, &record)
}

fn one(state: &State, tenant: &Tenant, id: &str) -> Answer {
    let scene = state.scene(tenant);
    let found = (0..inventory::actions(&scene)).find_map(|number| {
        let record: Value = serde_json::from_slice(&inventory::action(&scene, number)).ok()?;
        (record["id"] == id).then_some(record)
    });
    match found {
        Some(record) => Answer::json(200, &record),
        None => {
            error(state, 404, "ResourceNotFound", &format!("Machine action {id} was not found"))
        }
    }
}

/// `machineId eq '<id>' and creationDateTimeUtc ge <instant>`; other filters with `machineId` are refused.
fn of(state: &State, tenant: &Tenant, filter: &str) -> Answer {
    let read = || {
        let (device, since) = filter.split_once(" and ")?;
        let device = device.strip_prefix("machineId eq '")?.strip_suffix('\'')?;
        let since = since.strip_prefix("creationDateTimeUtc ge ")?;
        Some((device.to_owned(), since.parse::<Timestamp>().ok()?))
    };
    let Some((device, since)) = read() else {
        return error(state, 400, "ODataError", "The simulator doesn't carry out this filter.");
    };
    let scene = state.scene(tenant);
    let records = (0..inventory::actions(&scene)).filter_map(|number| {
        let created = inventory::action_date(&scene, number, "creationDateTimeUtc");
        let record: Value = serde_json::from_slice(&inventory::action(&scene, number)).ok()?;
        (created >= since && record["machineId"] == *device).then_some(record)
    });
    let records: Vec<_> = records.collect();
    let context = "https://api.securitycenter.microsoft.com/api/$metadata#MachineActions";
    Answer::json(200, &json!({ "@odata.context": context, "value": records }))
}
