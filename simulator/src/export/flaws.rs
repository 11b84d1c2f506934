//! Vulnerabilities of devices, how they change from snapshot to snapshot, and the list of changes.
//!
//! What holds between two snapshots A and B, and `changes` says with `sinceTime` = A: take the rows
//! of A by `id`; for every change in the order given, drop the row on `Fixed`, put the row on `New`
//! and `Updated`. The result has the ids of B, and every row equals the row of B in all fields but
//! `lastSeenTimestamp` (which moves with every snapshot) and those only changes have. A device that
//! changed its group has a `Fixed` and a `New` of the same id with the same time, in this order.
//! The number of rows never changes: what is fixed makes place for something new.

use jiff::Timestamp;

use crate::defender::inventory::{product_name, products};
use crate::export::{Row, View, plain, time_of};
use crate::generate::Draw;
use crate::records;
use crate::scene::{Machine, earlier};

/// Steps that a row stays as it is, and a device in its group: together 1 % of the rows change
/// with each step.
const ROW_STEPS: i64 = 150;
const GROUP_STEPS: i64 = 300;
const GROUPS: i64 = records::GROUPS.len() as i64 + 1;

/// One row in this many is software without a known vulnerability.
const CLEAN: u64 = 6;

const EXPLOITS: [&str; 8] = [
    "NoExploit",
    "NoExploit",
    "ExploitIsPublic",
    "NoExploit",
    "NoExploit",
    "ExploitIsVerified",
    "NoExploit",
    "ExploitIsInKit",
];

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Eq, Ord)]
pub(crate) enum Status {
    Fixed,
    New,
    Updated,
}

/// A change of one row of a device; in order of time, and `Fixed` first.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Eq, Ord)]
pub(crate) struct Change {
    pub step: i64,
    pub slot: u64,
    pub status: Status,
}

/// What a row is about as of a snapshot.
struct Flaw {
    /// Number of the vulnerability; none for software without one.
    number: Option<u64>,
    product: u64,
    /// How often the row was updated.
    updates: i64,
}

fn phase(view: &View, kind: &str, number: u64, period: i64) -> i64 {
    Draw::new(view.scene.tenant.seed, kind, number).below(period as u64) as i64
}

/// Over three turns, so that on every day some rows are updated and others replaced.
fn row_phase(view: &View, device: u64, slot: u64) -> i64 {
    phase(view, "row phase", (device << 16) + slot, 3 * ROW_STEPS)
}

/// The group of a device as of the snapshot. At the start it is the one in the list of devices.
pub(crate) fn group(view: &View, device: u64, listed: u32) -> u32 {
    let phase = phase(view, "group phase", device, GROUP_STEPS);
    let moves = |step: i64| (step + phase).div_euclid(GROUP_STEPS);
    let group = i64::from(listed) + moves(view.step) - moves(view.first);
    group.rem_euclid(GROUPS) as u32
}

/// The row of a device as of a snapshot. Every third turn is an update, the others put another
/// vulnerability in its place.
fn flaw(view: &View, device: u64, slot: u64) -> Flaw {
    let rows = u64::from(view.rows.vulnerabilities).max(1);
    let known = products(&view.scene);
    if slot % CLEAN == CLEAN - 1 {
        return Flaw { number: None, product: (slot + device) % known, updates: 0 };
    }
    let turn = (view.step + row_phase(view, device, slot)).div_euclid(ROW_STEPS);
    let (updates, replaced) = (turn.div_euclid(3), turn - turn.div_euclid(3));
    let choices = (u64::from(view.scene.tenant.vulnerabilities) / rows).max(2);
    let start = Draw::new(view.scene.tenant.seed, "first flaw", (device << 16) + slot);
    let choice = (start.clone().below(choices) + replaced as u64) % choices;
    let number = slot + rows * choice;
    Flaw { number: Some(number), product: number % known, updates }
}

/// The product through which a device has a vulnerability; none where it doesn't.
pub(crate) fn product_of(view: &View, device: u64, number: u64) -> Option<u64> {
    let flaw = row_of(view, device, number)?;
    Some(flaw.product)
}

/// Whether there is an update for a vulnerability of a device.
pub(crate) fn is_fixable(view: &View, device: u64, number: u64) -> bool {
    row_of(view, device, number).is_some_and(|flaw| flaw.updates.rem_euclid(2) == 0)
}

/// The row of a device that may have a vulnerability is told by its number.
fn row_of(view: &View, device: u64, number: u64) -> Option<Flaw> {
    let rows = u64::from(view.rows.vulnerabilities);
    let slot = number.checked_rem(rows)?;
    let flaw = flaw(view, device, slot);
    (flaw.number == Some(number)).then_some(flaw)
}

/// One row of the full export.
pub(crate) fn write(view: &View, machine: &Machine, slot: u64, row: &mut Row) {
    let flaw = flaw(view, machine.number, slot);
    let (vendor, product) = product_name(flaw.product);
    let version = version(view, machine, flaw.product);
    let cve = flaw.number.map(records::cve);
    let id =
        format!("{}_{vendor}_{product}_{version}_{}", machine.id, cve.as_deref().unwrap_or("_"));
    row.text("id", &id);
    super::device(row, machine);
    row.text("osPlatform", &machine.os_platform)
        .text("osVersion", &machine.version())
        .text("osArchitecture", "x64")
        .text("softwareVendor", vendor)
        .text("softwareName", &product)
        .text("softwareVersion", &version);
    judged(view, &flaw, cve.as_deref(), row);
    super::places(row, vendor, &product, slot);
    row.text("recommendationReference", &format!("va-_-{vendor}-_-{product}"))
        .text("firstSeenTimestamp", &plain(first_seen(view, machine.number, slot)))
        .text("lastSeenTimestamp", &view.before(600 + machine.number % 20_000))
        .plain("isOnboarded", true);
}

/// Severity, exploits and update of a row.
fn judged(view: &View, flaw: &Flaw, cve: Option<&str>, row: &mut Row) {
    let rating = flaw.number.map(|number| records::rating_of(&view.scene.tenant, number));
    row.optional("cveId", cve);
    row.optional("vulnerabilitySeverityLevel", rating.map(|(severity, _)| severity));
    match rating {
        Some((_, Some(score))) => row.plain("cvssScore", score),
        _ => row.null("cvssScore"),
    };
    let number = flaw.number.unwrap_or(0);
    // As the severity, it is the vulnerability's own; an update is about the remedy.
    let exploit = number as usize % EXPLOITS.len();
    let exploit = if cve.is_some() { EXPLOITS[exploit] } else { EXPLOITS[0] };
    let is_fixable = flaw.updates.rem_euclid(2) == 0;
    let update = (is_fixable && cve.is_some()).then(|| format!("Invented update {number}"));
    row.text("exploitabilityLevel", exploit)
        .optional("recommendedSecurityUpdate", update.as_deref())
        .null("recommendedSecurityUpdateId")
        .null("recommendedSecurityUpdateUrl")
        .plain("securityUpdateAvailable", is_fixable);
}

/// The version of a product on a device: one of three.
pub(crate) fn version(view: &View, machine: &Machine, product: u64) -> String {
    let mut draw = Draw::new(view.scene.tenant.seed, "version", product);
    let (major, minor) = (1 + draw.below(20), draw.below(40));
    format!("{major}.{minor}.{}", (machine.number + product) % 3)
}

/// When a row's present vulnerability was first seen: with the turn that brought it.
fn first_seen(view: &View, device: u64, slot: u64) -> Timestamp {
    let phase = row_phase(view, device, slot);
    // Software without a vulnerability never turns.
    let step = if slot % CLEAN == CLEAN - 1 { view.first } else { view.step };
    let turn = (step + phase).div_euclid(ROW_STEPS);
    let brought = if turn.rem_euclid(3) == 0 { turn - 1 } else { turn };
    let seconds = Draw::new(view.scene.tenant.seed, "first seen", (device << 16) + slot);
    earlier(time_of(brought * ROW_STEPS - phase), seconds.clone().below(3000))
}

/// Changes of a device after the snapshot `from`, up to the one of the view.
pub(crate) fn changes(view: &View, from: i64, device: u64) -> Vec<Change> {
    let phase = phase(view, "group phase", device, GROUP_STEPS);
    let moved: Vec<i64> = turns(phase, GROUP_STEPS, from, view.step).collect();
    let mut changes: Vec<Change> = Vec::new();
    for slot in 0..u64::from(view.rows.vulnerabilities) {
        let replaced =
            |step| [Status::Fixed, Status::New].map(|status| Change { step, slot, status });
        changes.extend(moved.iter().copied().flat_map(replaced));
        if slot % CLEAN == CLEAN - 1 {
            continue;
        }
        let phase = row_phase(view, device, slot);
        for step in turns(phase, ROW_STEPS, from, view.step).filter(|step| !moved.contains(step)) {
            match (step + phase).div_euclid(ROW_STEPS).rem_euclid(3) {
                0 => changes.push(Change { step, slot, status: Status::Updated }),
                _ => changes.extend(replaced(step)),
            }
        }
    }
    changes.sort_unstable();
    changes
}

/// Steps after `from`, up to `to`, at which a thing of this phase turns.
fn turns(phase: i64, period: i64, from: i64, to: i64) -> impl Iterator<Item = i64> {
    let first = ((from + phase).div_euclid(period) + 1) * period - phase;
    (0..).map(move |number| first + number * period).take_while(move |step| *step <= to)
}

/// One row of the changes: what is fixed as it was before, anything else as it is since.
pub(crate) fn write_change(view: &View, device: u64, change: Change, row: &mut Row) {
    let step = if change.status == Status::Fixed { change.step - 1 } else { change.step };
    let then = View { step, ..view.clone() };
    write(&then, &super::machine(&then, device), change.slot, row);
    let time = time_of(change.step).strftime("%Y-%m-%d %H:%M:%S").to_string();
    row.text("status", &format!("{:?}", change.status)).text("eventTimestamp", &time);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Options, RowsPerDevice, Tenant};
    use crate::scene::Scene;

    #[test]
    fn about_one_row_in_a_hundred_changes_with_each_step() {
        let options = Options::new(Vec::new(), serde_json::Value::Null);
        let (tenant, touches) = (Tenant::new(1, "Fabrikam", 500), Vec::new());
        let scene = Scene {
            tenant,
            today: options.today,
            started: options.started,
            touches,
            now: options.started,
            acted: std::sync::Arc::default(),
            action_span: jiff::SignedDuration::ZERO,
            altered: std::sync::Arc::default(),
        };
        let view = View { scene, step: 83_040, first: 83_000, rows: RowsPerDevice::default() };
        let devices = || 0..view.devices();

        let placed = devices().flat_map(|device| changes(&view, 83_000, device));
        let steps: Vec<i64> =
            placed.filter(|one| one.status != Status::Fixed).map(|one| one.step).collect();

        let share = steps.len() as f64 / 40.0 / 3000.0;
        assert!((0.008..0.011).contains(&share), "{share}");
        assert!(steps.iter().all(|step| (83_001..=83_040).contains(step)));
    }
}
