//! What can be asked of Defender for Endpoint: paths, app roles, folders of recorded pages.

use bytes::Bytes;
use jiff::Timestamp;

use crate::defender::inventory;
use crate::export::{CHANGES, CHANGES_SOURCE, FILE_RATES, PAGE_RATES, SETS, Set};
use crate::generate;
use crate::limits::{DEFENDER_LISTS, Rate};
use crate::records;
use crate::scene::Scene;

/// One thing that can be asked for.
#[derive(Clone, Copy)]
pub(crate) struct Endpoint {
    /// The path behind `/api/`, as Microsoft spells it.
    pub name: &'static str,
    /// Folder of its recorded pages.
    pub source: &'static str,
    /// The app role it needs.
    pub role: &'static str,
    pub kind: Kind,
}

/// How an endpoint answers.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// One body, always whole.
    Single(fn(&Scene) -> Bytes),
    /// Pages of records.
    List(List),
    /// Links to the files of an export.
    Files(&'static Set),
    /// The same rows in pages; without a set the changes of vulnerabilities.
    Pages(Option<&'static Set>),
}

impl Kind {
    /// How often it may be called, by whose count.
    pub(crate) fn rates(&self, name: &'static str) -> (&'static str, &'static [Rate]) {
        match self {
            Kind::Single(_) | Kind::List(_) => ("lists", &DEFENDER_LISTS),
            Kind::Files(_) => (name, &FILE_RATES),
            Kind::Pages(_) => (name, &PAGE_RATES),
        }
    }
}

/// A list that pages by `$skip`.
#[derive(Clone, Copy)]
pub(crate) struct List {
    /// Entity set in `@odata.context`.
    pub title: &'static str,
    /// Records on a page and largest `$top`.
    ///
    /// <https://learn.microsoft.com/defender-endpoint/api/exposed-apis-list>
    pub page: usize,
    pub total: fn(&Scene) -> u64,
    pub record: fn(&Scene, u64) -> Bytes,
    /// Fields that `$filter` may compare, and their instants.
    pub dates: Option<Dates>,
}

#[derive(Clone, Copy)]
pub(crate) struct Dates {
    pub fields: &'static [&'static str],
    pub date: fn(&Scene, u64, &str) -> Timestamp,
}

const fn endpoint(
    name: &'static str,
    source: &'static str,
    role: &'static str,
    kind: Kind,
) -> Endpoint {
    Endpoint { name, source, role, kind }
}

const fn list(
    title: &'static str,
    page: usize,
    total: fn(&Scene) -> u64,
    record: fn(&Scene, u64) -> Bytes,
) -> Kind {
    Kind::List(List { title, page, total, record, dates: None })
}

const ACTIONS: Kind = Kind::List(List {
    title: "MachineActions",
    page: 10_000,
    total: inventory::actions,
    record: inventory::action,
    dates: Some(Dates {
        fields: &["lastUpdateDateTimeUtc", "creationDateTimeUtc"],
        date: inventory::action_date,
    }),
});

static ENDPOINTS: [Endpoint; 8] = [
    endpoint(
        "exposureScore",
        "defender.exposure_score",
        "Score.Read.All",
        Kind::Single(|scene| generate::exposure_score(&scene.tenant, scene.today)),
    ),
    endpoint(
        "exposureScore/ByMachineGroups",
        "defender.exposure_score_by_group",
        "Score.Read.All",
        Kind::Single(inventory::exposure_by_group),
    ),
    endpoint(
        "configurationScore",
        "defender.device_secure_score",
        "Score.Read.All",
        Kind::Single(|scene| generate::configuration_score(&scene.tenant, scene.today)),
    ),
    endpoint(
        "recommendations",
        "defender.recommendations",
        "SecurityRecommendation.Read.All",
        list(
            "Recommendations",
            10_000,
            |scene| scene.tenant.recommendations.into(),
            |scene, number| records::recommendation(&scene.tenant, number),
        ),
    ),
    endpoint(
        "vulnerabilities",
        "defender.vulnerabilities",
        "Vulnerability.Read.All",
        list(
            "Vulnerabilities",
            8_000,
            |scene| scene.tenant.vulnerabilities.into(),
            |scene, number| records::vulnerability(&scene.tenant, number, scene.today),
        ),
    ),
    endpoint(
        "machines",
        "defender.devices",
        "Machine.Read.All",
        list(
            "Machines",
            10_000,
            |scene| scene.tenant.devices.into(),
            |scene, number| scene.device(number),
        ),
    ),
    endpoint(
        "Software",
        "defender.software",
        "Software.Read.All",
        list("Software", 10_000, inventory::products, inventory::product),
    ),
    endpoint("machineactions", "defender.machine_actions", "Machine.Read.All", ACTIONS),
];

/// The endpoint of a path; case doesn't matter, and the version may stand in it.
pub(crate) fn find(path: &str) -> Option<Endpoint> {
    let path = path.to_ascii_lowercase();
    let name = path.strip_prefix("/api/")?;
    let name = name.strip_prefix("v1.0/").unwrap_or(name);
    let is_named = |known: &str| known.eq_ignore_ascii_case(name);
    let listed = ENDPOINTS.iter().find(|endpoint| is_named(endpoint.name)).copied();
    listed.or_else(|| SETS.iter().find_map(|set| of_set(set, &is_named))).or_else(|| {
        let changes = Kind::Pages(None);
        is_named(CHANGES)
            .then(|| endpoint(CHANGES, CHANGES_SOURCE, "Vulnerability.Read.All", changes))
    })
}

fn of_set(set: &'static Set, is_named: &impl Fn(&str) -> bool) -> Option<Endpoint> {
    match (is_named(set.files), is_named(set.pages)) {
        (true, _) => Some(endpoint(set.files, set.source, set.role, Kind::Files(set))),
        (_, true) => Some(endpoint(set.pages, set.source, set.role, Kind::Pages(Some(set)))),
        _ => None,
    }
}
