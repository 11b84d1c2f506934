//! What Microsoft is asked: reads by the identity that collects, actions by the one that acts and by no
//! other.

use super::{Attempt, Device, MachineAction, Named, Order};
use crate::cloud::{Answer, CallError, Meter, Patience, Pipeline};
use crate::settings::Action;
use crate::source::Api;
use crate::tenant::{Acting, Tenant};
use azure_core::http::{Method, Request, Url};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// How long one action may take to be asked for, its token included. Well within what an intent allows.
pub(super) const CALL_FOR: Duration = Duration::from_secs(20);
/// How long a look takes at most, tries included.
const LOOK_FOR: Duration = Duration::from_secs(15);
/// How far before an attempt its action may have been made, by Microsoft's clock.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(10);
/// Devices that a name may fit before nobody looks further.
const MOST_DEVICES: usize = 50;

const MACHINES: &str = "/api/machines";
const ACTIONS: &str = "/api/machineactions";
const PROFILES: &str = "/v1.0/security/secureScoreControlProfiles";

/// The address of a thing of an API: its segments are escaped one by one.
fn address(tenant: &Tenant, api: Api, path: &str, segments: &[&str]) -> Result<Url, CallError> {
    let broken = || CallError::Rejected { status: 404, code: None, path: path.to_owned() };
    let mut url =
        Url::parse(&format!("{}{path}", tenant.cloud.origin(api))).map_err(|_| broken())?;
    url.path_segments_mut().map_err(|()| broken())?.extend(segments);
    Ok(url)
}

/// One look by the identity that collects.
async fn look(
    tenant: &Tenant,
    api: Api,
    url: Url,
    patience: &Patience,
) -> Result<Value, CallError> {
    let patience = Patience { longest_wait: Duration::from_secs(5), ..*patience };
    let patience = patience.until(Instant::now() + LOOK_FOR);
    let request = Request::new(url, Method::Get);
    tenant.pipeline(api).send(&request, &patience, &Meter::default(), json_of).await
}

fn json_of(answer: Answer) -> Result<Value, String> {
    serde_json::from_slice(&answer.body).map_err(|_| "the answer is no JSON".to_owned())
}

/// The devices that a caller may mean, each once.
///
/// # Errors
///
/// [`CallError`]; a device that isn't there is no error.
pub(super) async fn devices(
    tenant: &Tenant,
    named: &Named,
    patience: &Patience,
) -> Result<Vec<Device>, CallError> {
    let filters = match named {
        Named::Id(id) => return one_device(tenant, id, patience).await,
        Named::Entra(id) => vec![format!("aadDeviceId eq {id}")],
        Named::Name(name) if name.contains('.') => vec![format!("computerDnsName eq '{name}'")],
        Named::Name(name) => vec![
            format!("computerDnsName eq '{name}'"),
            format!("startswith(computerDnsName,'{name}.')"),
        ],
    };
    let mut found: Vec<Device> = Vec::new();
    for filter in filters {
        let mut url = address(tenant, Api::Defender, MACHINES, &[])?;
        url.query_pairs_mut().append_pair("$filter", &filter);
        let list = match look(tenant, Api::Defender, url, patience).await {
            // The list itself is gone where no device has reported lately.
            Err(CallError::Rejected { status: 404, .. }) => continue,
            list => list?,
        };
        let devices = list["value"].as_array().into_iter().flatten().filter_map(Device::of);
        let is_meant = |device: &Device| match named {
            Named::Name(name) => device.is_named(name),
            Named::Entra(id) => {
                device.entra_id.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(id))
            }
            Named::Id(id) => device.id == *id,
        };
        for device in devices.filter(is_meant).take(MOST_DEVICES) {
            if found.iter().all(|other| other.id != device.id) {
                found.push(device);
            }
        }
    }
    Ok(found)
}

async fn one_device(
    tenant: &Tenant,
    id: &str,
    patience: &Patience,
) -> Result<Vec<Device>, CallError> {
    let url = address(tenant, Api::Defender, MACHINES, &[id])?;
    match look(tenant, Api::Defender, url, patience).await {
        Ok(machine) => {
            Ok(Device::of(&machine).filter(|device| device.id == id).into_iter().collect())
        }
        Err(CallError::Rejected { status: 404, .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

impl MachineAction {
    /// The action of a record of `/api/machineactions`.
    fn of(record: &Value) -> Option<MachineAction> {
        let text = |name: &str| record[name].as_str().map(str::to_owned);
        Some(MachineAction {
            id: text("id")?,
            kind: text("type").unwrap_or_default(),
            status: text("status").unwrap_or_default(),
            created: text("creationDateTimeUtc"),
            updated: text("lastUpdateDateTimeUtc").or_else(|| text("lastUpdateTimeUtc")),
        })
    }
}

/// A machine action with the comment that it was asked with.
type Commented = (MachineAction, String);

fn commented(record: &Value) -> Option<Commented> {
    let comment = record["requestorComment"].as_str().unwrap_or_default().to_owned();
    Some((MachineAction::of(record)?, comment))
}

/// The machine actions of a device since shortly before an instant, the newest first.
///
/// # Errors
///
/// [`CallError`].
pub(super) async fn actions_of(
    tenant: &Tenant,
    device: &str,
    since: Timestamp,
    patience: &Patience,
) -> Result<Vec<Commented>, CallError> {
    let since = since.saturating_sub(CLOCKS_APART).unwrap_or(since);
    let since = since.strftime("%Y-%m-%dT%H:%M:%SZ");
    let mut url = address(tenant, Api::Defender, ACTIONS, &[])?;
    let filter = format!("machineId eq '{device}' and creationDateTimeUtc ge {since}");
    url.query_pairs_mut().append_pair("$filter", &filter);
    let list = look(tenant, Api::Defender, url, patience).await?;
    let found = list["value"].as_array().into_iter().flatten().filter_map(commented);
    let mut found: Vec<_> = found.collect();
    found.sort_by(|(one, _), (other, _)| other.created.cmp(&one.created));
    Ok(found)
}

/// A machine action as it stands now; nothing where Defender doesn't know it any more.
///
/// # Errors
///
/// [`CallError`].
pub(super) async fn action(
    tenant: &Tenant,
    id: &str,
    patience: &Patience,
) -> Result<Option<MachineAction>, CallError> {
    let url = address(tenant, Api::Defender, ACTIONS, &[id])?;
    match look(tenant, Api::Defender, url, patience).await {
        Ok(record) => Ok(MachineAction::of(&record)),
        Err(CallError::Rejected { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A secure score control's profile; nothing where there is none of that id.
///
/// # Errors
///
/// [`CallError`].
///
/// <https://learn.microsoft.com/graph/api/securescorecontrolprofile-get>
pub(super) async fn profile(
    tenant: &Tenant,
    id: &str,
    patience: &Patience,
) -> Result<Option<Value>, CallError> {
    let url = address(tenant, Api::Graph, PROFILES, &[id])?;
    match look(tenant, Api::Graph, url, patience).await {
        Ok(profile) => Ok(Some(profile)),
        Err(CallError::Rejected { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Asks Defender for an action on a device, once: a lost answer is never tried again.
///
/// # Errors
///
/// [`CallError`]; only [`CallError::Unavailable`] leaves open whether it is carried out.
///
/// <https://learn.microsoft.com/defender-endpoint/api/isolate-machine>
pub(super) async fn ask_defender(
    tenant: &Tenant,
    acting: &Acting,
    order: &Order,
    attempt: &Attempt,
    device: &str,
) -> Result<Commented, CallError> {
    let (verb, option) = match order.action {
        Action::Isolate => ("isolate", Some("IsolationType")),
        Action::Scan => ("runAntiVirusScan", Some("ScanType")),
        Action::Release | Action::ControlProfile => ("unisolate", None),
    };
    let mut body = json!({ "Comment": attempt.comment() });
    if let (Some(name), Some(value)) = (option, order.variant) {
        body[name] = value.into();
    }
    let url = address(tenant, Api::Defender, MACHINES, &[device, verb])?;
    ask(acting.defender(), Request::new(url, Method::Post), &body, |answer| {
        let record = json_of(answer)?;
        commented(&record).ok_or_else(|| "the answer names no action".to_owned())
    })
    .await
}

/// Changes a control's state, once.
///
/// # Errors
///
/// As [`ask_defender`].
///
/// <https://learn.microsoft.com/graph/api/securescorecontrolprofile-update>
pub(super) async fn ask_graph(
    tenant: &Tenant,
    acting: &Acting,
    order: &Order,
    attempt: &Attempt,
    control: &str,
) -> Result<(), CallError> {
    let mut body = json!({
        "comment": attempt.comment(),
        "vendorInformation": { "provider": "SecureScore", "vendor": "Microsoft" },
    });
    if let Some(state) = order.variant {
        body["state"] = state.into();
    }
    if let Some(to) = &order.assigned_to {
        body["assignedTo"] = to.as_str().into();
    }
    let url = address(tenant, Api::Graph, PROFILES, &[control])?;
    ask(acting.graph(), Request::new(url, Method::Patch), &body, |_| Ok(())).await
}

async fn ask<T>(
    pipeline: &Pipeline,
    mut request: Request,
    body: &Value,
    read: impl FnMut(Answer) -> Result<T, String>,
) -> Result<T, CallError> {
    request.insert_header("content-type", "application/json");
    request.set_body(body.to_string());
    // One try: nobody knows what became of one whose answer is lost.
    let patience = Patience {
        tries: 1,
        first_wait: Duration::ZERO,
        longest_wait: Duration::ZERO,
        deadline: Some(Instant::now() + CALL_FOR),
    };
    pipeline.send(&request, &patience, &Meter::default(), read).await
}
