//! Faults on demand: which requests they meet and what goes wrong with those.

use std::time::Duration;

/// One of the simulated APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Api {
    /// Entra ID's token endpoint.
    Entra,
    /// App Service's managed-identity endpoint.
    Identity,
    /// Microsoft Graph.
    Graph,
    /// Defender for Endpoint.
    Defender,
    /// Azure Resource Manager.
    Arm,
    /// Logs Ingestion.
    Logs,
    /// Key Vault.
    Vault,
    /// Blob storage that the links of exports lead to.
    Storage,
    /// CISA's site.
    Kev,
    /// Where CISA's copy of its catalogue lies.
    KevMirror,
    /// FIRST's files.
    Epss,
    /// The National Vulnerability Database.
    Nvd,
}

impl Api {
    pub(crate) const ALL: [Api; 12] = [
        Api::Entra,
        Api::Identity,
        Api::Graph,
        Api::Defender,
        Api::Arm,
        Api::Logs,
        Api::Vault,
        Api::Storage,
        Api::Kev,
        Api::KevMirror,
        Api::Epss,
        Api::Nvd,
    ];
}

/// What goes wrong with the requests that a fault meets.
#[derive(Clone, Debug, PartialEq)]
pub enum FaultKind {
    /// This status with the API's own error body. Nothing else happens: no token, no row.
    Status {
        /// HTTP status.
        code: u16,
        /// Text of the `Retry-After` header.
        retry_after: Option<String>,
    },
    /// Entra ID's refusal with this `AADSTS` number, in its documented shape.
    SignIn(u32),
    /// Status 200 with exactly this body.
    Body {
        /// Text of the `Content-Type` header.
        content_type: String,
        /// The bytes answered.
        body: Vec<u8>,
    },
    /// The JSON stops half way, the HTTP body is complete.
    Malformed,
    /// An object without `value`.
    NoValue,
    /// The connection breaks in the middle of the body. An answer without a body (Logs Ingestion)
    /// is lost as a whole, after its rows were stored.
    CutBody,
    /// An empty `value` whose next link leads to the page that would have been answered.
    EmptyPage,
    /// The right records with this next link.
    NextLink(String),
    /// The right records with the request's own URL as next link.
    SameLink,
    /// Status 206 with a `Warning` header and the right records.
    Partial,
    /// The first record has bytes in a string that aren't UTF-8.
    NonUtf8,
    /// The first record has null where numbers are documented.
    NullNumbers,
    /// One more record of this many bytes, last on the page, with the id `huge`.
    HugeRecord(usize),
    /// The first record has unknown enum texts and an unknown field.
    UnknownValues,
    /// Status 204 without a body.
    NoContent,
    /// The right answer, this much later.
    Hang(Duration),
    /// The right answer at once made, what it does done, and sent this much later.
    Late(Duration),
    /// The right answer, its body spread over this time.
    SlowBody(Duration),
    /// The connection closes without an answer, and nothing was done.
    Drop,
    /// The API's clock is this many seconds ahead: `Date` header, new tokens, expiry checks.
    Skew(i64),
    /// Status 200 with a page of HTML.
    Html,
}

/// One fault: which requests, and what of them.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The API that misbehaves.
    pub api: Api,
    /// Beginning of the path, without regard to case; empty for any.
    pub path: String,
    /// The only tenant it meets, by the token or the token request.
    pub tenant: Option<String>,
    /// Matching requests that pass first.
    pub after: u32,
    /// Matching requests that are met then; `u32::MAX` is for ever.
    pub times: u32,
    /// What goes wrong.
    pub kind: FaultKind,
}

impl Fault {
    /// A fault that meets the next matching request only.
    pub fn new(api: Api, path: &str, kind: FaultKind) -> Fault {
        Fault { api, path: path.to_owned(), tenant: None, after: 0, times: 1, kind }
    }

    /// Meets every matching request from now on.
    pub fn always(self) -> Fault {
        self.times(u32::MAX)
    }

    /// Lets `requests` matching ones pass first.
    pub fn after(self, requests: u32) -> Fault {
        Fault { after: requests, ..self }
    }

    /// Meets this many matching requests.
    pub fn times(self, times: u32) -> Fault {
        Fault { times, ..self }
    }

    /// Meets this tenant's requests only.
    pub fn tenant(self, id: &str) -> Fault {
        Fault { tenant: Some(id.to_ascii_lowercase()), ..self }
    }

    fn matches(&self, api: Api, path: &str, tenant: Option<&str>) -> bool {
        let start = path.as_bytes().get(..self.path.len());
        self.api == api
            && start.is_some_and(|start| start.eq_ignore_ascii_case(self.path.as_bytes()))
            && (self.tenant.is_none() || self.tenant.as_deref() == tenant)
    }
}

/// The faults in force. Each one counts the requests it lets pass and those it meets.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault that meets this request: the oldest one whose turn it is.
    pub(crate) fn meet(&mut self, api: Api, path: &str, tenant: Option<&str>) -> Option<FaultKind> {
        for fault in self.0.iter_mut().filter(|fault| fault.matches(api, path, tenant)) {
            match fault {
                Fault { after: 1.., .. } => fault.after -= 1,
                Fault { times: 0, .. } => {}
                Fault { times: u32::MAX, .. } => return Some(fault.kind.clone()),
                _ => {
                    fault.times -= 1;
                    return Some(fault.kind.clone());
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_lets_requests_pass_and_then_meets_its_number() {
        let mut faults = Faults::default();
        faults.add(Fault::new(Api::Graph, "/v1.0", FaultKind::Drop).after(1).times(2).tenant("t"));

        let met: Vec<bool> = (0..5)
            .map(|_| faults.meet(Api::Graph, "/V1.0/security", Some("t")).is_some())
            .collect();

        assert_eq!(met, [false, true, true, false, false]);
        assert_eq!(faults.meet(Api::Graph, "/v1.0/security", None), None);
    }
}
