//! The file form of an export: links to its files.

use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::json;

use crate::answer::Answer;
use crate::export::{Set, View};
use crate::fault::Api;
use crate::generate::Draw;
use crate::options::Tenant;
use crate::scene::later;
use crate::state::State;
use crate::web;

/// Hours that links live, between 1 and this.
const MOST_HOURS: u64 = 6;

/// Hours that the links shall live; what is wrong with the query otherwise.
pub(crate) fn hours(query: &str) -> Result<u64, String> {
    let mut hours = 1;
    for (name, value) in web::pairs(query) {
        if !name.eq_ignore_ascii_case("sasValidHours") {
            return Err(format!("The query parameter '{name}' is not supported."));
        }
        let valid = value.parse().ok().filter(|hours| (1..=MOST_HOURS).contains(hours));
        hours = valid.ok_or_else(|| {
            format!("Invalid value '{value}' for 'sasValidHours': it must be between 1 and {MOST_HOURS}.")
        })?;
    }
    Ok(hours)
}

/// Answers with a link to every file of the newest snapshot.
pub(crate) fn answer(
    state: &State,
    tenant: &Tenant,
    set: &Set,
    query: &str,
    now: Timestamp,
) -> Result<Answer, String> {
    let until = later(now, 3600 * hours(query)?).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let view = state.view(tenant);
    let links: Vec<String> = (0..state.options.export_files.max(1))
        .map(|number| link(state, &path(set, &view, number), &until))
        .collect();
    let context = "https://api.securitycenter.microsoft.com/api/$metadata#microsoft.windowsDefenderATP.api.ExportFilesResponse";
    let body = json!({"@odata.context": context, "exportFiles": links,
        "generatedTime": view.time().to_string()});
    Ok(Answer::json(200, &body))
}

/// Where a file lies.
pub(crate) fn path(set: &Set, view: &View, number: u32) -> String {
    let tenant = &view.scene.tenant.id;
    let made = view.time().strftime("%Y-%m-%d/%H%M");
    let part = Draw::new(view.scene.tenant.seed, set.folder, view.step as u64).guid();
    format!(
        "/export/{tenant}/{made}/{}/json/OrgId={tenant}/_RbacGroupId=0/part-{number:05}-{part}.c000.json.gz",
        set.folder
    )
}

fn link(state: &State, path: &str, until: &str) -> String {
    let escaped = signature(state, path, until).replace('+', "%2B").replace('/', "%2F");
    let (signature, until) = (escaped.replace('=', "%3D"), until.replace(':', "%3A"));
    let base = state.base(Api::Storage);
    format!("{base}{path}?sv=2024-11-04&se={until}&sr=b&sp=r&sig={signature}")
}

/// The signature of a link that lives until then; another one after links were made to expire.
pub(crate) fn signature(state: &State, path: &str, until: &str) -> String {
    let generation = state.link_generation.load(Ordering::Relaxed);
    let mut draw = Draw::new(7, &format!("{path} {until}"), generation);
    let bytes: Vec<u8> = (0..4).flat_map(|_| draw.next().to_be_bytes()).collect();
    STANDARD.encode(bytes)
}
