//! What an administrator grants, in three sets: what collecting needs, what live look-ups need, what
//! response actions need. Least privilege: grant the sets that the deployment uses. Pure.

use crate::source::{ALL, Api, Permission, Source};
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// What somebody may do once a role is granted.
#[derive(Clone, Copy, Debug)]
struct Need {
    /// A source, a look-up or an action.
    what: &'static str,
    api: Api,
    role: Permission,
}

/// The roles of one purpose.
#[derive(Clone, Copy, Debug)]
struct Set {
    /// Its key in `permissions.json`.
    name: &'static str,
    /// What it is for.
    about: &'static str,
    /// The key under which a role lists what needs it.
    lists: &'static str,
    needs: fn() -> Vec<Need>,
}

const SETS: [Set; 3] = [
    Set {
        name: "collect",
        about: "What the timer's jobs read. A source whose role is missing says so and costs the others nothing.",
        lists: "sources",
        needs: collect,
    },
    Set {
        name: "live",
        about: "What is looked up for one device, CVE or software at the moment somebody asks. Some of these \
                roles are in the first set too.",
        lists: "lookups",
        needs: || LIVE.to_vec(),
    },
    Set {
        name: "act",
        about: "What response actions write. Grant them to an identity apart from the collecting one \
                (`POSTURE_ACTION_CLIENT_ID`), and only those of the actions that `POSTURE_ACTIONS` names.",
        lists: "actions",
        needs: || ACT.to_vec(),
    },
];

fn collect() -> Vec<Need> {
    ALL.iter().filter(|source| source.needs != Permission::Nothing).map(of_source).collect()
}

fn of_source(source: &Source) -> Need {
    Need { what: source.name, api: source.api, role: source.needs }
}

const fn defender(what: &'static str, name: &'static str, id: &'static str) -> Need {
    Need { what, api: Api::Defender, role: Permission::AppRole(name, id) }
}

const MACHINE_READ: (&str, &str) = ("Machine.Read.All", "ea8291d3-4b9a-44b5-bc3a-6cea3026dc79");
const SOFTWARE_READ: (&str, &str) = ("Software.Read.All", "37f71c98-d198-41ae-964d-2c49aab74926");
const VULNERABILITY_READ: (&str, &str) =
    ("Vulnerability.Read.All", "41269fc5-d04d-4bfd-bce7-43a51cea049a");
const ISOLATE: (&str, &str) = ("Machine.Isolate", "7e4e1300-e1b9-4102-88ba-f0cb6e6d5974");

/// Reads a device's alerts.
pub(crate) const ALERT_READ: Permission =
    Permission::AppRole("Alert.Read.All", "71fe6b80-7034-4028-9ed8-0f316df9c3ff");
/// Reads who has logged on to a device.
pub(crate) const USER_READ: Permission =
    Permission::AppRole("User.Read.All", "a833834a-4cf1-4732-8acf-bbcfa13fb610");

/// <https://learn.microsoft.com/defender-endpoint/api/machine>
const LIVE: &[Need] = &[
    defender("device by name or id", MACHINE_READ.0, MACHINE_READ.1),
    defender("device by address", MACHINE_READ.0, MACHINE_READ.1),
    defender("vulnerabilities of a device", VULNERABILITY_READ.0, VULNERABILITY_READ.1),
    defender("devices with a vulnerability", VULNERABILITY_READ.0, VULNERABILITY_READ.1),
    defender("software of a device", SOFTWARE_READ.0, SOFTWARE_READ.1),
    defender("devices with a software", SOFTWARE_READ.0, SOFTWARE_READ.1),
    defender("missing updates of a device", SOFTWARE_READ.0, SOFTWARE_READ.1),
    defender(
        "recommendations for a device",
        "SecurityRecommendation.Read.All",
        "6443965c-7dd2-4cfd-b38f-bb7772bee163",
    ),
    Need { what: "logged-on users", api: Api::Defender, role: USER_READ },
    Need { what: "alerts of a device", api: Api::Defender, role: ALERT_READ },
];

/// <https://learn.microsoft.com/defender-endpoint/api/machineaction>
const ACT: &[Need] = &[
    defender("isolate", ISOLATE.0, ISOLATE.1),
    defender("release", ISOLATE.0, ISOLATE.1),
    defender("scan", "Machine.Scan", "a86d9824-b2b6-45f8-b042-16bc4922ed4e"),
    Need {
        what: "control-profile",
        api: Api::Graph,
        role: Permission::AppRole(
            "SecurityEvents.ReadWrite.All",
            "d903a879-88e0-4c09-b0c9-82f6a1333f84",
        ),
    },
];

/// A role, and what needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Whose role it is.
    pub api: Api,
    /// The role.
    pub permission: Permission,
    /// Sources, look-ups or actions.
    pub needed_for: Vec<&'static str>,
}

impl Role {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.permission.role().0
    }

    /// Its id, the same in every tenant.
    pub fn id(&self) -> &'static str {
        self.permission.role().1
    }
}

/// The roles of these needs, each once, in the order in which they are first needed.
fn roles(needs: impl IntoIterator<Item = Need>) -> Vec<Role> {
    let mut roles: Vec<Role> = Vec::new();
    for Need { what, api, role } in needs {
        let known = roles.iter_mut().find(|known| known.api == api && known.permission == role);
        match known {
            Some(known) if known.needed_for.contains(&what) => {}
            Some(known) => known.needed_for.push(what),
            None => roles.push(Role { api, permission: role, needed_for: vec![what] }),
        }
    }
    roles
}

/// The roles that these sources need and, where `live` is set, those of the look-ups; each once.
pub fn to_read(sources: &[Source], live: bool) -> Vec<Role> {
    let sources = sources.iter().map(of_source);
    roles(sources.chain(LIVE.iter().copied().filter(|_| live)))
}

/// The roles that these actions need, each once.
pub fn to_act(actions: &[String]) -> Vec<Role> {
    let is_meant = |need: &&Need| actions.iter().any(|action| action == need.what);
    roles(ACT.iter().filter(is_meant).copied())
}

/// The response actions by name.
pub fn actions() -> impl Iterator<Item = &'static str> {
    ACT.iter().map(|need| need.what)
}

/// The name and the application id of the service that defines an API's app roles, the same in every
/// tenant; nothing where roles are Azure's own.
pub fn application(api: Api) -> Option<(&'static str, &'static str)> {
    match api {
        Api::Graph => Some(("Microsoft Graph", "00000003-0000-0000-c000-000000000000")),
        Api::Defender => Some(("WindowsDefenderATP", "fc780465-2017-40d4-a0c5-307022471b92")),
        Api::Arm | Api::Kev | Api::Epss | Api::Nvd => None,
    }
}

/// What `infra/generated/permissions.json` holds: each set with the app roles of each API, whose `appId`
/// is the same in every tenant, and the Azure roles.
pub fn json() -> Value {
    let sets = SETS.iter().map(|set| {
        let all = roles((set.needs)());
        let of = |api| -> Vec<Value> {
            let roles = all.iter().filter(|role| role.api == api);
            roles
                .map(|role| json!({ "name": role.name(), "id": role.id(), set.lists: role.needed_for }))
                .collect()
        };
        let apis = [Api::Graph, Api::Defender].into_iter().filter_map(|api| {
            let (name, id) = application(api)?;
            let roles = of(api);
            (!roles.is_empty()).then(|| json!({ "api": name, "appId": id, "appRoles": roles }))
        });
        let apis: Vec<_> = apis.collect();
        (set.name.to_owned(), json!({ "apis": apis, "azureRoles": of(Api::Arm) }))
    });
    Value::Object(sets.collect::<Map<_, _>>())
}

/// The page `docs/permissions.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Permissions\n\nWritten by `posture describe`; don't edit it by hand. `infra/generated/permissions.json` \
         has the same with the roles' ids.\n\nAll are application permissions of the function app's identity, or \
         roles of Azure's own access control\nat the management group or the subscriptions.\n",
    );
    for set in &SETS {
        // Writing to a string never fails.
        let _ = write!(
            page,
            "\n## {}\n\n{}\n\n| role | of | needed for |\n| --- | --- | --- |\n",
            set.name, set.about
        );
        let roles = roles((set.needs)());
        for api in [Api::Graph, Api::Defender, Api::Arm] {
            for role in roles.iter().filter(|role| role.api == api) {
                let needed_for = role.needed_for.join(", ");
                let _ = writeln!(page, "| `{}` | {api} | {needed_for} |", role.name());
            }
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn names(set: &Set) -> BTreeSet<&'static str> {
        roles((set.needs)()).iter().map(Role::name).collect()
    }

    #[test]
    fn collecting_and_looking_up_only_read() {
        let [collect, live, act] = &SETS;

        for name in names(collect).into_iter().chain(names(live)) {
            assert!(name.ends_with(".Read.All") || name == "Security Reader", "{name} may write");
        }
        assert!(names(act).is_disjoint(&names(collect)) && names(act).is_disjoint(&names(live)));
    }

    #[test]
    fn every_action_and_every_source_has_its_role() {
        let needed =
            |set: &Set| -> BTreeSet<&str> { (set.needs)().iter().map(|need| need.what).collect() };

        assert_eq!(needed(&SETS[2]), ["control-profile", "isolate", "release", "scan"].into());
        let asks = ALL.iter().filter(|source| !source.is_shared());
        assert_eq!(needed(&SETS[0]).len(), asks.count());
        assert!(names(&SETS[1]).contains("User.Read.All"));
    }

    #[test]
    fn a_role_has_one_id_of_its_own_within_its_api() {
        let mut ids = BTreeMap::new();
        for need in SETS.iter().flat_map(|set| (set.needs)()) {
            let (name, id) = need.role.role();
            assert_eq!(*ids.entry((need.api.to_string(), name)).or_insert(id), id, "{name}");
            assert_eq!(id.len(), 36, "{name}");
        }
        let different: BTreeSet<_> = ids.values().collect();
        assert_eq!(different.len(), ids.len(), "two roles share an id");
    }
}
