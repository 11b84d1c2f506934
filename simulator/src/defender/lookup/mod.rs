//! Look-ups of one machine, vulnerability or product, as consistent with the lists as those are with the
//! exports: which machines have what follows from the rows of the exports.

mod find;
mod flaw;
mod machine;
mod product;

use bytes::Bytes;
use jiff::Timestamp;

use crate::answer::{Answer, Content, ODATA, Page, opening};
use crate::defender::AUDIENCE;
use crate::export::View;
use crate::limits::{DEFENDER_LISTS, Rate};
use crate::web;

/// Records on a page and largest `$top`.
///
/// <https://learn.microsoft.com/defender-endpoint/api/exposed-apis-list>
const PAGE: usize = 10_000;

/// <https://learn.microsoft.com/defender-endpoint/api/get-discovered-vulnerabilities>
const VULNERABILITIES_OF_MACHINE: [Rate; 2] = [Rate::new(50, 60), Rate::new(1500, 3600)];

/// What a path asks for.
#[derive(Clone, Debug, PartialEq)]
enum Of {
    Machine,
    Machines,
    ByIp,
    Alerts,
    LogonUsers,
    VulnerabilitiesOfMachine,
    Recommendations,
    SoftwareOfMachine,
    MissingKbs,
    Vulnerability,
    MachinesOfVulnerability,
    MachinesVulnerabilities,
    Product,
    MachinesOfProduct,
    Distributions,
    VulnerabilitiesOfProduct,
}

/// A look-up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lookup {
    of: Of,
    /// What it is about, escapes undone.
    id: String,
}

/// What is wrong with a request.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub status: u16,
    pub code: &'static str,
    pub text: String,
}

impl Wrong {
    fn missing(kind: &str, id: &str) -> Wrong {
        Wrong { status: 404, code: "ResourceNotFound", text: format!("{kind} {id} was not found") }
    }

    fn option(text: String) -> Wrong {
        Wrong { status: 400, code: "ODataError", text }
    }
}

/// The look-up that a path behind `/api/` asks for.
pub(crate) fn find(path: &str, query: &str) -> Option<Lookup> {
    let below = path.get("/api/".len()..)?;
    let below = match below.get(..5) {
        Some(version) if version.eq_ignore_ascii_case("v1.0/") => &below[5..],
        _ => below,
    };
    let parts: Vec<String> = below.split('/').map(web::unescape).collect();
    let lower: Vec<String> = parts.iter().map(|part| part.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let filters = web::pairs(query).iter().any(|(name, _)| name == "$filter");
    let of = match lower.as_slice() {
        ["machines"] if filters => Of::Machines,
        ["machines", call] if call.starts_with("findbyip(") => Of::ByIp,
        ["machines", name] if is_export(name) => return None,
        ["machines", _] => Of::Machine,
        ["machines", _, "alerts"] => Of::Alerts,
        ["machines", _, "logonusers"] => Of::LogonUsers,
        ["machines", _, "vulnerabilities"] => Of::VulnerabilitiesOfMachine,
        ["machines", _, "recommendations"] => Of::Recommendations,
        ["machines", _, "software"] => Of::SoftwareOfMachine,
        ["machines", _, "getmissingkbs"] => Of::MissingKbs,
        ["vulnerabilities", "machinesvulnerabilities"] => Of::MachinesVulnerabilities,
        ["vulnerabilities", _] => Of::Vulnerability,
        ["vulnerabilities", _, "machinereferences"] => Of::MachinesOfVulnerability,
        ["software", _] => Of::Product,
        ["software", _, "machinereferences"] => Of::MachinesOfProduct,
        ["software", _, "distributions"] => Of::Distributions,
        ["software", _, "vulnerabilities"] => Of::VulnerabilitiesOfProduct,
        _ => return None,
    };
    Some(Lookup { of, id: parts.get(1).cloned().unwrap_or_default() })
}

fn is_export(name: &str) -> bool {
    name.ends_with("export") || name.ends_with("bymachine")
}

impl Lookup {
    /// The app role it needs.
    pub(crate) fn role(&self) -> &'static str {
        match self.of {
            Of::Machine | Of::Machines | Of::ByIp => "Machine.Read.All",
            Of::Alerts => "Alert.Read.All",
            Of::LogonUsers => "User.Read.All",
            Of::Recommendations => "SecurityRecommendation.Read.All",
            Of::VulnerabilitiesOfMachine
            | Of::Vulnerability
            | Of::MachinesOfVulnerability
            | Of::MachinesVulnerabilities
            | Of::VulnerabilitiesOfProduct => "Vulnerability.Read.All",
            Of::SoftwareOfMachine
            | Of::MissingKbs
            | Of::Product
            | Of::MachinesOfProduct
            | Of::Distributions => "Software.Read.All",
        }
    }

    /// How often it may be called, by whose count.
    pub(crate) fn rates(&self) -> (&'static str, &'static [Rate]) {
        match self.of {
            Of::VulnerabilitiesOfMachine => {
                ("machine vulnerabilities", &VULNERABILITIES_OF_MACHINE)
            }
            _ => ("lists", &DEFENDER_LISTS),
        }
    }

    /// What the service answers.
    pub(crate) fn answer(
        &self,
        view: &View,
        query: &str,
        (url, now): (&str, Timestamp),
    ) -> Result<Answer, Wrong> {
        let id = self.id.as_str();
        let (title, records) = match self.of {
            Of::Machine => return Ok(single("Machines", &machine::one(view, id)?)),
            Of::Vulnerability => return Ok(single("Vulnerabilities", &flaw::one(view, id)?)),
            Of::Product => return Ok(single("Software", &product::one(view, id)?)),
            Of::Machines => ("Machines", find::filtered(view, query)?),
            Of::ByIp => ("Machines", find::by_ip(view, id, now)?),
            Of::Alerts => ("Alerts", machine::alerts(view, id)?),
            Of::LogonUsers => ("Users", machine::users(view, id)?),
            Of::VulnerabilitiesOfMachine => ("PublicVulnerabilityDto", machine::flaws(view, id)?),
            Of::Recommendations => ("Recommendations", machine::recommendations(view, id)?),
            Of::SoftwareOfMachine => ("Software", machine::software(view, id)?),
            Of::MissingKbs => ("PublicProductFixDto", machine::missing_kbs(view, id)?),
            Of::MachinesOfVulnerability => ("MachineReferences", flaw::machines(view, id)?),
            Of::MachinesVulnerabilities => ("AssetVulnerability", flaw::rows(view, query)?),
            Of::MachinesOfProduct => ("MachineReferences", product::machines(view, id)?),
            Of::Distributions => ("Distributions", product::distributions(view, id)?),
            Of::VulnerabilitiesOfProduct => ("Vulnerabilities", product::flaws(view, id)?),
        };
        page(title, records, query, url)
    }
}

/// One object beside its context.
fn single(title: &str, record: &Bytes) -> Answer {
    let context = format!("{AUDIENCE}/api/$metadata#{title}/$entity");
    let mut body = format!(r#"{{"@odata.context":"{context}","#).into_bytes();
    body.extend_from_slice(record.get(1..).unwrap_or_default());
    Answer::new(200, Content::Whole(body.into()))
}

fn page(title: &str, records: Vec<Bytes>, query: &str, url: &str) -> Result<Answer, Wrong> {
    let (mut top, mut skip, mut rest) = (None, 0, String::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let number = || {
            let wrong = |_| Wrong::option(format!("Invalid value '{value}' for '{name}'."));
            value.parse::<usize>().map_err(wrong)
        };
        match web::unescape(name).as_str() {
            "$top" => top = Some(number()?).filter(|top| *top <= PAGE),
            "$skip" => skip = number()?,
            "$filter" if !rest.is_empty() => return Err(Wrong::option("Two filters.".to_owned())),
            "$filter" => rest = format!("{pair}&"),
            name => {
                return Err(Wrong::option(format!(
                    "The query parameter '{name}' is not supported."
                )));
            }
        }
    }
    let start = skip.min(records.len());
    let end = start.saturating_add(top.unwrap_or(PAGE)).min(records.len());
    let next = (top.is_none() && end < records.len()).then(|| format!("{url}?{rest}$skip={end}"));
    Ok(Answer::page(Page {
        form: &ODATA,
        opening: opening(&format!("{AUDIENCE}/api/$metadata#{title}"), None),
        length: end - start,
        records: Box::new(records.into_iter().skip(start).take(end - start)),
        next,
    }))
}
