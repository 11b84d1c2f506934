//! Defender's records: devices, vulnerabilities and recommendations of invented vendors.

use bytes::Bytes;
use jiff::civil::Date;

use crate::defender::inventory::product_name;
use crate::generate::{Draw, before, domain, list, number_of, time};
use crate::options::Tenant;

const SYSTEMS: [(&str, &str, u32); 6] = [
    ("Windows11", "24H2", 26100),
    ("Windows11", "23H2", 22631),
    ("Windows10", "22H2", 19045),
    ("WindowsServer2022", "21H2", 20348),
    ("macOS", "15.1", 24),
    ("Linux", "Other", 0),
];
pub(crate) const GROUPS: [&str; 5] =
    ["Workstations", "Servers", "Executives", "Kiosks", "Laboratory"];
const TAGS: [&str; 5] = ["pilot", "branch-north", "branch-south", "legacy", "vip"];
pub(crate) const VENDORS: [&str; 8] =
    ["fabrikam", "northwind", "adatum", "litware", "proseware", "tailspin", "wingtip", "trey"];
pub(crate) const PRODUCTS: [&str; 10] = [
    "reader", "browser", "archiver", "runtime", "editor", "player", "agent", "mailer", "gateway",
    "sync",
];
const FLAWS: [&str; 6] = [
    "A heap buffer overflow in the image decoder",
    "A use-after-free in the script engine",
    "Improper validation of a length field in the update protocol",
    "A race condition in the privileged helper service",
    "Insufficient checking of signatures on add-ons",
    "A path traversal in the archive extraction routine",
];
const OUTCOMES: [&str; 4] = [
    "allows a remote attacker to run code with the rights of the signed-in user",
    "allows a local user to gain the rights of the system account",
    "lets an attacker read memory of other processes",
    "lets an attacker make the service stop answering",
];

/// One record of `GET /api/machines`.
pub(crate) fn device(tenant: &Tenant, number: u64, today: Date) -> Bytes {
    let draw = &mut Draw::new(tenant.seed, "device", number);
    let id = format!("{:016x}{:016x}{:08x}", draw.next(), draw.next(), number as u32);
    let host = draw.pick(&["pc", "lap", "srv", "kiosk"]);
    let host = format!("{host}-{number:06}.{}", domain(tenant));
    let joined = draw.chance(80);
    let entra = if joined { quoted(&draw.guid()) } else { "null".to_owned() };
    let excluded = draw.chance(2);
    let reason = if excluded { quoted("OutOfScope") } else { "null".to_owned() };
    let tags = if draw.chance(40) { list(&[draw.pick(&TAGS)]) } else { "[]".to_owned() };
    let (seen, system, network) = (sightings(draw, today), system(draw), network(draw, number));
    let standing = standing(tenant, draw, number, today);
    format!(
        r#"{{"id":"{id}","mergedIntoMachineId":null,"isPotentialDuplication":false,"isExcluded":{excluded},"exclusionReason":{reason},"computerDnsName":"{host}",{seen},{system},{standing},"isAadJoined":{joined},"aadDeviceId":{entra},"machineTags":{tags},{network},"vmMetadata":null}}"#
    )
    .into()
}

/// Name of a group by its id; 0 is none.
pub(crate) fn group(id: u32) -> &'static str {
    let at = (id as usize).checked_sub(1);
    at.and_then(|at| GROUPS.get(at)).copied().unwrap_or("Unassigned")
}

fn quoted(text: &str) -> String {
    format!(r#""{text}""#)
}

/// When a device was seen, and whether it still reports.
fn sightings(draw: &mut Draw, today: Date) -> String {
    let idle = if draw.chance(85) { 0 } else { draw.below(28) };
    let first = time(before(today, 40 + draw.below(700)), draw);
    let last = time(before(today, idle), draw);
    let health = match idle {
        7.. => "Inactive",
        _ if draw.chance(90) => "Active",
        _ => draw.pick(&["NoSensorData", "ImpairedCommunication"]),
    };
    format!(r#""firstSeen":"{first}","lastSeen":"{last}","healthStatus":"{health}""#)
}

fn system(draw: &mut Draw) -> String {
    let (platform, version, build) = draw.pick(&SYSTEMS);
    let agent = draw.below(9000);
    format!(
        r#""osPlatform":"{platform}","osVersion":null,"osProcessor":"x64","osArchitecture":"64-bit","version":"{version}","osBuild":{build},"agentVersion":"10.8800.{build}.{agent}""#
    )
}

fn network(draw: &mut Draw, number: u64) -> String {
    let address = format!("10.{}.{}.{}", (number >> 16) & 255, (number >> 8) & 255, number & 255);
    let (outside, mac) = (draw.below(250) + 1, draw.below(1 << 48));
    format!(
        r#""lastIpAddress":"{address}","lastExternalIpAddress":"203.0.113.{outside}","ipAddresses":[{{"ipAddress":"{address}","macAddress":"{mac:012X}","type":"Ethernet","operationalStatus":"Up"}}]"#
    )
}

/// How a device is judged and managed.
fn standing(tenant: &Tenant, draw: &mut Draw, number: u64, today: Date) -> String {
    // One device in twenty changes its level from day to day, the others keep theirs.
    let day = if draw.chance(5) { number_of(today) } else { 0 };
    let exposure = Draw::new(tenant.seed, "exposure level", number.wrapping_add(day << 32))
        .pick(&["None", "Low", "Low", "Medium", "Medium", "High"]);
    let risk = draw.pick(&["None", "None", "None", "Informational", "Low", "Medium", "High"]);
    let value = draw.pick(&["Normal", "Normal", "Normal", "Normal", "Low", "High"]);
    let onboarding =
        draw.pick(&["Onboarded", "Onboarded", "Onboarded", "CanBeOnboarded", "InsufficientInfo"]);
    let antivirus = draw.pick(&["Updated", "Updated", "Updated", "NotUpdated", "Disabled"]);
    let managed = draw.pick(&["Intune", "Intune", "MDE", "Unknown"]);
    let group = draw.below(GROUPS.len() as u64 + 1) as usize;
    let name = group.checked_sub(1).map_or("null".to_owned(), |at| quoted(GROUPS[at]));
    format!(
        r#""deviceValue":"{value}","rbacGroupId":{group},"rbacGroupName":{name},"riskScore":"{risk}","exposureLevel":"{exposure}","defenderAvStatus":"{antivirus}","onboardingStatus":"{onboarding}","managedBy":"{managed}","managedByStatus":"Unknown""#
    )
}

/// One record of `GET /api/vulnerabilities`. Three in five have no exposed device.
pub(crate) fn vulnerability(tenant: &Tenant, number: u64, today: Date) -> Bytes {
    let draw = &mut Draw::new(tenant.seed, "vulnerability", number);
    let id = cve(number);
    let exposed = match is_exposed(tenant, number) {
        true => 1 + draw.below(u64::from(tenant.devices / 3)),
        false => 0,
    };
    let age = 10 + draw.below(2000);
    let (published, updated) = (before(today, age), before(today, draw.below(age)));
    let first = match exposed {
        0 => "null".to_owned(),
        _ => quoted(&time(before(today, draw.below(age)), draw)),
    };
    let (description, rating, exploits) = (description(draw), rating(draw), exploits(draw, &id));
    format!(
        r#"{{"id":"{id}","name":"{id}","description":"{description}",{rating},"exposedMachines":{exposed},"publishedOn":"{published}T07:00:00Z","updatedOn":"{updated}T00:00:00Z","firstDetected":{first},"patchFirstAvailable":null,{exploits},"cveSupportability":"Supported","tags":[]}}"#
    )
    .into()
}

/// Id of a vulnerability.
pub(crate) fn cve(number: u64) -> String {
    format!("CVE-{}-{}", 2018 + number % 9, 20_000 + number)
}

/// The number of the vulnerability with this id.
pub(crate) fn number_of_cve(id: &str) -> Option<u64> {
    let number = id.rsplit('-').next()?.parse::<u64>().ok()?.checked_sub(20_000)?;
    (cve(number) == id).then_some(number)
}

fn is_exposed(tenant: &Tenant, number: u64) -> bool {
    tenant.devices > 0 && matches!(number % 5, 1 | 3)
}

/// Severity and score of a vulnerability, as [`vulnerability`] writes them.
pub(crate) fn rating_of(tenant: &Tenant, number: u64) -> (&'static str, Option<f64>) {
    let draw = &mut Draw::new(tenant.seed, "vulnerability", number);
    // What the record draws before it: ages, with exposed devices those and a time; its text.
    let before = if is_exposed(tenant, number) { 1 + 2 + 3 } else { 2 } + 7;
    (0..before).for_each(|_| _ = draw.next());
    rated(draw)
}

fn description(draw: &mut Draw) -> String {
    let (vendor, product) = (draw.pick(&VENDORS), draw.pick(&PRODUCTS));
    let (flaw, outcome) = (draw.pick(&FLAWS), draw.pick(&OUTCOMES));
    let fixed = format!("{}.{}.{}", 1 + draw.below(20), draw.below(40), draw.below(900));
    format!(
        "Summary: {flaw} of {vendor} {product} before {fixed} {outcome}. The attacker has to make the victim open a prepared file or page; no further step is needed. Impact: rights, data or availability of the device. Remediation: install version {fixed} or later from {vendor}."
    )
}

/// Severity and scores. Some have no score yet.
fn rating(draw: &mut Draw) -> String {
    let (severity, score) = rated(draw);
    let cvss = score.map_or("null".to_owned(), |score| format!("{score:.1}"));
    let vector = draw.pick(&["AV:N/AC:L/PR:N/UI:R", "AV:L/AC:L/PR:L/UI:N", "AV:N/AC:H/PR:N/UI:N"]);
    let epss = match draw.below(10) {
        0 => "0".to_owned(),
        _ => format!("{:.5}", draw.unit() * draw.unit() * 0.9),
    };
    format!(
        r#""severity":"{severity}","cvssV3":{cvss},"cvssVector":"CVSS:3.1/{vector}/S:U/C:H/I:H/A:H","epss":{epss}"#
    )
}

fn rated(draw: &mut Draw) -> (&'static str, Option<f64>) {
    let score = 1.0 + draw.below(91) as f64 / 10.0;
    let severity = match score {
        9.0.. => "Critical",
        7.0.. => "High",
        4.0.. => "Medium",
        _ => "Low",
    };
    // Tenths are written as they are, not as the sum that made them.
    let score = (score * 10.0).round() / 10.0;
    (severity, (!draw.chance(4)).then_some(score))
}

fn exploits(draw: &mut Draw, id: &str) -> String {
    let (public, kit) = (draw.chance(12), draw.chance(3));
    let verified = public && draw.chance(50);
    let (kinds, places) = match public {
        true => (
            list(&[draw.pick(&["Remote", "Local", "Dos"])]),
            list(&[&format!("https://exploits.example/{id}")]),
        ),
        false => ("[]".to_owned(), "[]".to_owned()),
    };
    format!(
        r#""publicExploit":{public},"exploitVerified":{verified},"exploitInKit":{kit},"exploitTypes":{kinds},"exploitUris":{places}"#
    )
}

/// One record of `GET /api/recommendations`: updates and settings in turn.
pub(crate) fn recommendation(tenant: &Tenant, number: u64) -> Bytes {
    let mut draw = Draw::new(tenant.seed, "recommendation", number);
    let (vendor, product) = (draw.pick(&VENDORS), draw.pick(&PRODUCTS));
    let is_update = number.is_multiple_of(2);
    // An update is of one of the tenant's products, as rows of devices refer to it.
    let (vendor, product) = match is_update {
        true => product_name(number / 2),
        false => (vendor, product.to_owned()),
    };
    let id = match is_update {
        true => format!("va-_-{vendor}-_-{product}"),
        false => format!("sca-_-scid-{}", 2000 + number),
    };
    let (name, kind, category, part) = match is_update {
        true => (format!("Update {vendor} {product}"), "Update", "Application", ""),
        false => {
            let category = draw.pick(&["Accounts", "Network", "OS", "SecurityControls"]);
            (
                format!("Turn on invented setting {number}"),
                "ConfigurationChange",
                category,
                "Password policy",
            )
        }
    };
    let devices = u64::from(tenant.devices);
    let exposed = draw.below(devices + 1);
    let severity = if is_update { "0".to_owned() } else { format!("{}.0", 1 + draw.below(10)) };
    let config = if is_update { "0".to_owned() } else { format!("{:.2}", draw.unit() * 9.0) };
    let impact = draw.unit() * 8.0;
    let weaknesses = if is_update { 1 + draw.below(400) } else { 0 };
    let threats = if draw.chance(15) { list(&[&draw.guid()]) } else { "[]".to_owned() };
    let status = if draw.chance(8) { "Exception" } else { "Active" };
    let (public, alert) = (draw.chance(20), draw.chance(3));
    format!(
        r#"{{"id":"{id}","productName":"{product}","recommendationName":"{name}","weaknesses":{weaknesses},"vendor":"{vendor}","recommendedVersion":"","recommendedVendor":"","recommendedProgram":"","recommendationCategory":"{category}","subCategory":"{part}","severityScore":{severity},"publicExploit":{public},"activeAlert":{alert},"associatedThreats":{threats},"remediationType":"{kind}","status":"{status}","configScoreImpact":{config},"exposureImpact":{impact:.14},"totalMachineCount":{devices},"exposedMachinesCount":{exposed},"nonProductivityImpactedAssets":0,"relatedComponent":"{product}","hasUnpatchableCve":false,"tags":[]}}"#
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rating_is_the_one_of_the_record() {
        let tenant = Tenant::new(3, "Fabrikam", 40);
        for number in 0..60 {
            let record = vulnerability(&tenant, number, jiff::civil::date(2026, 11, 20));
            let record: serde_json::Value = serde_json::from_slice(&record).unwrap();

            let (severity, score) = rating_of(&tenant, number);

            assert_eq!((&record["severity"], record["cvssV3"].as_f64()), (&severity.into(), score));
            assert_eq!(record["id"], cve(number));
        }
    }
}
