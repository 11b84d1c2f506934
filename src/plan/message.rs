//! Jobs, and the messages that they travel as through the storage queue.

use super::{RunId, Window};
use crate::source::Source;
use serde::{Deserialize, Serialize};

/// One source of one tenant, to be collected for one run.
#[derive(Clone, Debug)]
pub struct Job {
    /// Shared by all jobs of a plan.
    pub run: RunId,
    /// The tenant's id, a lower-case GUID.
    pub tenant: String,
    /// What to collect.
    pub source: Source,
    /// Asked for by a person: a recent complete run doesn't make it needless.
    pub now: bool,
    /// The times asked for; absent: the source's own.
    pub window: Option<Window>,
    /// The one export file that the job reads; absent: the source itself.
    pub file: Option<String>,
    /// Whether it writes the run's completed snapshot in open formats, instead of collecting it.
    pub findings: bool,
}

impl Job {
    /// The job of one of the source's export files, in the same run.
    pub fn of_file(&self, file: &str) -> Job {
        Job { file: Some(file.to_owned()), ..self.clone() }
    }

    /// The job of the source itself.
    pub fn of_source(&self) -> Job {
        Job { file: None, ..self.clone() }
    }
}

/// A job as it travels through the storage queue.
///
/// <https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The run.
    pub run: RunId,
    /// The tenant's id.
    pub tenant: String,
    /// The source's name; none in a plan.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// See [`Job::now`].
    #[serde(default, skip_serializing_if = "is_false")]
    pub now: bool,
    /// What kind of job; absent: one source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Of a plan: the sources that may be due.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Beginning of the times asked for, see [`Job::window`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<RunId>,
    /// Their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<RunId>,
    /// Of a case: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Of a case: its hunting packs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packs: Vec<String>,
    /// Of an export file: which, see [`Job::file`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

impl Message {
    /// The [`Message::kind`] of a plan: which of a tenant's sources are due is to be found out.
    pub const PLAN: &str = "plan";
    /// The [`Message::kind`] of a case.
    pub const CASE: &str = "case";
    /// The [`Message::kind`] of an export file.
    pub const FILE: &str = "file";
    /// The [`Message::kind`] of a completed snapshot that is written in open formats.
    pub const FINDINGS: &str = "findings";

    /// A plan of these sources of a tenant.
    pub fn plan(run: &RunId, tenant: &str, sources: &[Source]) -> Message {
        let sources = sources.iter().map(|source| source.name.to_owned()).collect();
        Message { sources, ..Message::of(Message::PLAN, run, tenant) }
    }

    /// A message of that kind which says nothing else.
    pub fn of(kind: &str, run: &RunId, tenant: &str) -> Message {
        Message {
            run: run.clone(),
            tenant: tenant.to_owned(),
            source: String::new(),
            now: false,
            kind: Some(kind.to_owned()),
            sources: Vec::new(),
            from: None,
            to: None,
            case: None,
            packs: Vec::new(),
            file: None,
        }
    }

    /// Whether it is of that kind.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    /// The times asked for.
    ///
    /// # Errors
    ///
    /// Where one end lacks, or the first isn't earlier.
    pub fn window(&self) -> Result<Option<Window>, String> {
        match (&self.from, &self.to) {
            (None, None) => Ok(None),
            (Some(from), Some(to)) => Window::new(from.clone(), to.clone()).map(Some),
            _ => Err("the times have one end only: give both `from` and `to`".to_owned()),
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

impl From<&Job> for Message {
    fn from(job: &Job) -> Message {
        let kind = match job.findings {
            true => Some(Message::FINDINGS),
            false => job.file.is_some().then_some(Message::FILE),
        };
        Message {
            run: job.run.clone(),
            tenant: job.tenant.clone(),
            source: job.source.name.to_owned(),
            now: job.now,
            kind: kind.map(str::to_owned),
            sources: Vec::new(),
            from: job.window.as_ref().map(|window| window.from.clone()),
            to: job.window.as_ref().map(|window| window.to.clone()),
            case: None,
            packs: Vec::new(),
            file: job.file.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::DEVICES;
    use jiff::Timestamp;

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_message_carries_the_times_asked_for() {
        let window = Window::read("2026-11-01", "2026-11-02").unwrap();
        let text = r#"{"run":"20261122T101500Z","tenant":"t","source":"s","from":"20261101T000000Z","to":"20261102T000000Z"}"#;

        let message: Message = serde_json::from_str(text).unwrap();

        assert_eq!(message.window(), Ok(Some(window)));
        assert_eq!(serde_json::to_string(&message).unwrap(), text);
        let half = text.replace(r#","to":"20261102T000000Z""#, "");
        let half: Message = serde_json::from_str(&half).unwrap();
        assert!(half.window().unwrap_err().contains("give both"));
        assert!(
            serde_json::from_str::<Message>(&text.replace("20261101T", "2026-11-01T")).is_err()
        );
    }

    #[test]
    fn a_message_has_no_more_fields_than_it_needs() {
        let job = Job {
            run: RunId::at(instant("2026-11-22T10:15:00Z")),
            tenant: "11111111-2222-3333-4444-555555555555".to_owned(),
            source: DEVICES,
            now: false,
            window: None,
            file: None,
            findings: false,
        };

        let text = serde_json::to_string(&Message::from(&job)).unwrap();
        let file = serde_json::to_string(&Message::from(&job.of_file("0a1b"))).unwrap();

        assert_eq!(
            text,
            r#"{"run":"20261122T101500Z","tenant":"11111111-2222-3333-4444-555555555555","source":"defender.devices"}"#
        );
        assert!(file.ends_with(r#""kind":"file","file":"0a1b"}"#), "{file}");
        let findings = Message::from(&Job { findings: true, ..job });
        assert!(findings.is(Message::FINDINGS) && findings.file.is_none());
    }
}
