//! The list of devices, and their profiles.

use crate::host::Problem;
use crate::lookup::{self, Filter, Lookup, Profile, SoftwareId, Stop};
use crate::routes::{Answer, Call, Column, Comment, Page, Parameter, Rows, Shown, Window};
use crate::source::DEVICES;
use schemars::JsonSchema;
use serde::Serialize;

const TOP: Parameter = Parameter {
    name: "top",
    about: "items of a page, 1 to 1000, in CSV to 10000; default 100, in CSV 10000",
};
const CONTINUATION: Parameter =
    Parameter { name: "continuation", about: "the token of the page before, for the next one" };

/// `?top=` and `?continuation=`, of every list.
pub(in crate::routes) const PAGED: [Parameter; 2] = [TOP, CONTINUATION];

const fn parameter(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, about }
}

/// What the list's query takes.
pub(super) const FILTERS: &[Parameter] = &[
    parameter("os", "only devices with this osPlatform, such as Windows11"),
    parameter("osVersion", "only devices with this version, such as 24H2"),
    parameter(
        "risk",
        "only devices with this risk level: None, Informational, Low, Medium or High",
    ),
    parameter("exposure", "only devices with this exposure level: None, Low, Medium or High"),
    parameter("group", "only devices of this machine group"),
    parameter("tag", "only devices with this tag"),
    parameter("software", "only devices that have this software: <vendor>-_-<product>"),
    parameter("cve", "only devices that have this vulnerability: CVE-<year>-<number>"),
    TOP,
    CONTINUATION,
];

const COLUMNS: &[Column] = &[
    Column("Device", "computerDnsName"),
    Column("Device id", "id"),
    Column("Entra id", "aadDeviceId"),
    Column("System", "osPlatform"),
    Column("Version", "version"),
    Column("Profiles", "profiles"),
    Column("Risk", "riskScore"),
    Column("Exposure", "exposureLevel"),
    Column("Health", "healthStatus"),
    Column("Onboarding", "onboardingStatus"),
    Column("Value", "deviceValue"),
    Column("Group", "rbacGroupName"),
    Column("Tags", "machineTags"),
    Column("Address", "lastIpAddress"),
    Column("Last seen", "lastSeen"),
    Column("Link", "link"),
];

const PROFILE_COLUMNS: &[Column] = &[
    Column("Profile", "profile"),
    Column("Devices", "devices"),
    Column("Worst risk", "worstRisk"),
    Column("Worst exposure", "worstExposure"),
];

fn filter(call: &Call<'_>) -> Result<Filter, Problem> {
    let text = |name| call.query.get(name);
    let software = call.query.parsed("software", "<vendor>-_-<product>", SoftwareId::read)?;
    let cve = call.query.parsed("cve", "CVE-<year>-<number>", lookup::cve)?;
    Ok(Filter {
        os: text("os"),
        os_version: text("osVersion"),
        risk: text("risk"),
        exposure: text("exposure"),
        group: text("group"),
        tag: text("tag"),
        software,
        cve,
    })
}

pub(super) async fn devices(call: &Call<'_>) -> Result<Answer, Problem> {
    let filter = filter(call)?;
    let lookup = Lookup::new(call.app, call.tenant(), call.known().await?);
    // A token goes on with the list of the same snapshot and filter only.
    let of = format!("{} {}", lookup.run(DEVICES), tag(&filter));
    let mut window = Window::of(call, &of)?;
    let listed = lookup.listed(&filter, |entry| window.take(entry)).await;
    let made = listed.map_err(Stop::from)?;
    Page::seen(("Devices", COLUMNS), window).collected(made).answer(call)
}

/// A filter in a few characters: its own words have no place in a token.
fn tag(filter: &Filter) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, format!("{filter:?}").as_bytes());
    hash.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// A page of profiles.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProfilesPage {
    /// All devices.
    devices: u64,
    /// Devices of which no system is known: they are in no profile.
    unprofiled: u64,
    /// The profiles.
    #[serde(flatten)]
    page: Page<Profile>,
}

impl Shown for ProfilesPage {
    fn comment(&self) -> Option<Comment> {
        self.page.comment()
    }

    fn rows(&self) -> Option<Rows> {
        self.page.rows()
    }
}

pub(super) async fn profiles(call: &Call<'_>) -> Result<Answer, Problem> {
    let lookup = Lookup::new(call.app, call.tenant(), call.known().await?);
    let (all, made) = lookup.profiles().await.map_err(Stop::from)?;
    let heading = format!("Devices by system ({} without)", all.unprofiled);
    let (devices, unprofiled) = (all.devices, all.unprofiled);
    let page = Page::of(call, (heading, PROFILE_COLUMNS), &lookup.run(DEVICES), all.profiles)?;
    let page = page.collected(made);
    let shown = ProfilesPage { devices, unprofiled, page };
    Ok(shown.page.linked(call, Answer::of(call, &shown)?))
}
