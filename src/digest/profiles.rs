//! What each control of the Secure Score is worth, and what stands in its way.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lenient;
use super::plain_text::plain_text;

/// Profiles that are kept; a tenant has 200 to 500.
const MAX_PROFILES: usize = 2_000;

/// Longest remediation text that is kept, in characters.
const MAX_REMEDIATION_CHARS: usize = 1_000;

/// Longest title or link that is kept, in characters.
const MAX_CHARS: usize = 1_000;

/// The state of a control that nobody has decided on.
const DEFAULT_STATE: &str = "Default";

/// Control profiles by id, at most 2,000.
///
/// <https://learn.microsoft.com/graph/api/resources/securescorecontrolprofile>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ControlProfiles {
    /// By id, which a control score calls `controlName`.
    pub profiles: BTreeMap<String, Profile>,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

/// What is kept of a control profile, with texts as the service spells them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Profile {
    /// What to do, in a few words.
    pub title: Option<String>,
    /// `Identity`, `Data`, `Device`, `Apps`, `Infrastructure`, or one not documented.
    pub category: Option<String>,
    /// Points that the control is worth.
    pub max_score: Option<f64>,
    /// Microsoft's own ranking, 1 first; ties are common.
    pub rank: Option<u64>,
    /// `Low`, `Moderate`, `High` or `Unknown`.
    pub cost: Option<String>,
    /// `Low`, `Moderate`, `High` or `Unknown`.
    pub user_impact: Option<String>,
    /// `Core`, `Defense in Depth` or `Advanced`.
    pub tier: Option<String>,
    /// The product, such as `AzureAD` or `MDATP`.
    pub service: Option<String>,
    /// Where it is carried out.
    pub action_url: Option<String>,
    /// How it is carried out: plain text, at most 1,000 characters; escape it before showing it as HTML.
    pub remediation: Option<String>,
    /// No longer counted, though still listed.
    pub deprecated: bool,
    /// `Default`, `Ignored`, `ThirdParty`, `Reviewed`, in any letter case.
    pub state: String,
    /// Whether somebody was put in charge with that state.
    pub assigned: bool,
}

impl Profile {
    /// Whether the control is in a state, in any letter case.
    pub fn is(&self, state: &str) -> bool {
        self.state.eq_ignore_ascii_case(state)
    }
}

impl ControlProfiles {
    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let record: Record = lenient::record(line)?;
        let id = record.id.as_deref()?.to_owned();
        if self.profiles.len() < MAX_PROFILES || self.profiles.contains_key(&id) {
            self.profiles.insert(id, record.into());
        }
        Some(())
    }
}

impl From<Record<'_>> for Profile {
    fn from(record: Record) -> Profile {
        let newest = effective(record.control_state_updates);
        Profile {
            title: kept(record.title),
            category: kept(record.control_category),
            max_score: record.max_score,
            rank: record.rank,
            cost: kept(record.implementation_cost),
            user_impact: kept(record.user_impact),
            tier: kept(record.tier),
            service: kept(record.service),
            action_url: kept(record.action_url),
            remediation: record.remediation.map(|html| {
                lenient::cut(&plain_text(&html), MAX_REMEDIATION_CHARS).trim_end().to_owned()
            }),
            deprecated: record.deprecated.unwrap_or(false),
            state: kept(newest.state).unwrap_or_else(|| DEFAULT_STATE.to_owned()),
            assigned: newest.assigned_to.is_some_and(|person| !person.trim().is_empty()),
        }
    }
}

/// The state that holds: the one set last; one without a date is the oldest.
fn effective(updates: Vec<Update>) -> Update {
    updates.into_iter().max_by_key(|update| update.updated_date_time).unwrap_or_default()
}

fn kept(text: Option<Cow<str>>) -> Option<String> {
    text.map(|text| lenient::cut(&text, MAX_CHARS).to_owned())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    title: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    control_category: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::number")]
    max_score: Option<f64>,
    #[serde(deserialize_with = "lenient::count")]
    rank: Option<u64>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    implementation_cost: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    user_impact: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    tier: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    service: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    action_url: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    remediation: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::flag")]
    deprecated: Option<bool>,
    #[serde(borrow, deserialize_with = "lenient::list")]
    control_state_updates: Vec<Update<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Update<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    state: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    assigned_to: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::time")]
    updated_date_time: Option<Timestamp>,
}
