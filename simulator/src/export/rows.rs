//! Rows of the exports beside vulnerabilities.

use crate::defender::inventory::{product_name, products};
use crate::export::{Row, View, device, flaws};
use crate::generate::Draw;
use crate::scene::{Machine, earlier, later};

const DAY_S: u64 = 86_400;

fn draw(view: &View, kind: &str, machine: &Machine, slot: u64) -> Draw {
    Draw::new(view.scene.tenant.seed, kind, (machine.number << 16) + slot)
}

/// A day relative to the simulator's start; some ends of support are still to come.
fn day(view: &View, draw: &mut Draw) -> String {
    let time = later(view.scene.ago(400 * DAY_S), draw.below(1000) * DAY_S);
    time.strftime("%Y-%m-%d").to_string()
}

/// Installed software: a run of the products, so that no device has one twice.
pub(crate) fn software(view: &View, machine: &Machine, slot: u64, row: &mut Row) {
    let product = (slot + machine.number) % products(&view.scene).max(slot + 1);
    let (vendor, name) = product_name(product);
    let mut fixed = Draw::new(view.scene.tenant.seed, "support", product);
    let support = fixed.pick(&["None", "None", "None", "EOS Version", "Upcoming EOS Version"]);
    let ends = (support != "None").then(|| day(view, &mut fixed));
    let weaknesses = if fixed.chance(40) { 0 } else { 1 + fixed.below(60) };
    let mut draw = draw(view, "software", machine, slot);
    let seen = super::plain(view.scene.ago(DAY_S + draw.below(500 * DAY_S)));
    device(row, machine);
    row.text("osPlatform", &machine.os_platform)
        .text("softwareVendor", vendor)
        .text("softwareName", &name)
        .text("softwareVersion", &flaws::version(view, machine, product))
        .plain("numberOfWeaknesses", weaknesses);
    super::places(row, vendor, &name, slot);
    row.text("softwareFirstSeenTimestamp", &seen)
        .text("endOfSupportStatus", support)
        .optional("endOfSupportDate", ends.as_deref());
}

/// A setting; a third of them fail.
pub(crate) fn configuration(view: &View, machine: &Machine, slot: u64, row: &mut Row) {
    let mut fixed = Draw::new(view.scene.tenant.seed, "setting", slot);
    let (category, part) = fixed.pick(&[
        ("Accounts", "Password policy"),
        ("Network", ""),
        ("OS", "System"),
        ("Security controls", "Antivirus"),
    ]);
    let fails = (slot + machine.number).is_multiple_of(3);
    let applies = fails || !(slot + machine.number).is_multiple_of(16);
    let name = (!machine.number.is_multiple_of(50)).then_some(machine.computer_dns_name.as_str());
    row.text("deviceId", &machine.id)
        .optional("deviceName", name)
        .plain("rbacGroupId", machine.rbac_group_id)
        .text("rbacGroupName", machine.group())
        .text("osPlatform", &machine.os_platform)
        .text("osVersion", &machine.version())
        .text("timestamp", &view.before(300 + machine.number % 15_000))
        .text("configurationId", &format!("scid-{}", 2000 + slot))
        .text("configurationName", &format!("Turn on invented setting {slot}"))
        .text("configurationCategory", category)
        .text("configurationSubcategory", part)
        .plain("configurationImpact", 1 + fixed.below(10))
        .plain("isCompliant", applies && !fails)
        .plain("isApplicable", applies)
        .plain("isExpectedUserImpact", fixed.chance(20))
        .text("recommendationReference", &format!("sca-_-scid-{}", 2000 + slot));
}

/// A setting of a baseline.
pub(crate) fn baseline(view: &View, machine: &Machine, slot: u64, row: &mut Row) {
    let profile = Draw::new(view.scene.tenant.seed, "profile of a baseline", slot / 100).guid();
    let setting = format!("{}.{}.{}", 1 + slot / 25, 1 + slot / 5 % 5, 1 + slot % 5);
    let complies = draw(view, "baseline", machine, slot).chance(70);
    let time = earlier(view.time(), 900 + machine.number % 9000).to_string();
    row.text("id", &format!("{}_{profile}_{setting}", machine.id))
        .text("configurationId", &setting)
        .text("profileId", &profile);
    device(row, machine);
    row.text("osPlatform", &machine.os_platform)
        .text("osVersion", &machine.version())
        .plain("isApplicable", true)
        .plain("isCompliant", complies)
        .text("dataCollectionTimeOffset", &time)
        .text("complianceCalculationTimeOffset", &time)
        .list("recommendedValue", &["Greater than or equal '24'"])
        .list("currentValue", &[if complies { "24" } else { "12" }])
        .list("source", &[&format!("invented_setting_{slot}")]);
}

/// A certificate; the end of some isn't known, of others it has passed.
pub(crate) fn certificate(view: &View, machine: &Machine, slot: u64, row: &mut Row) {
    let mut draw = draw(view, "certificate", machine, slot);
    let thumbprint = format!("{:016x}{:016x}{:08x}", draw.next(), draw.next(), slot);
    let from = view.scene.ago(draw.below(700) * DAY_S);
    let until = match draw.below(20) {
        0 => "0001-01-01T00:00:00Z".to_owned(),
        _ => later(from, (30 + draw.below(900)) * DAY_S).to_string(),
    };
    let name = format!("service{}.invented.example", draw.below(40));
    let own = draw.chance(15);
    let issuer = if own { name.as_str() } else { "Invented Issuing CA 2" };
    device(row, machine);
    row.text("thumbprint", &thumbprint)
        .text("path", &format!(r"LocalMachine\My\{slot}"))
        .text(
            "signatureAlgorithm",
            draw.pick(&["sha256RSA", "sha256RSA", "sha1RSA", "sha384ECDSA"]),
        )
        .plain("keyLength", draw.pick(&[2048, 2048, 4096, 1024, 384]))
        .text("notBefore", &from.to_string())
        .text("notAfter", &until)
        .text("subjectType", "End Entity")
        .optional("serialNumber", Some(&thumbprint[..24]).filter(|_| slot % 9 != 8))
        .object("subjectObject", &[("commonName", &name)])
        .object("issuerObject", &[("commonName", issuer), ("organizationName", "Invented")])
        .list("keyUsageArray", &["Digital Signature", "Key Encipherment"])
        .list("extendedKeyUsageArray", if own { &[] } else { &["Server Authentication"] })
        .plain("isSelfSigned", own);
}

/// A browser extension.
pub(crate) fn extension(view: &View, machine: &Machine, slot: u64, row: &mut Row) {
    let mut fixed = Draw::new(view.scene.tenant.seed, "extension", slot * 5 + machine.number % 5);
    let id: String = (0..32).map(|_| char::from(b'a' + fixed.below(16) as u8)).collect();
    let risk = fixed.pick(&["None", "Low", "Low", "Medium", "High", "Critical"]);
    let mut draw = draw(view, "installed extension", machine, slot);
    let time = view.scene.ago(draw.below(500 * DAY_S)).to_string();
    device(row, machine);
    row.text("browserName", draw.pick(&["edge", "chrome", "firefox"]))
        .text("extensionId", &id)
        .text("extensionName", &format!("Invented helper {}", slot * 5 + machine.number % 5))
        .text("extensionDescription", "Says \"hello\" on every page")
        .text("extensionVersion", &format!("{}.{}", 1 + fixed.below(9), fixed.below(30)))
        .text("extensionRisk", risk)
        .text("installationTime", &time)
        .plain("isActivated", draw.chance(85))
        .plain(
            "permissions",
            format_args!(r#"[{{"Id":"tabs","IsRequired":true,"Risk":"{risk}"}}]"#),
        );
}

/// A component; each of a device has another type and name.
pub(crate) fn firmware(view: &View, machine: &Machine, slot: u64, row: &mut Row) {
    let kind = ["Bios", "Hardware", "Processor", "TPM", "Battery"][(slot % 5) as usize];
    let mut draw = draw(view, "firmware", machine, slot);
    let maker = draw.pick(&["fabrikam", "northwind", "litware"]);
    let version = format!("{}.{}", 1 + draw.below(4), draw.below(60));
    device(row, machine);
    row.text("componentType", kind)
        .text("manufacturer", maker)
        .text("componentName", &format!("{maker} {kind} {slot}"))
        .text("componentVersion", &version)
        .text("additionalFields", &format!(r#"{{"Slot":"{slot}","ReleaseDate":"2025-03-01"}}"#));
}
