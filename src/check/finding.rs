//! What the doctor says. Pure.

use crate::schema;
use crate::tenant::Tenant;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It works, and somebody should look at it.
    Warning,
    /// It doesn't work until somebody does something.
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The tenant's id; nothing where it is the deployment's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The tenant's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_name: Option<String>,
    /// `graph`, `defender`, `azure`, `actions`, `credential`, `workspace`, `storage`, `queue` or `tenants`.
    pub area: &'static str,
    /// What was looked at.
    pub what: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub says: String,
    /// What to do, where something is to be done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next: String,
}

impl Finding {
    /// A thing that is as it should be.
    pub fn good(area: &'static str, what: impl Into<String>, says: impl Into<String>) -> Finding {
        Finding {
            tenant: None,
            tenant_name: None,
            area,
            what: what.into(),
            verdict: Verdict::Good,
            says: says.into(),
            next: String::new(),
        }
    }

    /// The same, but somebody should look at it.
    pub fn warning(self, next: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Warning, next: next.into(), ..self }
    }

    /// The same, but it doesn't work.
    pub fn wrong(self, next: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Wrong, next: next.into(), ..self }
    }

    /// The same of a tenant.
    pub fn of(self, tenant: &Tenant) -> Finding {
        let (id, name) = (tenant.id.clone(), tenant.name.clone());
        Finding { tenant: Some(id), tenant_name: Some(name), ..self }
    }
}

/// Everything that was found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Diagnosis {
    /// The worst verdict.
    pub status: Verdict,
    /// The program's version.
    pub version: &'static str,
    /// When it was looked at.
    #[schemars(with = "schema::Timestamp")]
    pub time: Timestamp,
    /// The worst first, otherwise in the order of looking.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// The findings of one look.
    pub fn new(time: Timestamp, mut findings: Vec<Finding>) -> Diagnosis {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        let status = findings.first().map_or(Verdict::Good, |worst| worst.verdict);
        Diagnosis { status, version: env!("CARGO_PKG_VERSION"), time, findings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first_and_gives_the_status() {
        let good = |what: &str| Finding::good("storage", what, "it is there");
        let findings =
            vec![good("a"), good("b").warning("look"), good("c").wrong("mend"), good("d")];

        let diagnosis = Diagnosis::new(Timestamp::UNIX_EPOCH, findings);

        let order: Vec<_> = diagnosis.findings.iter().map(|finding| &finding.what[..]).collect();
        assert_eq!(order, ["c", "b", "a", "d"]);
        assert_eq!(diagnosis.status, Verdict::Wrong);
        assert_eq!(Diagnosis::new(Timestamp::UNIX_EPOCH, Vec::new()).status, Verdict::Good);
    }
}
