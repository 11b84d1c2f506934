//! CISA's catalogue and its mirror.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::facts::{self, Fact};
use super::{plain, recorded, refusal};
use crate::answer::{Answer, Content};
use crate::fault::Api;
use crate::state::{Request, State};

const PATH: &str = "/sites/default/files/feeds/known_exploited_vulnerabilities.json";
const MIRROR: &str = "/cisagov/kev-data/develop/known_exploited_vulnerabilities.json";

pub(super) async fn answer(state: &State, request: &Request, now: Timestamp) -> Answer {
    // The delivery network lets no program pass that doesn't say what it is.
    match request.header("user-agent").is_none_or(str::is_empty) {
        true => refusal(Api::Kev, 403),
        false => file(state, request, PATH, now).await,
    }
}

pub(super) async fn mirror(state: &State, request: &Request, now: Timestamp) -> Answer {
    file(state, request, MIRROR, now).await
}

async fn file(state: &State, request: &Request, path: &str, now: Timestamp) -> Answer {
    if request.path != path {
        return plain(404, "text/html", "<html></html>");
    }
    if let Some(pages) = recorded::pages(state, "cve.kev").await {
        return Answer::new(200, Content::Whole(pages.concat().into()));
    }
    let mut records: Vec<_> = facts::all(state).filter_map(record).collect();
    // The newest first.
    records.sort_by_key(|record| std::cmp::Reverse(record["dateAdded"].to_string()));
    let catalogue = json!({
        "title": "Invented catalogue",
        "catalogVersion": now.strftime("%Y.%m.%d").to_string(),
        "dateReleased": now.strftime("%Y-%m-%dT%H:%M:%S.0648Z").to_string(),
        "count": records.len(),
        "vulnerabilities": records,
    });
    Answer::json(200, &catalogue)
}

fn record(fact: Fact) -> Option<Value> {
    let (since, due, used) = fact.kev?;
    let mut record = json!({
        "cveID": fact.id,
        // Blanks at either end occur.
        "vendorProject": "Contoso ",
        "product": "Editor",
        "vulnerabilityName": fact.what,
        "dateAdded": since,
        "shortDescription": "Invented.",
        "requiredAction": "Update it.",
        "dueDate": due,
        "knownRansomwareCampaignUse": if used { "Known" } else { "Unknown" },
        "notes": "https://contoso.example/a1 ; https://contoso.example/a2",
        "cwes": [],
        "forensicTriage": if used { "Yes" } else { "No" },
    });
    if fact.cvss.is_some() {
        record["cwes"] = json!(["CWE-78"]);
    }
    Some(record)
}
